"""How many windows 30 days look at."""

from __future__ import annotations

from typing import Any

import pytest

from airloop.monitoring.looks import looks_in_30_days
from airloop.spec.model import Monitor


@pytest.mark.parametrize(
    ("monitor", "looks"),
    [
        ({"window": "1d", "schedule": "0 6 * * *"}, 30),
        ({"window": "7d", "schedule": "0 12 * * MON"}, 30 / 7),
        ({"window": "7d", "schedule": "0 6 * * *"}, 30),
        ({"window": "1d", "schedule": "*/10 * * * *"}, 30),
        ({"window": "1h", "schedule": "5 * * * *"}, 720),
        ({"window": "10d", "schedule": None}, 3),
    ],
)
def test_looks_are_the_different_windows_that_scheduled_runs_look_at(monitor: dict[str, Any], looks: float) -> None:
    assert looks_in_30_days(Monitor.model_validate(monitor)) == pytest.approx(looks)
