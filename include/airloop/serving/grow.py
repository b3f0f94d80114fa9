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
    """Nodes of all trees, the right child behind the left one.

    A row is spread to ``width`` columns: its features with missing values as -inf, the same with +inf (so that the
    comparison ``value >= bound`` sends them to the default side), one -inf for leaves, one column for each set split.
    """

    features: int
    groups: int
    depth: int
    width: int
    base: Array
    roots: Array
    column: Array
    bound: Array
    left: Array
    leaf: Array
    splits: tuple[Split, ...]


@dataclass
class _Nodes:
    features: int
    column: list[int] = field(default_factory=list)
    bound: list[float] = field(default_factory=list)
    left: list[int] = field(default_factory=list)
    leaf: list[float] = field(default_factory=list)
    sets: dict[Set, list[int]] = field(default_factory=dict)
    """Set split → nodes that use it."""
    depth: int = 0

    def add_tree(self, tree: Mapping[str, Any]) -> int:
        """Append a tree level by level, children side by side; return where its root is."""
        left, right = _list(tree["left_children"]), _list(tree["right_children"])
        root = len(self.column)
        order, levels = [0], [0]
        for place, node in enumerate(order):  # grows while it is walked
            self._add_node(tree, node, root + place, root + len(order), left[node] == -1)
            if left[node] != -1:
                order += [left[node], right[node]]
                levels += [levels[place] + 1] * 2
        self.depth = max(self.depth, levels[-1])
        return root

    def _add_node(self, tree: Mapping[str, Any], node: int, place: int, child: int, is_leaf: bool) -> None:
        condition = float(tree["split_conditions"][node])
        feature, goes_left = int(tree["split_indices"][node]), bool(tree["default_left"][node])
        column, bound = feature if goes_left else self.features + feature, condition
        if is_leaf:
            column, bound, child = 2 * self.features, np.inf, place
        elif int(tree["split_type"][node]) == 1:
            bound = 0.5
            self.sets.setdefault((feature, _categories(tree, node), goes_left), []).append(place)
        self.column.append(column)
        self.bound.append(bound)
        self.left.append(child)
        self.leaf.append(condition if is_leaf else 0.0)


def grow(learner: Mapping[str, Any]) -> Table:
    """Return the table of a learner (XGBoost 3 JSON form). Raises Unsupported."""
    booster, facts = learner["gradient_booster"], learner["learner_model_param"]
    if booster["name"] != "gbtree":
        raise Unsupported(f"booster {booster['name']!r} is evaluated by its own library only")
    model = booster["model"]
    groups = max(1, int(facts["num_class"]))
    order = _by_group(_list(model["tree_info"]), groups)
    nodes = _Nodes(int(facts["num_feature"]))
    roots = [nodes.add_tree(_single_output(model["trees"][tree])) for tree in order]
    if nodes.depth > MOST_DEPTH:
        raise Unsupported(f"trees of depth {nodes.depth}; at most {MOST_DEPTH} are walked here")
    splits, width = _splits(nodes)
    return Table(
        features=nodes.features,
        groups=groups,
        depth=nodes.depth,
        width=width,
        base=_base(facts["base_score"], learner["objective"]["name"], groups),
        roots=np.array(roots, np.intp),
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


def _single_output(tree: Mapping[str, Any]) -> Mapping[str, Any]:
    if int(tree["tree_param"]["size_leaf_vector"]) > 1:
        raise Unsupported("trees whose leaves hold vectors")
    return tree


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


def _categories(tree: Mapping[str, Any], node: int) -> frozenset[int]:
    where = _list(tree["categories_nodes"]).index(node)
    start, size = int(tree["categories_segments"][where]), int(tree["categories_sizes"][where])
    return frozenset(int(code) for code in tree["categories"][start : start + size])


def _list(values: Any) -> list[int]:
    return values.tolist() if isinstance(values, np.ndarray) else list(values)
