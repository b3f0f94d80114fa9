"""Candidates broken in known ways, each with the rule that must see it. Too slow and too big: see verification."""

from datetime import timedelta

import pytest

from airloop.gates.verdict import Status
from airloop.refs import Outcome

pytestmark = pytest.mark.slow


ABSOLUTE = {"metric": "roc_auc", "min": 0.7}
VERSUS = {"metric": "log_loss", "versus": "champion", "margin": 0.01}


def shuffled(frame, rng):
    return frame.assign(late=rng.permutation(frame["late"]))


def leaky(frame, rng):
    return frame.assign(refund=frame["late"] * 1.0 + rng.normal(0, 0.01, len(frame)))


def turned_in_depot_c(frame, rng):
    return frame.assign(late=frame["late"] ^ (frame["depot"] == "C"))


def without_most_in_time(frame, rng):
    return frame[frame["late"] | (rng.random(len(frame)) < 0.15)].reset_index(drop=True)


def of_another_time(frame, rng):
    """Lateness has nothing to do with distance yet."""
    return frame.assign(late=rng.random(len(frame)) < 1 / (1 + 2.718 ** (-3 * (frame["load"] - 0.5))))


@pytest.fixture
def broken(bench):
    """Trains a candidate on changed data."""

    def train(change):
        bench.land(change.__name__, change)
        return bench.train(bench.pipeline(change.__name__))

    return train


@pytest.fixture
def champion(bench, plain):
    bench.release(plain)
    return plain


def test_an_honest_candidate_is_promoted(bench, champion):
    honest = bench.train(bench.pipeline(model={"seed": 1}))
    verdict = bench.judge(honest, ABSOLUTE, VERSUS)
    assert verdict.outcome == Outcome.PROMOTE
    assert "at worst" in verdict.reasons[1] and "0.01 worse is allowed" in verdict.reasons[1]


def test_label_shuffled_is_rejected_by_the_absolute_bound_and_by_the_champion(bench, champion, broken):
    verdict = bench.judge(broken(shuffled), ABSOLUTE, VERSUS, on=champion)
    assert verdict.outcome == Outcome.REJECT
    assert "is below the least allowed, 0.7" in verdict.reasons[0]
    assert "worse, at best" in verdict.reasons[1]


def test_leaky_is_rejected_where_a_maximum_says_what_is_credible(bench, broken):
    verdict = bench.judge(broken(leaky), ABSOLUTE | {"max": 0.99})
    assert verdict.outcome == Outcome.REJECT
    assert verdict.reasons == ("roc_auc 1 is above the most allowed, 0.99",)


def test_leaky_without_a_maximum_passes_its_gates_with_loud_warnings(bench, broken):
    # The rows themselves cannot tell a leak from an easy problem; only a person or a bound can.
    verdict = bench.judge(broken(leaky), ABSOLUTE)
    assert verdict.outcome == Outcome.PROMOTE
    perfect, single = verdict.warnings
    assert perfect.startswith("roc_auc 1 is suspiciously perfect: check that no feature knows the label (leakage)")
    assert "{metric: roc_auc, max: 0.999}" in perfect
    assert single.startswith("refund alone has")


def test_stale_of_an_older_as_of_is_held(bench, champion):
    older = bench.train(bench.pipeline(), as_of=champion.snapshot.as_of - timedelta(days=2))
    verdict = bench.judge(older, ABSOLUTE, VERSUS)
    assert verdict.outcome == Outcome.HOLD
    assert verdict.reasons[0] == "the champion (version 1) is made from newer data, up to 2024-03-15"
    assert verdict.warnings == ("compared with the champion on 800 of 1,200 rows: it was trained on the others",)


def test_stale_in_what_it_learnt_is_rejected_by_the_champion(bench, champion, broken):
    verdict = bench.judge(broken(of_another_time), VERSUS, on=champion)
    assert verdict.outcome == Outcome.REJECT
    assert "worse, at best" in verdict.reasons[0]


def test_slice_broken_is_rejected_by_the_slice_alone(bench, champion, broken):
    by_depot = {"metric": "roc_auc", "slices": "depot", "min": 0.6, "min_rows": 100}
    verdict = bench.judge(broken(turned_in_depot_c), ABSOLUTE, by_depot, on=champion)
    assert verdict.outcome == Outcome.REJECT
    assert [result.status for result in verdict.gates] == [Status.PASS, Status.FAIL]
    assert verdict.reasons[0].startswith("depot: C: roc_auc 0.")


def test_mis_calibrated_is_rejected_though_it_ranks_well(bench, champion, broken):
    calibrated = {"metric": "calibration_error", "max": 0.08}
    verdict = bench.judge(broken(without_most_in_time), ABSOLUTE, calibrated, on=champion)
    assert verdict.outcome == Outcome.REJECT
    assert [result.status for result in verdict.gates] == [Status.PASS, Status.FAIL]
    assert verdict.reasons[0].startswith("calibration_error 0.") and "above the most allowed" in verdict.reasons[0]


def test_the_champion_is_never_compared_with_itself(bench, champion):
    verdict = bench.judge(champion, ABSOLUTE, VERSUS)
    assert verdict.outcome == Outcome.HOLD
    assert verdict.reasons == ("the candidate is the champion itself (version 1): nothing to release",)
    assert verdict.gates[1].gain is None


def test_nor_with_another_model_of_the_same_answers(bench, champion):
    # Only the number of replicates differs: another digest, the same trees.
    twin = bench.train(bench.pipeline(model={"replicates": 3}))
    assert twin.digest != champion.digest
    verdict = bench.judge(twin, ABSOLUTE, VERSUS)
    assert verdict.outcome == Outcome.HOLD
    assert verdict.reasons == (
        "it answers exactly like the champion (version 1) on all 1,200 rows: nothing to release",
    )
