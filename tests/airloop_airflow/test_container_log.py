from __future__ import annotations

import pytest

from airloop_airflow.container_log import level_of


@pytest.mark.parametrize(
    ("line", "level", "text"),
    [
        ("fitted 400 rounds", "info", "fitted 400 rounds"),
        ("WARNING: the window is not in MLflow", "warning", "the window is not in MLflow"),
        ("ERROR: no", "error", "no"),
        ("CRITICAL: no", "critical", "no"),
        ("WARNING:", "info", "WARNING:"),
        ("it said WARNING: no", "info", "it said WARNING: no"),
        ("", "info", ""),
    ],
)
def test_a_line_keeps_its_level(line, level, text):
    assert level_of(line) == (level, text)
