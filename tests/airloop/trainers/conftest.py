"""Small encoded rows that a tree can learn from."""

from collections.abc import Callable

import numpy as np
import pytest

from airloop.trainers.protocol import Rows, TrainingData

MakeData = Callable[..., TrainingData]


def _rows(task: str, count: int, seed: int) -> Rows:
    random = np.random.default_rng(seed)
    matrix = random.normal(size=(count, 5)).astype(np.float32)
    matrix[:, 4] = random.integers(0, 6, count)
    matrix[random.random((count, 5)) < 0.05] = np.nan
    known = np.nan_to_num(matrix)
    score = known[:, 0] + (known[:, 4] % 2) * 2 + random.normal(scale=0.5, size=count)
    label = {"binary": score > 1, "multiclass": np.digitize(score, [0, 2]), "regression": score * 100}[task]
    return Rows(matrix, label.astype(np.float32), random.integers(0, 2**63, count).astype(np.uint64))


@pytest.fixture
def make_data() -> MakeData:
    def make(task: str = "binary", count: int = 1200, watch: int = 300) -> TrainingData:
        names = ("a", "b", "c", "d", "kind")
        later = _rows(task, watch, 1) if watch else None
        classes = {"binary": 2, "multiclass": 3, "regression": 0}[task]
        return TrainingData(names, (False, False, False, False, True), classes, _rows(task, count, 0), later)

    return make
