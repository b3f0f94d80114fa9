import numpy as np
import pandas as pd

from airloop.features.schema import Schema
from airloop.gates.evidence import Evidence
from airloop.gates.holdout import Holdout
from airloop.gates.suspicion import suspicions

SCHEMA = Schema((), (), "binary", ("0", "1"))


def evidence(sharpness: float) -> Evidence:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 400).astype(float)
    answers = np.clip(0.5 + sharpness * (truth - 0.5) + rng.normal(0, 0.2, 400), 0.01, 0.99)
    return Evidence(SCHEMA, Holdout(pd.DataFrame(), truth, None, 0, 0), [answers], None)


def test_a_credible_score_raises_no_suspicion():
    assert list(suspicions(evidence(0.3), {"importance": {"a": 0.6, "b": 0.4}, "metrics": {"log_loss": 0.5}})) == []


def test_a_perfect_score_and_a_single_feature_are_suspicious():
    perfect, single = suspicions(evidence(5.0), {"importance": {"refund": 0.97, "b": 0.03}})
    assert perfect.startswith("roc_auc 1 is suspiciously perfect")
    assert single == "refund alone has 97 % of the importance: does it know the label?"


def test_a_leak_that_ended_or_drift_shows_as_a_fall():
    watched = {"metrics": {"log_loss": 0.1}}
    assert list(suspicions(evidence(0.3), watched | {"rows": {"watch": 60}})) == [], "so few rows say nothing"
    (fall,) = suspicions(evidence(0.3), watched | {"rows": {"watch": 600}})
    assert (
        fall.startswith("log_loss 0.")
        and "against 0.1 on the last training rows: the model does not carry over" in fall
    )


def test_one_feature_alone_is_no_sign_where_there_is_only_one():
    assert list(suspicions(evidence(0.3), {"importance": {"only": 1.0}})) == []
