"""Releases: who becomes champion, who does not, and why."""

from __future__ import annotations

import pytest

from airloop.errors import BundleError, ReleaseRefused, Unreachable
from airloop.refs import Outcome
from airloop.release.simulated import Behaviour
from airloop.release.target import Placed, State

from .conftest import MARCH, PASSED, PROMOTED, Bench, put_bundle


def test_a_first_release_goes_straight_to_full_and_says_so(bench: Bench) -> None:
    bundle = bench.bundle("1")
    ref = bench.release(bundle)
    assert (ref.outcome, ref.generation, ref.version, ref.digest) == ("RELEASED", 1, "1", bundle.digest)
    assert ref.reasons[0] == "first release: no champion to compare with, straight to 100 %"
    assert ref.endpoint == "simulated://flights"
    assert bench.serves() == "version 1"
    assert bench.clockwork.seconds == 0


def test_a_second_release_climbs_every_step_and_tells_its_numbers(bench: Bench) -> None:
    bench.release(bench.bundle("1"))
    ref = bench.release(bench.bundle("2", days=7))
    assert (ref.outcome, ref.generation) == ("RELEASED", 2)
    assert bench.serves() == "version 2"
    assert "10 %: 10 of 200 requests, 0 failed, p99 3.0 ms (champion 3.0 ms)" in bench.lines
    assert any(line.startswith("10 %: PROMOTE, on to 50 %: 10 %: 200 requests") for line in bench.lines)
    assert any(line.startswith("50 %: PROMOTE, on to 100 %") for line in bench.lines)
    assert ref.reasons[0] == "after version 1 with data up to 2013-03-18"
    assert "50 %: 200 requests" in ref.reasons
    (entry, _) = bench.workspace.ledger.entries("flights", "released")
    assert [step["step"] for step in entry.payload["steps"]] == ["10 %", "50 %"]


def test_shadow_comes_first_and_reports_how_far_answers_differ(bench: Bench) -> None:
    bench.rollout = {"shadow": True}
    bench.release(bench.bundle("1"))
    bench.target.behaviours["2"] = Behaviour(shadow_difference=0.25)
    ref = bench.release(bench.bundle("2"))
    assert ref.outcome == "RELEASED"
    assert "shadow: 200 requests copied, answers differ by at most 0.25" in ref.reasons


def test_a_failing_candidate_is_rolled_back_without_an_exception(bench: Bench) -> None:
    bench.release(bench.bundle("1"))
    bench.target.behaviours["2"] = Behaviour(failure_rate=0.3)
    bundle = bench.bundle("2", days=7)
    ref = bench.release(bundle)
    assert (ref.outcome, ref.generation, ref.version) == ("ROLLED_BACK", 1, "2")
    assert "failed, champion 0 of" in ref.reasons[0]
    assert bench.serves() == "version 1"
    live = bench.workspace.ledger.live("flights", "local")
    assert live is not None
    assert live.version == "1"
    (entry,) = bench.workspace.ledger.entries("flights", "rolled_back", subject=bundle.digest)
    assert entry.payload["steps"][0]["action"] == "ROLL_BACK"
    assert entry.payload["reasons"] == list(ref.reasons)


def test_a_slow_candidate_is_rolled_back(bench: Bench) -> None:
    bench.release(bench.bundle("1"))
    bench.target.behaviours["2"] = Behaviour(latency_p99_ms=30)
    ref = bench.release(bench.bundle("2"))
    assert (ref.outcome, ref.reasons) == (
        "ROLLED_BACK",
        ("p99 30.0 ms, champion 3.0 ms: above the limit of 8.0 ms",),
    )


@pytest.mark.parametrize("shadow", [False, True])
def test_a_candidate_whose_server_ends_is_rolled_back_whatever_it_counted(bench: Bench, shadow: bool) -> None:
    """What such a server was asked is gone with its counts: it would look healthy, only less asked."""
    bench.rollout = {"shadow": shadow}
    bench.release(bench.bundle("1"))
    bench.target.behaviours["2"] = Behaviour(end="pod x: container server ended with exit code 3")
    ref = bench.release(bench.bundle("2"))
    assert (ref.outcome, ref.reasons) == ("ROLLED_BACK", ("pod x: container server ended with exit code 3",))
    assert bench.serves() == "version 1"


def test_a_canary_with_little_traffic_is_inconclusive_and_ends_in_time(bench: Bench) -> None:
    """Low-traffic canaries stall for ever, or pass, in other tools (flagger#1035, flagger#1689)."""
    bench.release(bench.bundle("1"))
    bench.target.traffic = 10
    ref = bench.release(bench.bundle("2"))
    assert (ref.outcome, ref.reasons) == ("ROLLED_BACK", ("the time for this step is over: 60 of 200 requests",))
    assert bench.clockwork.seconds == 60
    assert bench.serves() == "version 1"


def test_an_inconclusive_canary_goes_on_only_when_the_spec_says_so(bench: Bench) -> None:
    bench.release(bench.bundle("1"))
    bench.rollout, bench.target.traffic = {"on_inconclusive": "promote"}, 0
    ref = bench.release(bench.bundle("2"))
    assert ref.outcome == "RELEASED"
    assert "the time for this step is over: 0 of 200 requests" in ref.reasons


def test_a_spec_without_canary_steps_says_that_nothing_was_compared(bench: Bench) -> None:
    bench.rollout = {"steps": [100]}
    bench.release(bench.bundle("1"))
    ref = bench.release(bench.bundle("2"))
    assert ref.reasons[0].startswith("no step below 100 % in the spec: not compared with version 1 (generation 1")


def test_older_data_after_newer_is_refused_before_the_target_is_touched(bench: Bench) -> None:
    bench.release(bench.bundle("2", days=7))
    before = bench.target.folder.joinpath("flights.json").read_bytes()
    ref = bench.release(bench.bundle("1"), run="scheduled__2013-03-18")
    assert (ref.outcome, ref.generation) == ("REFUSED", 1)
    assert "data up to 2013-03-18, older than the champion's 2013-03-25" in ref.reasons[0]
    assert bench.target.folder.joinpath("flights.json").read_bytes() == before
    assert [entry.subject for entry in bench.workspace.ledger.entries("flights", "refused")] == [ref.digest]


@pytest.mark.parametrize("run", ["backfill__2013-03-18", "scheduled__2013-03-18", "manual__2013-03-18", "anything"])
def test_the_label_of_a_run_decides_nothing(bench: Bench, run: str) -> None:
    """A reprocessed run is relabelled, a cleared one is not."""
    bench.release(bench.bundle("1"))
    assert bench.release(bench.bundle("2", days=7), run=run).outcome == "RELEASED"
    assert bench.release(bench.bundle("0", days=-7), run=f"{run} again").outcome == "REFUSED"


def test_a_retry_of_a_finished_release_changes_nothing(bench: Bench) -> None:
    bundle = bench.bundle("1")
    first, second = bench.release(bundle), bench.release(bundle)
    assert first == second
    assert len(bench.workspace.ledger.champions("flights")) == 1
    kinds = [entry.kind for entry in bench.workspace.ledger.entries("flights")]
    assert kinds == ["released", "alias_failed", "certified"]


def test_a_retry_of_a_judged_roll_back_is_not_judged_again(bench: Bench) -> None:
    bench.release(bench.bundle("1"))
    bench.target.behaviours["2"] = Behaviour(failure_rate=1)
    bundle = bench.bundle("2")
    bench.release(bundle)
    bench.target.behaviours.clear()
    again = bench.release(bundle)
    assert (again.outcome, again.reasons[-1]) == ("ROLLED_BACK", "start a new run to try again")
    assert bench.release(bundle, run="a new run").outcome == "RELEASED"


def test_a_late_retry_does_not_bring_back_what_a_newer_release_replaced(bench: Bench) -> None:
    bundle = bench.bundle("1")
    bench.release(bundle)
    bench.release(bench.bundle("2"))
    late = bench.release(bundle)
    assert late.outcome == "REFUSED"
    assert "run 'run-1' already put version 1 live as generation 1" in late.reasons[0]
    assert bench.serves() == "version 2"


def test_an_altered_bundle_is_refused_and_named(bench: Bench) -> None:
    bundle = bench.bundle("1")
    file = bench.workspace.store.folder("bundles", bundle.digest) / "model" / "trainer.json"
    file.write_text("{ }")
    with pytest.raises(BundleError, match=r"was changed: altered model/trainer\.json"):
        bench.release(bundle)
    assert bench.workspace.ledger.champions("flights") == []


def test_a_ref_that_says_something_else_than_its_bundle_is_refused(bench: Bench) -> None:
    bundle = bench.bundle("1").model_copy(update={"version": "2"})
    with pytest.raises(
        BundleError, match=r"handed over as version 2 of 'flights' .* but it says version 1 of 'flights'"
    ):
        bench.release(bundle)


def test_what_a_person_must_approve_is_not_released_without_a_name(bench: Bench) -> None:
    bench.approval = "required"
    bundle = bench.bundle("1")
    with pytest.raises(ReleaseRefused, match=r"flights: a person must approve a release .* nobody is named"):
        bench.release(bundle)
    assert bench.serves() == "no champion"
    assert bench.release(bundle, by="ann").outcome == "RELEASED"
    (entry,) = bench.workspace.ledger.entries("flights", "certified")
    assert entry.payload["by"] == "ann"


def test_verdict_and_verification_are_checked_at_the_hand_over(bench: Bench) -> None:
    bundle = bench.bundle("1")
    hold = PROMOTED.model_copy(update={"outcome": Outcome.HOLD, "reasons": ("too few rows",)})
    with pytest.raises(ReleaseRefused, match="flights: the verdict is HOLD, not PROMOTE: too few rows"):
        bench.release(bundle, verdict=hold)
    other = PROMOTED.model_copy(update={"digest": "w" * 64})
    with pytest.raises(ReleaseRefused, match=r"verdict wwwwwwwwwwww is handed over, but .* after verdict vvvvvvvvvvvv"):
        bench.release(bundle, verdict=other)
    failed = PASSED.model_copy(update={"passed": False, "reasons": ("28 ms",)})
    with pytest.raises(ReleaseRefused, match="flights: the verification failed, nothing ships: 28 ms"):
        bench.release(bundle, verification=failed)
    assert bench.workspace.ledger.champions("flights") == []
    assert not bench.target.folder.exists()


def test_a_bundle_that_the_target_cannot_load_leaves_the_champion_alone(bench: Bench) -> None:
    bench.release(bench.bundle("1"))
    bundle = bench.bundle("2")
    bench.target.broken = frozenset({bundle.digest})
    with pytest.raises(BundleError, match="Nothing was changed"):
        bench.release(bundle)
    assert bench.serves() == "version 1"


def test_a_target_that_is_silent_for_too_long_leaves_the_ledger_alone(bench: Bench) -> None:
    bench.release(bench.bundle("1"))
    bench.target.is_up = False
    with pytest.raises(Unreachable, match="is down"):
        bench.release(bench.bundle("2"))
    assert bench.clockwork.seconds == 60
    assert any(line.startswith("no answer, trying again: simulated target") for line in bench.lines)
    bench.target.is_up = True
    assert bench.release(bench.bundle("2")).outcome == "RELEASED"


def test_a_target_that_restarts_in_a_canary_gets_its_candidate_back(bench: Bench) -> None:
    first, second = bench.bundle("1"), bench.bundle("2")
    bench.release(first)
    bench.target.traffic, bench.rollout, restarts = 20, {"step_timeout": "10m"}, 0

    def restart_once(line: str) -> None:
        nonlocal restarts
        bench.lines.append(line)
        if line.startswith("50 %: ") and "of 200 requests, 0 failed" in line and not restarts:
            restarts = 1
            bench.target.apply("flights", State())
            bench.target.apply("flights", State(champion=Placed(first.digest, "1")))

    assert bench.release(second, report=restart_once).outcome == "RELEASED"
    assert "50 %: the target serves version 1; putting version 1 with candidate 2 (50 %) back" in bench.lines


def test_a_task_that_is_stopped_takes_its_candidate_along(bench: Bench) -> None:
    bench.release(bench.bundle("1"))

    def stop(line: str) -> None:
        bench.lines.append(line)
        if line.startswith("10 %: 10 of"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bench.release(bench.bundle("2"), report=stop)
    assert bench.serves() == "version 1"
    assert bench.lines[-1] == "stopped: the target serves version 1 alone"


def test_what_the_ledger_does_not_know_is_replaced_only_at_the_commit(bench: Bench) -> None:
    bench.target.apply("flights", State(champion=Placed("f" * 64, "by hand")))
    assert bench.release(bench.bundle("1")).outcome == "RELEASED"
    assert (
        bench.lines[0] == "the target serves version by hand, which the ledger does not know: it is not compared with"
    )
    assert bench.serves() == "version 1"


def test_the_same_model_in_another_bundle_is_not_released_beside_itself(bench: Bench) -> None:
    bench.release(bench.bundle("1"))
    other = PROMOTED.model_copy(update={"digest": "w" * 64})
    ref = bench.release(put_bundle(bench.workspace, "1", MARCH, verdict=other.digest), run="other", verdict=other)
    assert ref.outcome == "REFUSED"
    assert "is live already, from another bundle of the same model" in ref.reasons[0]
