"""A candidate is told with every gate's number, and how far it came."""

from __future__ import annotations

from math import inf
from pathlib import Path

import pytest

from airloop.errors import UnknownName
from airloop.gates.number import number_of
from airloop.gates.verdict import GateResult as Made
from airloop.gates.verdict import Measured, SliceResult, Status
from airloop.overview.candidate import candidate
from airloop.overview.gates import margin_of, sided
from airloop.overview.gates import number_of as number_told
from airloop.overview.shapes import Candidate, Number, Stage
from airloop.overview.verdicts import GateResult

from .one_pipeline import LIMITS, NAME, OnePipeline, absolute, sliced, versus, week


@pytest.fixture
def one(tmp_path: Path) -> OnePipeline:
    return OnePipeline.at(tmp_path)


@pytest.fixture
def asks(tmp_path: Path) -> OnePipeline:
    return OnePipeline.at(tmp_path, approval="required")


def told(one: OnePipeline, version: str = "") -> Candidate:
    found = candidate(one.workspace, NAME, version)
    assert found is not None
    return found


def states(one: OnePipeline, version: str = "") -> dict[str, str]:
    return {stage.name: stage.state for stage in told(one, version).stages}


def stage(one: OnePipeline, name: str, version: str = "") -> Stage:
    return next(stage for stage in told(one, version).stages if stage.name == name)


def test_nothing_judged_is_no_candidate(one: OnePipeline) -> None:
    assert candidate(one.workspace, NAME) is None
    with pytest.raises(UnknownName, match="flights: no version was ever judged"):
        candidate(one.workspace, NAME, "1")


def test_the_last_candidate_is_that_of_the_newest_data(one: OnePipeline) -> None:
    one.judged("5", "HOLD")
    one.judged("2", "REJECT")
    assert (told(one).version, told(one).outcome, told(one).as_of) == ("5", "HOLD", week(5))
    assert told(one, "2").outcome == "REJECT"


def test_a_run_has_the_candidate_that_it_judged_whatever_was_judged_since(one: OnePipeline) -> None:
    mine = one.judged("2", reasons=["roc_auc 0.7, at least 0.62"])
    one.record("judged", mine.subject, {"version": "2", "outcome": "PROMOTE"}, run_id="mine")
    # The same version again, against another champion; and a newer one.
    again = one.judged("2", "HOLD", against="1", reasons=["it is the champion itself"])
    one.record("judged", again.subject, {"version": "2", "outcome": "HOLD"}, run_id="again")
    newer = one.judged("3", "REJECT", reasons=["roc_auc 0.5"])
    one.record("judged", newer.subject, {"version": "3", "outcome": "REJECT"}, run_id="newer")

    def of(run: str) -> tuple[str, str, tuple[str, ...]]:
        found = candidate(one.workspace, NAME, run=run)
        assert found is not None
        return found.version, found.outcome, found.reasons

    assert of("mine") == ("2", "PROMOTE", ("roc_auc 0.7, at least 0.62",))
    assert of("again") == ("2", "HOLD", ("it is the champion itself",))
    assert of("newer") == ("3", "REJECT", ("roc_auc 0.5",))


def test_a_run_without_a_verdict_gets_no_other_s(one: OnePipeline) -> None:
    one.judged("2")
    with pytest.raises(UnknownName, match="flights: no verdict is recorded under the name of the run 'mine'"):
        candidate(one.workspace, NAME, run="mine")


def test_an_unknown_version_names_the_nearest(one: OnePipeline) -> None:
    one.judged("12")
    with pytest.raises(UnknownName, match=r"no version '21' was ever judged. Did you mean '12'\? Known: 12."):
        candidate(one.workspace, NAME, "21")


def test_each_gate_has_its_number_and_how_far_it_is_beyond_it(one: OnePipeline) -> None:
    entry = one.judged("2", against="1", gates=(absolute(), versus(needed_rows=500), sliced(), LIMITS))
    found = told(one)
    first, second, third, fourth = found.gates
    assert (first.number.value, first.number.lower, first.number.threshold) == (0.7, 0.68, 0.62)
    assert (first.number.is_gain, first.margin) == (False, pytest.approx(0.08))
    assert (second.number.is_gain, second.number.value, second.champion) == (True, 0.02, 0.52)
    assert (second.margin, second.needed_rows, second.confidence) == (pytest.approx(0.015), 500, 0.95)
    assert [(one.name, one.status, one.rows, one.lower) for one in third.slices] == [
        ("EWR", "PASS", 400, 0.6),
        ("LGA", "UNDECIDED", 20, None),
    ]
    assert (fourth.status, fourth.margin, fourth.number.metric) == ("LATER", None, "")
    assert (found.against, found.rows, found.warnings) == ("1", 900, ("in shadow, decides nothing",))
    assert found.report == f"/airloop/artifacts/verdicts/{entry.subject}/report.html"


def result(kind: str, rule: str, **more: object) -> GateResult:
    return GateResult(kind=kind, rule=rule, status="PASS", reason="", **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rule", "value", "threshold", "expected"),
    [
        ("roc_auc at least 0.62", 0.7, 0.62, 0.08),
        ("calibration_error at most 0.12", 0.02, 0.12, 0.1),
        ("calibration_error at most 0.12", 0.15, 0.12, -0.03),
        ("rmse at least 1,200 and at most 1,500", 1450.0, 1200.0, 50.0),
        ("rmse in every shop at least 1,200 and at most 1,500", 1550.0, 1200.0, -50.0),
    ],
)
def test_a_margin_is_positive_beyond_the_threshold_also_where_less_is_better(
    rule: str, value: float, threshold: float, expected: float
) -> None:
    assert margin_of(result("metric", rule, value=value, threshold=threshold)) == pytest.approx(expected)


def test_against_the_champion_the_lower_bound_decides_and_a_gain_must_be_reached() -> None:
    no_worse = result("champion", "no worse", gain=0.02, bound=(-0.005, 0.03), threshold=-0.01)
    assert margin_of(no_worse) == pytest.approx(0.005)
    better = result("champion", "better", gain=0.015, bound=(0.004, 0.03), threshold=0.02)
    assert margin_of(better) == pytest.approx(-0.005)
    assert margin_of(result("champion", "no champion yet", threshold=-0.01)) is None


@pytest.mark.parametrize(
    "made",
    [absolute(), versus(), sliced(), LIMITS, versus(gain=None, bound=None, champion=None), absolute(bound=(0.6, inf))],
)
def test_a_gate_s_number_is_the_one_that_the_ledger_keeps(one: OnePipeline, made: Made) -> None:
    one.judged("1", gates=(made,))
    assert told(one).gates[0].number == sided(Number(**number_of(made)))


@pytest.mark.parametrize(
    ("rule", "value", "threshold", "expected"),
    [
        ("roc_auc at least 0.62", 0.7, 0.62, (0.62, "least")),
        ("calibration_error at most 0.12", 0.18, 0.12, (0.12, "most")),
        ("calibration_error at most 0.12", None, 0.12, (0.12, "most")),
        ("rmse at least 1,200 and at most 1,500", 1250.0, 1200.0, (1200.0, "least")),
        ("rmse in every shop at least 1,200 and at most 1,500", 1550.0, 1200.0, (1500.0, "most")),
        ("no bound in words", 0.7, 0.62, (0.62, "")),
    ],
)
def test_a_number_is_held_against_the_bound_that_decides(rule, value, threshold, expected) -> None:
    number = number_told(result("metric", rule, metric="x", value=value, threshold=threshold))
    assert (number.threshold, number.side) == expected


def test_a_gain_has_to_reach_its_threshold_and_what_was_not_compared_has_none() -> None:
    versus = result("champion", "log_loss at most 0.01 worse than the champion's", gain=0.025, threshold=-0.01)
    assert (number_told(versus).threshold, number_told(versus).side) == (-0.01, "least")
    first = result("champion", "log_loss no worse than the champion's", value=0.5, threshold=0.0)
    assert (number_told(first).threshold, number_told(first).side) == (None, "")


def test_a_rejected_candidate_ends_where_it_was_judged(one: OnePipeline) -> None:
    one.validated(2)
    one.judged("2", "REJECT", reasons=["roc_auc 0.5, at least 0.62"])
    assert states(one) == {
        "take_snapshot": "done",
        "validate_data": "done",
        "train_model": "done",
        "judge_candidate": "ended",
        "package_bundle": "not reached",
        "verify_bundle": "not reached",
        "release": "not reached",
    }
    assert stage(one, "judge_candidate").says == "REJECT: roc_auc 0.5, at least 0.62"
    assert stage(one, "take_snapshot").says == "9,000 rows in 67 partitions, data up to 2013-04-01"
    assert stage(one, "validate_data").says == "12 expectations, 3 rows set aside, 1 warning"


def test_a_released_candidate_went_all_the_way(one: OnePipeline) -> None:
    one.judged("1")
    one.verified("1")
    one.went_live("1")
    assert set(states(one).values()) == {"done"}
    assert stage(one, "release").says == "live on local"
    assert stage(one, "verify_bundle").says == "passed, p99 3.0 ms, bundle 0.5 MB"
    assert told(one).gates[-1].reason == "p99 latency at most 25 ms: met, p99 latency 3.04 ms"
    assert told(one).gates[-1].status == "PASS"
    one.judged("2")
    one.went_live("2")
    assert stage(one, "release", "1").says == "was live until version 2"


def test_who_took_a_release_back_and_why_is_told(one: OnePipeline) -> None:
    for version in ("1", "2"):
        one.judged(version)
        one.went_live(version)
    one.went_live("1", restores=1, by="ada")
    assert stage(one, "release", "2").says == "went live, then taken back by ada: wrong answers"
    assert stage(one, "release", "2").state == "done"


def test_a_champion_that_was_judged_again_is_told_by_what_let_it_go_live(one: OnePipeline) -> None:
    one.judged("1")
    one.went_live("1")
    one.judged("1", "HOLD", at=week(2), reasons=["it is the champion itself"])
    assert (told(one, "1").outcome, states(one, "1")["release"]) == ("PROMOTE", "done")
    assert (told(one).outcome, states(one)["judge_candidate"], states(one)["release"]) == (
        "HOLD",
        "ended",
        "not reached",
    )


def test_a_refused_release_and_a_failed_verification_end_the_chain(one: OnePipeline) -> None:
    one.judged("1")
    one.verified("1")
    one.ended("REFUSED", "1", "run-1", 0)
    assert (stage(one, "release").state, stage(one, "release").says) == ("ended", "refused: said")
    one.judged("2")
    one.verified("2", "p99 90 ms, 25 ms allowed")
    assert (stage(one, "verify_bundle").state, states(one)["release"]) == ("ended", "not reached")


def limited(one: OnePipeline, rule: str, *reasons: str, shadow: bool = False, **found: float) -> tuple[str, str]:
    """Return what is said of a gate with limits after a verification that ``found`` this."""
    asked = Made("limits", rule, Status.LATER, f"{rule}: judged when the bundle is verified", shadow=shadow)
    one.judged("2", gates=[absolute(), asked])
    said = {"passed": not reasons or shadow, "reasons": list(reasons), "bundle_mb": 0.5, "latency_p99_ms": 3.04} | found
    one.workspace.store.put_json("verifications", "f" * 64, said)
    kept = {name: said[name] for name in ("passed", "reasons", "bundle_mb", "latency_p99_ms")}
    one.record("verification", "b", {"digest": "f" * 64, "version": "2"} | kept, as_of=week(2))
    gate = told(one, "2").gates[-1]
    return gate.status, gate.reason.removeprefix(f"{rule}: ")


def test_a_limit_that_was_measured_and_missed_is_not_met(one: OnePipeline) -> None:
    said = limited(one, "p99 latency at most 25 ms, bundle at most 50 MB", "p99 latency 90 ms is above 25 ms")
    assert said == ("FAIL", "p99 latency 90 ms is above 25 ms")


def test_a_limit_that_was_met_says_so_though_another_was_not(one: OnePipeline) -> None:
    said = limited(one, "bundle at most 50 MB", "image 1.2e+03 MB is above 1000 MB")
    assert said == ("PASS", "met, bundle 0.5 MB")


def test_every_value_that_has_a_limit_is_told(one: OnePipeline) -> None:
    said = limited(one, "start at most 60 s, image at most 1,000 MB", start_s=2.5, image_mb=812.0)
    assert said == ("PASS", "met, start 2.5 s, image 812 MB")


def test_a_server_that_did_not_start_was_not_measured(one: OnePipeline) -> None:
    said = limited(one, "p99 latency at most 25 ms", "the server ended with code 1", latency_p99_ms=0.0)
    assert said == ("UNDECIDED", "not measured, for the verification failed before: the server ended with code 1")


def test_a_limit_in_shadow_mode_that_was_missed_is_not_met(one: OnePipeline) -> None:
    reason = "shadow: memory 300 MB is above 256 MB"
    assert limited(one, "memory at most 256 MB", reason, shadow=True) == ("FAIL", "memory 300 MB is above 256 MB")
    assert told(one, "2").gates[-1].is_shadow


def test_a_running_rollout_is_running(one: OnePipeline) -> None:
    one.judged("1")
    one.verified("1")
    one.certified("1", "run-1")
    lease = one.workspace.ledger.take_lease(NAME, "local", "run-1", seconds=60)
    assert stage(one, "release").state == "running"
    one.workspace.ledger.give_lease_back(lease)
    assert stage(one, "release").state == "not reached"


def test_a_person_s_answer_is_told(asks: OnePipeline) -> None:
    asks.judged("1")
    assert (stage(asks, "approve_release").state, states(asks)["release"]) == ("waiting", "not reached")
    said = {"answer": "Reject", "by": "bob", "comment": "not on a Friday", "version": "1"}
    asks.record("approval", "v", said, run_id="r 1")
    told = stage(asks, "approve_release")
    assert (told.state, told.says) == ("ended", "bob rejected it: not on a Friday")
    asks.record("approval", "v", said | {"answer": "Approve", "comment": ""}, run_id="r 2")
    assert (stage(asks, "approve_release").state, stage(asks, "approve_release").says) == ("done", "bob approved")


def test_nobody_waits_for_an_answer_to_an_old_candidate(asks: OnePipeline) -> None:
    asks.judged("1")
    asks.judged("2", "HOLD")
    old = stage(asks, "approve_release", "1")
    assert (old.state, old.says) == ("ended", "no answer is recorded")


def test_a_backfill_and_a_dry_run_say_that_they_release_nothing(one: OnePipeline) -> None:
    for version, key, says in (("1", "looks_back", "backfill"), ("2", "is_dry_run", "dry run")):
        entry = one.judged(version)
        one.record("judged", entry.subject, {"version": version, "outcome": "PROMOTE", key: True}, run_id=f"r{version}")
        assert says in stage(one, "judge_candidate", version).says
        assert states(one, version)["package_bundle"] == "not reached"


def test_what_is_gone_from_the_store_is_said_and_the_rest_is_shown(one: OnePipeline) -> None:
    entry = one.judged("1", "REJECT")
    one.lost("verdicts")
    found = told(one)
    assert found.problem == f"its details, verdicts/{entry.subject[:12]}, are not in the store any more"
    assert (found.gates, found.report, found.outcome, found.rows) == ((), "", "REJECT", 900)
    assert len(found.stages) == 7


def test_a_broken_description_hides_no_candidate(one: OnePipeline) -> None:
    one.judged("1")
    one.broken()
    assert told(one).version == "1"


def test_a_candidate_of_a_backtest_is_told_with_its_page(one: OnePipeline) -> None:
    report = f"{one.workspace.store.uri('reports', 'a' * 64)}/backtest.html"
    said = {"outcome": "PROMOTE", "version": "7", "report": report, "champion_version": None}
    one.record("backtest", "b" * 64, said, as_of=week(7))
    found = told(one, "7")
    assert found.report == ""
    assert stage(one, "judge_candidate", "7").says == "PROMOTE in a backtest, which releases nothing"


def test_slices_beyond_what_a_page_can_show_are_cut(one: OnePipeline) -> None:
    groups = tuple(SliceResult(f"g{n}", Status.PASS, Measured(1), "") for n in range(300))
    one.judged("1", gates=(absolute(slices=groups),))
    assert len(told(one).gates[0].slices) == 200
