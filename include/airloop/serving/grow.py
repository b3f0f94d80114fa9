"""An XGBoost model's trees as flat arrays that all trees share."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from airloop.serving import links
from airloop.serving.links import Unsupported

Array = np.ndarray[Any, Any]
MOST_DEPTH = 64
MOST_BYTES = 64_000_000
"""Largest table of set splits; models with more are left to XGBoost."""
Set = tuple[int, frozenset[int], bool]
"""Feature, categories that go right, whether a missing value goes left."""


@dataclass(frozen=True)
class Split:
    """All splits by category of one feature: row ``code`` of ``outcomes`` has 1 where that category goes right."""

    feature: int
    columns: slice
    outcomes: Array
    unknown: int
    missing: int


@dataclass(frozen=True)
class Table:
    """Nodes of all trees, the right child behind the left one; the first ``trees`` nodes are the roots.

    A row is spread to ``width`` columns: its features with missing values as -inf, the same with +inf (so that the
    comparison ``value >= bound`` sends them to the default side), one -inf for leaves, one column for each set split.
    """

    features: int
    groups: int
    trees: int
    depth: int
    width: int
    base: Array
    column: Array
    bound: Array
    left: Array
    leaf: Array
    splits: tuple[Split, ...]


@dataclass(frozen=True)
class _Tree:
    """One tree's nodes as plain lists; -1 is no child."""

    left: list[int]
    right: list[int]
    feature: list[int]
    condition: list[float]
    """Bound of a split, or value of a leaf."""
    goes_left: list[bool]
    """Where a missing value goes."""
    sets: Mapping[int, frozenset[int]]
    """Node → categories that go right."""


@dataclass
class _Nodes:
    """All trees' nodes, level by level: what is walked first, and most often together, lies together."""

    features: int
    column: list[int] = field(default_factory=list)
    bound: list[float] = field(default_factory=list)
    left: list[int] = field(default_factory=list)
    leaf: list[float] = field(default_factory=list)
    sets: dict[Set, list[int]] = field(default_factory=dict)
    """Set split → nodes that use it."""
    depth: int = 0

    def add(self, trees: Sequence[_Tree]) -> None:
        """Place the roots first, in the order given, then each level, siblings side by side."""
        order, levels = [(tree, 0) for tree in trees], [0] * len(trees)
        for place, (tree, node) in enumerate(order):  # grows while it is walked
            if tree.left[node] == -1:
                self._add_node(2 * self.features, np.inf, place, tree.condition[node])
                continue
            self._add_split(tree, node, place, len(order))
            order += [(tree, tree.left[node]), (tree, tree.right[node])]
            levels += [levels[place] + 1] * 2
        self.depth = max(levels, default=0)

    def _add_split(self, tree: _Tree, node: int, place: int, child: int) -> None:
        feature, goes_left = tree.feature[node], tree.goes_left[node]
        if node in tree.sets:
            # Its column is known once all sets are.
            self.sets.setdefault((feature, tree.sets[node], goes_left), []).append(place)
            self._add_node(0, 0.5, child, 0.0)
        else:
            self._add_node(feature if goes_left else self.features + feature, tree.condition[node], child, 0.0)

    def _add_node(self, column: int, bound: float, left: int, leaf: float) -> None:
        self.column.append(column)
        self.bound.append(bound)
        self.left.append(left)
        self.leaf.append(leaf)


def grow(learner: Mapping[str, Any]) -> Table:
    """Return the table of a learner (XGBoost 3 JSON form). Raises Unsupported."""
    booster, facts = learner["gradient_booster"], learner["learner_model_param"]
    if booster["name"] != "gbtree":
        raise Unsupported(f"booster {booster['name']!r} is evaluated by its own library only")
    model = booster["model"]
    groups = max(1, int(facts["num_class"]))
    order = _by_group(_list(model["tree_info"]), groups)
    nodes = _Nodes(int(facts["num_feature"]))
    nodes.add([_tree(model["trees"][number]) for number in order])
    if nodes.depth > MOST_DEPTH:
        raise Unsupported(f"trees of depth {nodes.depth}; at most {MOST_DEPTH} are walked here")
    splits, width = _splits(nodes)
    return Table(
        features=nodes.features,
        groups=groups,
        trees=len(order),
        depth=nodes.depth,
        width=width,
        base=_base(facts["base_score"], learner["objective"]["name"], groups),
        column=np.array(nodes.column, np.intp),
        bound=np.array(nodes.bound, np.float32),
        left=np.array(nodes.left, np.intp),
        leaf=np.array(nodes.leaf, np.float32),
        splits=splits,
    )


def _by_group(info: Sequence[int], groups: int) -> list[int]:
    """Return the trees' numbers, those of the first class first, each class in the order of boosting."""
    order = sorted(range(len(info)), key=lambda tree: info[tree])
    if len(info) % groups or any(info.count(group) != len(info) // groups for group in range(groups)):
        raise Unsupported("classes have different numbers of trees")
    return order


def _tree(tree: Mapping[str, Any]) -> _Tree:
    if int(tree["tree_param"]["size_leaf_vector"]) > 1:
        raise Unsupported("trees whose leaves hold vectors")
    codes, sets = _list(tree["categories"]), {}
    starts, sizes = _list(tree["categories_segments"]), _list(tree["categories_sizes"])
    for node, start, size in zip(_list(tree["categories_nodes"]), starts, sizes, strict=True):
        sets[node] = frozenset(codes[start : start + size])
    return _Tree(
        left=_list(tree["left_children"]),
        right=_list(tree["right_children"]),
        feature=_list(tree["split_indices"]),
        condition=_list(tree["split_conditions"]),
        goes_left=[bool(flag) for flag in _list(tree["default_left"])],
        sets=sets,
    )


def _splits(nodes: _Nodes) -> tuple[tuple[Split, ...], int]:
    by_feature: dict[int, list[Set]] = {}
    for key in nodes.sets:
        by_feature.setdefault(key[0], []).append(key)
    splits, start, size = [], 2 * nodes.features + 1, 0
    for feature, keys in sorted(by_feature.items()):
        unknown = 1 + max(max(categories, default=-1) for _, categories, _ in keys)
        size += 4 * (unknown + 2) * len(keys)
        if size > MOST_BYTES:
            raise Unsupported(f"splits by category need more than {MOST_BYTES:,} bytes")
        outcomes = np.zeros((unknown + 2, len(keys)), np.float32)
        for number, key in enumerate(keys):
            # A category outside the set, also one never seen, goes left; a missing one to its default side.
            outcomes[sorted(key[1]), number] = 1.0
            outcomes[unknown + 1, number] = 0.0 if key[2] else 1.0
            for node in nodes.sets[key]:
                nodes.column[node] = start + number
        splits.append(Split(feature, slice(start, start + len(keys)), outcomes, unknown, unknown + 1))
        start += len(keys)
    return tuple(splits), start


def _base(text: str, objective: str, groups: int) -> Array:
    scores = np.array(np.ravel(json.loads(text)), np.float32)
    if scores.size not in (1, groups):
        raise Unsupported(f"{scores.size} base scores for {groups} outputs")
    return np.broadcast_to(links.find(objective).margin(scores), (groups,)).astype(np.float32)


def _list(values: Any) -> list[Any]:
    return values.tolist() if isinstance(values, np.ndarray) else list(values)
