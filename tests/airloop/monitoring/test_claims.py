"""Claims: of a burst of runs one answers a decision to retrain, whatever becomes of the events that started them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from airloop.monitoring.claims import claim
from airloop.monitoring.window import Window
from airloop.refs import ClaimRef
from airloop.spec import Pipeline
from airloop.spec.model import Spec
from airloop.workspace import Workspace

MARCH, WEEK = datetime(2013, 3, 18, tzinfo=UTC), timedelta(days=7)
WEEKS = [Window(MARCH + (number - 1) * WEEK, MARCH + number * WEEK).name for number in range(4)]
"""Names of windows; the first one ends on the 18th of March."""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.from_environment({"AIRLOOP_HOME": str(tmp_path)})


@pytest.fixture
def decides(workspace: Workspace) -> Callable[..., None]:
    """Record the decision on the window that ends in week ``number``."""

    def record(number: int, action: str = "RETRAIN") -> None:
        payload = {"action": action, "reasons": [f"drift in week {number}", "and more"]}
        as_of = MARCH + number * WEEK
        workspace.ledger.record("decision", "flights", WEEKS[number], payload, as_of=as_of)

    return record


def of(workspace: Workspace, run: str) -> ClaimRef:
    data = {"source": {"path": "rows.csv"}, "partition": "none", "label": {"column": "late"}}
    pipeline = Pipeline(
        Spec.model_validate({"name": "flights", "data": data, "model": {"task": "binary", "trainer": "xgboost"}}),
        Path(),
    )
    return claim(workspace, pipeline, run_id=run)


def released(workspace: Workspace, data_cut_off: datetime) -> None:
    workspace.ledger.promote(
        "flights",
        "local",
        bundle="b",
        version="7",
        data_cut_off=data_cut_off,
        expected_generation=0,
        run_id="r",
        reasons=[],
    )


def test_a_run_takes_all_that_is_asked_for_with_the_newest_as_of_and_the_reasons(workspace, decides) -> None:
    decides(1)
    decides(2, "WAIT")
    decides(3)
    found = of(workspace, "run 1")
    assert (found.windows, found.as_of) == ((WEEKS[3], WEEKS[1]), MARCH + 3 * WEEK)
    assert found.reasons == (
        f"{WEEKS[3]}: drift in week 3",
        f"{WEEKS[3]}: and more",
        f"{WEEKS[1]}: drift in week 1",
    )


def test_a_run_that_comes_second_learns_which_run_answers(workspace, decides) -> None:
    decides(1)
    of(workspace, "run 1")
    assert of(workspace, "run 2") == ClaimRef(windows=(), as_of=None, reasons=(f"{WEEKS[1]}: run run 1 answers it",))


def test_a_retry_gets_its_own_again_and_nothing_newer(workspace, decides) -> None:
    decides(1)
    first = of(workspace, "run 1")
    decides(2)
    assert of(workspace, "run 1") == first
    assert of(workspace, "run 2").windows == (WEEKS[2],)


def test_a_run_that_died_between_its_claims_takes_the_rest_when_it_is_retried(workspace, decides) -> None:
    decides(1)
    decides(2)
    workspace.ledger.record("retraining", "flights", WEEKS[2], {"run_id": "run 1"}, as_of=MARCH + 2 * WEEK)
    assert of(workspace, "run 1").windows == (WEEKS[2], WEEKS[1])
    assert of(workspace, "run 2").windows == ()


def test_a_run_leaves_what_the_claimer_of_a_newer_decision_has_not_come_to_yet(workspace, decides) -> None:
    decides(1)
    decides(2)
    workspace.ledger.record("retraining", "flights", WEEKS[2], {"run_id": "run 1"}, as_of=MARCH + 2 * WEEK)
    assert of(workspace, "run 2").reasons == (f"{WEEKS[2]}: run run 1 answers it",)
    assert of(workspace, "run 1").windows == (WEEKS[2], WEEKS[1])


def test_of_a_burst_of_runs_one_gets_everything(workspace, decides) -> None:
    for number in range(3):
        decides(number)
    with ThreadPoolExecutor(5) as pool:
        found = list(pool.map(lambda number: of(workspace, f"run {number}"), range(5)))
    assert sorted(len(one.windows) for one in found) == [0, 0, 0, 0, 3]
    assert all("answers it" in one.reasons[0] for one in found if not one.windows)


def test_without_a_decision_nothing_is_claimed(workspace, decides) -> None:
    decides(1, "WAIT")
    assert of(workspace, "run 1").reasons == ("no window has asked for a retraining",)
    assert workspace.ledger.entries("flights", "retraining") == []


def test_what_the_live_version_has_overtaken_needs_no_answer_but_a_run_keeps_its_own(workspace, decides) -> None:
    decides(1)
    mine = of(workspace, "run 1")
    decides(2)
    released(workspace, MARCH + 2 * WEEK)
    assert of(workspace, "run 2").reasons == (f"{WEEKS[2]}: version 7 is live, with data up to 2013-04-01",)
    assert of(workspace, "run 1") == mine
    decides(3)
    assert of(workspace, "run 2").windows == (WEEKS[3],)
