"""Gates and schedules in words."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter

from airloop.reports.rules import rule_of, schedule_of
from airloop.spec.gates import AnyGate


@pytest.mark.parametrize(
    ("gate", "said"),
    [
        ({"metric": "roc_auc", "min": 0.62}, "roc_auc at least 0.62"),
        ({"metric": "mae", "min": 1, "max": 2.5}, "mae at least 1 and at most 2.5"),
        ({"metric": "roc_auc", "slices": "origin", "min": 0.58}, "roc_auc in every origin at least 0.58"),
        ({"metric": "log_loss", "versus": "champion"}, "log_loss no worse than the champion's"),
        (
            {"metric": "log_loss", "versus": "champion", "margin": 0.01},
            "log_loss at most 0.01 worse than the champion's",
        ),
        ({"metric": "mae", "versus": "champion", "min_gain": 0.1}, "mae better than the champion's, by 0.1 at least"),
        ({"latency_p99_ms": 25, "bundle_mb": 50}, "p99 latency at most 25 ms, bundle at most 50 MB"),
    ],
)
def test_a_gate_is_said_in_words(gate, said):
    assert rule_of(TypeAdapter(AnyGate).validate_python(gate)) == said


@pytest.mark.parametrize(
    ("cron", "said"),
    [
        (None, ""),
        ("0 6 * * *", "daily at 06:00 UTC"),
        ("30 18 * * MON", "Mondays at 18:30 UTC"),
        ("0 6 * * 1,5", "Mondays and Fridays at 06:00 UTC"),
        ("0 6 * * sun,tue,fri", "Sundays, Tuesdays and Fridays at 06:00 UTC"),
        ("0 6 * * 0", "Sundays at 06:00 UTC"),
        ("0 6 * * 7", "Sundays at 06:00 UTC"),
        ("0 * * * *", "every hour"),
        ("15 * * * *", "every hour, 15 minutes past"),
        ("0 6 1 * *", "on day 1 of each month at 06:00 UTC"),
        ("@daily", "daily at 00:00 UTC"),
        ("@weekly", "Sundays at 00:00 UTC"),
        ("@yearly", "@yearly (cron, UTC)"),
        ("*/5 * * * *", "*/5 * * * * (cron, UTC)"),
        ("0 6 * * MON-FRI", "0 6 * * MON-FRI (cron, UTC)"),
        ("0 6 * 2 *", "0 6 * 2 * (cron, UTC)"),
        ("0 6 13 * FRI", "0 6 13 * FRI (cron, UTC)"),
    ],
)
def test_a_schedule_is_said_in_words_where_that_is_short(cron, said):
    assert schedule_of(cron) == said
