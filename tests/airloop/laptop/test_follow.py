"""Following a run, on answers as Airflow gives them."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from airloop.laptop import follow as following

pytestmark = pytest.mark.slow


TASKS = [
    {"task_id": "judge_candidate", "downstream_task_ids": ["release"]},
    {"task_id": "release", "downstream_task_ids": []},
    {"task_id": "take_snapshot", "downstream_task_ids": ["judge_candidate"]},
]
VERDICT = {"outcome": "REJECT", "reasons": ["roc_auc 0.5"]}
SNAPSHOT = {"rows": 59826, "partitions": 67, "as_of": "2013-03-18T00:00:00Z"}


class Recorded:
    """Airflow's answers, one look after the other."""

    def __init__(self, *looks: tuple[str, dict[str, str]]) -> None:
        self.looks = list(looks)
        self.now = looks[0]

    def request(self, method: str, path: str) -> Any:
        return {"tasks": TASKS}

    def run(self, dag_id: str, run_id: str) -> Any:
        self.now = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        return {"state": self.now[0]}

    def tasks(self, dag_id: str, run_id: str) -> Any:
        start, end = "2026-11-22T10:00:00+00:00", "2026-11-22T10:00:02.500000+00:00"
        return {
            name: {"state": state, "start_date": start, "end_date": end, "try_number": 1}
            for name, state in self.now[1].items()
        }

    def result(self, dag_id: str, run_id: str, task_id: str) -> Any:
        return {"take_snapshot": SNAPSHOT, "judge_candidate": VERDICT}.get(task_id)

    def log(self, dag_id: str, run_id: str, task_id: str, attempt: int) -> list[str]:
        return ["::group::Pre Execute", "reading flights", "DataError: two rows have one key\nat flights"]


def shown(api, *, terminal=False):
    text = io.StringIO()
    console = Console(file=text, force_terminal=terminal, width=120, color_system=None, soft_wrap=True)
    try:
        following.follow(api, "parcels.train", "run-1", console)
    finally:
        written = text.getvalue()
    return written


ENDS_WELL = (
    ("running", {"take_snapshot": "running"}),
    ("running", {"take_snapshot": "success", "judge_candidate": "running"}),
    ("success", {"take_snapshot": "success", "judge_candidate": "success", "release": "skipped"}),
)


def test_elsewhere_there_is_a_line_per_event_in_the_order_of_the_chain():
    assert [line.split() for line in shown(Recorded(*ENDS_WELL)).splitlines()] == [
        ["▸", "take_snapshot", "running"],
        "✓ take_snapshot success 2.5 s 59,826 rows in 67 partitions, known at 2013-03-18T00:00:00Z".split(),
        ["▸", "judge_candidate", "running"],
        ["✓", "judge_candidate", "success", "2.5", "s", "REJECT"],
        ["-", "release", "skipped", "2.5", "s"],
    ]


def test_at_a_terminal_there_is_one_table():
    text = shown(Recorded(*ENDS_WELL), terminal=True)
    assert "59,826 rows" in text and "REJECT" in text and "running" not in text


def test_a_failed_task_shows_the_end_of_its_log():
    failed = ("failed", {"take_snapshot": "failed", "judge_candidate": "upstream_failed"})
    with pytest.raises(following.RunFailed) as error:
        shown(Recorded(failed))
    assert str(error.value) == (
        "parcels.train: take_snapshot failed; the end of its log:\n"
        "  reading flights\n  DataError: two rows have one key\n  at flights"
    )


def test_briefly_there_is_a_line_at_most_and_what_is_seen_is_told():
    states = []
    console = Console(file=io.StringIO(), force_terminal=False, width=120)
    following.follow(
        Recorded(*ENDS_WELL), "parcels.train", "run-1", console, briefly="watching the week", see=states.append
    )
    assert console.file.getvalue() == ""
    assert states[0] == {"take_snapshot": "running"} and states[-1]["release"] == "skipped"


def test_briefly_a_failure_is_told_all_the_same():
    failed = ("failed", {"take_snapshot": "failed"})
    with pytest.raises(following.RunFailed, match="take_snapshot failed"):
        following.follow(Recorded(failed), "parcels.train", "run-1", Console(file=io.StringIO()), briefly="watching")
