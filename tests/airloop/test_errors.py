from __future__ import annotations

import inspect

import pytest

from airloop import errors


@pytest.mark.parametrize(
    ("word", "allowed", "expected"),
    [
        ("auc_roc", ["roc_auc", "pr_auc", "log_loss"], "roc_auc"),
        ("ROC_AUC", ["roc_auc", "pr_auc"], "roc_auc"),
        ("logloss", ["roc_auc", "log_loss"], "log_loss"),
        ("latency_p99", ["latency_p99_ms", "bundle_mb"], "latency_p99_ms"),
        ("dayly", ["hour", "day", "none"], "day"),
        ("xyz", ["hour", "day"], None),
        ("day", [], None),
    ],
)
def test_closest_word(word, allowed, expected):
    assert errors.closest(word, allowed) == expected


def test_nearest_asks_and_lists_what_is_known():
    assert errors.nearest("dayly", ["hour", "day"]) == " Did you mean 'day'? Known: day, hour."
    assert errors.nearest("xyz", ["hour", "day"]) == " Known: day, hour."


def test_every_error_is_an_airloop_error_and_says_what_it_is():
    members = inspect.getmembers(errors, inspect.isclass)
    classes = [value for _, value in members if value.__module__ == errors.__name__]
    assert len(classes) > 8
    for kind in classes:
        assert issubclass(kind, errors.AirloopError)
        assert kind.__doc__


def test_only_what_can_heal_is_retried():
    assert errors.Unreachable.retryable
    assert errors.LostRace.retryable
    assert errors.SourceChanged.retryable
    assert not errors.ReleaseRefused.retryable
    assert not errors.ValidationBlocked.retryable
    assert not errors.SpecError.retryable
