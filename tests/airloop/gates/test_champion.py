from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from airloop.features.schema import Input, Schema
from airloop.gates.champion import ChampionUnusable, LiveModel, champion_fits
from airloop.ledger import Champion
from airloop.scoring import Scorer

NOW = datetime(2024, 3, 1, tzinfo=UTC)
LIVE = Champion("p", "local", 1, "b", "7", NOW, "release", "run", "", (), None, NOW)
FRAME = pd.DataFrame({"x": [0.0, 1.0]})


@dataclass
class Constant:
    """A model, and feature code, that answer the same whatever the row."""

    answer: np.ndarray

    def predict(self, matrix):
        return np.repeat(self.answer[None], 2, axis=0)

    def build(self, frame):
        return frame


def live(task, classes, answer):
    schema = Schema((Input("x", "number", False),), (), task, classes)
    model = Constant(np.array(answer))
    scorer = Scorer(schema, model, model)
    scorer.matrix = lambda frame, unknown: np.zeros((len(frame), 1), np.float32)
    return LiveModel(LIVE, "m", scorer, None, NOW)


def test_classes_are_put_in_the_candidates_order_and_unknown_ones_get_nothing():
    champion = live("multiclass", ("a", "b", "c"), [0.5, 0.3, 0.2])
    (fit,) = champion_fits(champion, FRAME, Schema((), (), "multiclass", ("b", "c", "d")))
    np.testing.assert_allclose(fit, [[0.3, 0.2, 0.0]] * 2)


@pytest.mark.parametrize(
    ("task", "classes", "what"),
    [
        ("binary", ("no", "yes"), "predicts binary 0, 1, the candidate binary no, yes"),
        ("regression", (), "predicts binary 0, 1, the candidate regression"),
    ],
)
def test_a_champion_that_predicts_something_else_is_unusable(task, classes, what):
    with pytest.raises(ChampionUnusable, match=what):
        champion_fits(live("binary", ("0", "1"), 0.5), FRAME, Schema((), (), task, classes))


def test_a_vanished_column_is_named():
    message = r"version 7\) cannot score these rows: the rows have no column 'x'"
    with pytest.raises(ChampionUnusable, match=message):
        champion_fits(live("binary", ("0", "1"), 0.5), pd.DataFrame({"y": [1]}), Schema((), (), "binary", ("0", "1")))
