"""An XGBoost model's trees as flat arrays that all trees share."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from airloop.serving import links
from airloop.serving.links import Unsupported
from airloop.serving.questions import Category, Number, Questions

Array = np.ndarray[Any, Any]
MOST_DEPTH = 64


@dataclass(frozen=True)
class Table:
    """Nodes of all trees, level by level: what is walked first, and most often together, lies together.

    The first ``trees`` nodes are the roots. ``left`` is where a node's left child is (the right one lies behind it),
    ``column`` which of the questions decides. A leaf is its own left child and never goes right.
    """

    questions: Questions
    groups: int
    trees: int
    depth: int
    base: Array
    left: Array
    column: Array
    leaf: Array


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

    def question(self, node: int) -> Number | Category:
        """Return what a split asks."""
        if node in self.sets:
            return Category(self.feature[node], self.sets[node], self.goes_left[node])
        return Number(self.feature[node], self.condition[node], self.goes_left[node])


@dataclass
class _Nodes:
    asks: list[Number | Category | None] = field(default_factory=list)
    left: list[int] = field(default_factory=list)
    leaf: list[float] = field(default_factory=list)
    depth: int = 0

    def add(self, trees: Sequence[_Tree]) -> None:
        """Place the roots first, in the order given, then each level, siblings side by side."""
        order, levels = [(tree, 0) for tree in trees], [0] * len(trees)
        for place, (tree, node) in enumerate(order):  # grows while it is walked
            is_leaf = tree.left[node] == -1
            self.asks.append(None if is_leaf else tree.question(node))
            self.left.append(place if is_leaf else len(order))
            self.leaf.append(tree.condition[node] if is_leaf else 0.0)
            if not is_leaf:
                order += [(tree, tree.left[node]), (tree, tree.right[node])]
                levels += [levels[place] + 1] * 2
        self.depth = max(levels, default=0)


def grow(learner: Mapping[str, Any]) -> Table:
    """Return the table of a learner (XGBoost 3 JSON form). Raises Unsupported."""
    booster, facts = learner["gradient_booster"], learner["learner_model_param"]
    if booster["name"] != "gbtree":
        raise Unsupported(f"booster {booster['name']!r} is evaluated by its own library only")
    model = booster["model"]
    groups = max(1, int(facts["num_class"]))
    order = _by_group(_list(model["tree_info"]), groups)
    nodes = _Nodes()
    nodes.add([_tree(model["trees"][number]) for number in order])
    if nodes.depth > MOST_DEPTH:
        raise Unsupported(f"trees of depth {nodes.depth}; at most {MOST_DEPTH} are walked here")
    questions = Questions(
        {asked for asked in nodes.asks if isinstance(asked, Number)},
        {asked for asked in nodes.asks if isinstance(asked, Category)},
    )
    columns = [questions.width - 1 if asked is None else questions.columns[asked] for asked in nodes.asks]
    return Table(
        questions=questions,
        groups=groups,
        trees=len(order),
        depth=nodes.depth,
        base=_base(facts["base_score"], learner["objective"]["name"], groups),
        left=np.array(nodes.left, np.intp),
        column=np.array(columns, np.intp),
        leaf=np.array(nodes.leaf, np.float32),
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


def _base(text: str, objective: str, groups: int) -> Array:
    scores = np.array(np.ravel(json.loads(text)), np.float32)
    if scores.size not in (1, groups):
        raise Unsupported(f"{scores.size} base scores for {groups} outputs")
    return np.broadcast_to(links.find(objective).margin(scores), (groups,)).astype(np.float32)


def _list(values: Any) -> list[Any]:
    return values.tolist() if isinstance(values, np.ndarray) else list(values)
