import pytest

from airloop.gates.absolute import judge_limits, judge_metric, judge_slices
from airloop.gates.verdict import GateResult, Measured, Status, decide
from airloop.refs import Outcome
from airloop.spec.gates import LimitGate, MetricGate, SliceGate

AT_LEAST = MetricGate(metric="roc_auc", min=0.62)
BY_ORIGIN = SliceGate(metric="roc_auc", slices="origin", min=0.58, min_rows=200)


def result(kind="metric", status=Status.PASS, reason="fine", shadow=False):
    return GateResult(kind=kind, rule="a rule", status=status, reason=reason, shadow=shadow)


def outcome(*results, has_champion=True, holds=()):
    decision = decide(results, has_champion=has_champion, holds=holds)
    return decision.outcome, decision.reasons


def test_all_passed_promotes_with_every_reason():
    assert outcome(result(reason="a"), result("champion", reason="b")) == (Outcome.PROMOTE, ("a", "b"))


def test_a_failure_rejects_and_comes_first_even_beside_what_is_undecided():
    results = [result(reason="a"), result(status=Status.UNDECIDED, reason="b"), result(status=Status.FAIL, reason="c")]
    assert outcome(*results) == (Outcome.REJECT, ("c",))


def test_anything_undecided_holds():
    assert outcome(result(), result(status=Status.UNDECIDED, reason="b")) == (Outcome.HOLD, ("b",))


def test_no_gate_is_an_explicit_hold():
    held, reasons = outcome()
    assert held == Outcome.HOLD
    assert reasons == (
        "no gate is configured: nothing says that the model is good. "
        "Add one to `gates`, for example a metric with `min`",
    )


def test_limits_alone_say_nothing_about_the_model():
    held, reasons = outcome(judge_limits(LimitGate(bundle_mb=50)))
    assert held == Outcome.HOLD and reasons[0].startswith("only limits on serving are configured: nothing says")


def test_shadow_gates_report_and_never_decide():
    held, reasons = outcome(result(shadow=True), result(status=Status.FAIL, shadow=True))
    assert held == Outcome.HOLD and reasons[0].startswith("all 2 gates are in shadow mode: nothing says")
    promoted, _ = outcome(result(), result(status=Status.FAIL, shadow=True))
    assert promoted == Outcome.PROMOTE


def test_gates_are_enforced_unless_they_say_otherwise():
    assert {gate(**keys).mode for gate, keys in ((MetricGate, {"metric": "mae", "max": 1}),)} == {"enforce"}


def test_first_model_needs_an_absolute_gate():
    held, reasons = outcome(result("champion", reason="no champion yet"), has_champion=False)
    assert held == Outcome.HOLD and reasons[0].startswith("no champion yet, and no absolute gate")
    promoted, _ = outcome(result("champion"), result("metric"), has_champion=False)
    assert promoted == Outcome.PROMOTE


def test_holds_from_outside_hold_and_stay_visible_in_a_rejection():
    assert outcome(result(), holds=["the champion is newer"]) == (Outcome.HOLD, ("the champion is newer",))
    rejected = outcome(result(status=Status.FAIL, reason="bad"), holds=["the champion is newer"])
    assert rejected == (Outcome.REJECT, ("bad", "the champion is newer"))


@pytest.mark.parametrize(
    ("gate", "value", "status", "reason"),
    [
        (AT_LEAST, 0.68421, Status.PASS, "roc_auc 0.684, at least 0.62"),
        (AT_LEAST, 0.62, Status.PASS, "roc_auc 0.62, at least 0.62"),
        (AT_LEAST, 0.601, Status.FAIL, "roc_auc 0.601 is below the least allowed, 0.62"),
        (AT_LEAST, 0.61996, Status.FAIL, "roc_auc 0.61996 is below the least allowed, 0.62"),
        (
            MetricGate(metric="roc_auc", min=0.6, max=0.99),
            0.7,
            Status.PASS,
            "roc_auc 0.7, at least 0.6 and at most 0.99",
        ),
        (MetricGate(metric="roc_auc", max=0.99), 1.0, Status.FAIL, "roc_auc 1 is above the most allowed, 0.99"),
        (MetricGate(metric="rmse", max=12000), 12345.6, Status.FAIL, "rmse 12,346 is above the most allowed, 12,000"),
    ],
)
def test_metric_gate_says_why_in_numbers_people_read(gate, value, status, reason):
    judged = judge_metric(gate, Measured(rows=5000, value=value))
    assert (judged.status, judged.reason) == (status, reason)


def test_too_few_rows_hold_and_say_how_many_more():
    judged = judge_metric(AT_LEAST, Measured(rows=60, value=0.9))
    assert (judged.status, judged.needed_rows) == (Status.UNDECIDED, 40)
    assert judged.reason == "roc_auc: only 60 labelled holdout rows, 100 needed: 40 more"


def test_one_class_holdout_is_undecided():
    problem = "roc_auc needs rows of both classes; all rows have label 0"
    judged = judge_metric(AT_LEAST, Measured(rows=500, problem=problem))
    assert (judged.status, judged.reason) == (Status.UNDECIDED, problem)


def test_slices_name_what_failed_and_what_was_not_judged():
    groups = {
        "EWR": Measured(900, 0.66),
        "JFK": Measured(800, 0.51),
        "LGA": Measured(120),
        "TEB": Measured(0),
    }
    judged = judge_slices(BY_ORIGIN, groups)
    assert judged.status == Status.FAIL
    assert judged.reason == "origin: JFK: roc_auc 0.51 is below the least allowed, 0.58 (not judged: LGA, TEB)"
    assert judged.value == 0.51
    reasons = {part.name: part.reason for part in judged.slices if part.status == Status.UNDECIDED}
    assert reasons == {"LGA": "120 rows, 200 needed", "TEB": "no rows in the holdout"}


def test_slices_pass_where_all_judged_ones_do():
    judged = judge_slices(BY_ORIGIN, {"EWR": Measured(900, 0.66), "LGA": Measured(120)})
    assert judged.status == Status.PASS
    assert judged.reason == "roc_auc in every origin at least 0.58: met in all 1 judged (not judged: LGA)"


def test_only_small_slices_are_undecided_never_passed():
    judged = judge_slices(BY_ORIGIN, {"EWR": Measured(150), "LGA": Measured(120)})
    assert (judged.status, judged.needed_rows, judged.value) == (Status.UNDECIDED, 50, None)
    assert judged.reason == "roc_auc by origin: no group could be judged, none has 200 rows (2 groups)"
    assert judge_slices(BY_ORIGIN, {}).status == Status.UNDECIDED


def test_a_slice_of_one_class_is_listed_not_judged():
    groups = {"EWR": Measured(900, 0.66), "JFK": Measured(800, problem="all rows have label 0")}
    judged = judge_slices(BY_ORIGIN, groups)
    assert judged.status == Status.PASS and "(not judged: JFK)" in judged.reason


def test_limits_are_judged_later():
    judged = judge_limits(LimitGate(latency_p99_ms=25, bundle_mb=50))
    assert judged.status == Status.LATER
    assert judged.reason == "p99 latency at most 25 ms, bundle at most 50 MB: judged when the bundle is verified"


def test_many_failed_slices_are_counted_not_all_listed():
    judged = judge_slices(BY_ORIGIN, {f"g{number}": Measured(300, 0.4) for number in range(40)})
    assert judged.reason.endswith("g4: roc_auc 0.4 is below the least allowed, 0.58 and 35 more")
