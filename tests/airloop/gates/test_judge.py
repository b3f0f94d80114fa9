from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from airloop.data.rows import iter_part
from airloop.errors import SpecError, Unreachable
from airloop.gates import judge, load_verdict
from airloop.gates.champion import LiveModel, open_live
from airloop.gates.verdict import Status
from airloop.ledger import Ledger
from airloop.refs import Outcome
from airloop.scoring import Scorer
from airloop.statistics.metrics import score
from airloop.validation import Validation

pytestmark = pytest.mark.slow


ABSOLUTE = {"metric": "roc_auc", "min": 0.7}
VERSUS = {"metric": "log_loss", "versus": "champion", "margin": 0.01}
UNCHECKED = Validation(expectations=0, partitions={})


def judge_it(bench, pipeline, made, validation=UNCHECKED):
    return judge(bench.workspace, pipeline, made.snapshot_digest, made.snapshot, validation, made.digest, "2")


def test_first_model_is_judged_by_absolute_gates_alone(bench, plain):
    verdict = bench.judge(plain, ABSOLUTE, VERSUS)
    assert (verdict.outcome, verdict.champion_version, verdict.rows) == (Outcome.PROMOTE, None, 1200)
    assert verdict.reasons[0].startswith("roc_auc 0.8") and verdict.reasons[0].endswith(", at least 0.7")
    assert verdict.reasons[1] == "no champion yet: the absolute gates decide alone"


def test_first_model_without_absolute_gate_is_held(bench, plain):
    verdict = bench.judge(plain, VERSUS)
    assert verdict.outcome == Outcome.HOLD and verdict.reasons[0].startswith("no champion yet, and no absolute gate")


def test_rerun_finds_the_verdict_and_records_it_once(bench, plain):
    name, first = judge_it(bench, bench.pipeline(), plain)
    report = bench.workspace.store.folder("verdicts", name) / "report.html"
    made = report.stat().st_mtime_ns
    assert judge_it(bench, bench.pipeline(), plain) == (name, first)
    assert report.stat().st_mtime_ns == made
    (entry,) = bench.workspace.ledger.entries("deliveries", "verdict")
    assert (entry.subject, entry.as_of, entry.payload["outcome"]) == (name, plain.snapshot.as_of, "PROMOTE")
    assert entry.payload["report"] == first.report
    assert load_verdict(bench.workspace, name) == first


@pytest.mark.slow
def test_other_gates_and_another_champion_give_another_verdict(bench, plain):
    first, _ = judge_it(bench, bench.pipeline(), plain)
    stricter, _ = judge_it(bench, bench.pipeline(gates=[ABSOLUTE | {"min": 0.71}]), plain)
    other = bench.train(bench.pipeline(model={"seed": 1}))
    bench.release(other)
    later, _ = judge_it(bench, bench.pipeline(), plain)
    assert len({first, stricter, later}) == 3


def test_the_champion_is_scored_anew_on_the_candidates_rows(bench, plain):
    older = bench.train(bench.pipeline(), as_of=plain.snapshot.as_of - timedelta(days=2))
    bench.release(older)
    verdict = bench.judge(plain, VERSUS)
    scorer = Scorer.open(bench.workspace.store.folder("models", older.digest))
    rows = [frame for _, frame in iter_part(bench.workspace, plain.pipeline.spec, plain.snapshot, "holdout", {})]
    truth = np.concatenate([frame["late"].to_numpy(float) for frame in rows])
    answers = np.concatenate([scorer.predict(frame) for frame in rows])
    assert verdict.gates[0].champion == pytest.approx(score("log_loss", truth, answers), rel=1e-6)
    assert verdict.gates[0].rows == 1200


def test_the_baseline_is_what_is_live_not_what_was_made_last(bench, plain):
    bench.release(plain, version="1")
    # Made later, of an older interval, and never released.
    bench.train(bench.pipeline(), as_of=plain.snapshot.as_of - timedelta(days=4))
    candidate = bench.train(bench.pipeline(model={"seed": 2}))
    verdict = bench.judge(candidate, VERSUS, version="3")
    assert verdict.champion_version == "1"
    live = open_live(bench.workspace, bench.pipeline())
    assert isinstance(live, LiveModel) and live.model == plain.digest


def test_an_interval_that_the_champion_was_trained_on_has_no_row_to_judge(bench, plain):
    bench.release(plain)
    older = bench.train(bench.pipeline(), as_of=plain.snapshot.as_of - timedelta(days=6))
    verdict = bench.judge(older, ABSOLUTE, VERSUS)
    assert verdict.outcome == Outcome.HOLD
    assert verdict.reasons[1] == ("the champion (version 1) was trained on rows up to 2024-03-09: none here is later")


def test_a_champion_that_cannot_be_opened_holds_until_it_is_mended(bench, plain):
    digest = bench.release(plain, version="broken")
    candidate = bench.train(bench.pipeline(model={"seed": 3}))
    file = bench.workspace.store.folder("bundles", digest) / "golden.json"
    whole = file.read_bytes()
    file.write_bytes(whole + b" ")
    try:
        verdict = bench.judge(candidate, ABSOLUTE, VERSUS)
    finally:
        file.write_bytes(whole)
    assert (verdict.outcome, verdict.champion_version) == (Outcome.HOLD, None)
    assert verdict.reasons[0].startswith("the champion (version broken) cannot be judged: bundle ")
    assert "golden.json" in verdict.reasons[0] and len(verdict.reasons) == 1
    assert bench.judge(candidate, ABSOLUTE, VERSUS).outcome == Outcome.PROMOTE


def test_a_champion_without_its_replicates_is_compared_alone(bench, plain, monkeypatch):
    bench.release(plain)
    candidate = bench.train(bench.pipeline(model={"seed": 4}))
    stored = bench.workspace.store.folder("models", plain.digest)
    hidden = stored.with_name("hidden")
    stored.rename(hidden)
    try:
        verdict = bench.judge(candidate, ABSOLUTE, VERSUS)
    finally:
        hidden.rename(stored)
    assert "trainings" not in verdict.gates[1].reason
    assert verdict.gates[1].gain == pytest.approx(verdict.gates[1].champion - verdict.gates[1].value)


def test_a_champion_that_needs_a_vanished_column_holds(bench, plain):
    bench.land("wide", lambda frame, rng: frame.assign(rain_mm=rng.random(len(frame))))
    bench.release(bench.train(bench.pipeline("wide")))
    verdict = bench.judge(plain, ABSOLUTE, VERSUS)
    assert verdict.outcome == Outcome.HOLD
    assert verdict.reasons == (
        "the champion (version 1) cannot score these rows: the rows have no column 'rain_mm', which the model needs",
    )


def test_one_class_in_the_holdout_is_undecided(bench, plain):
    late = {part.digest: [] for part in plain.snapshot.partitions}
    for part, frame in iter_part(bench.workspace, plain.pipeline.spec, plain.snapshot, "holdout", {}):
        late[part.digest] = [int(position) for position in frame.index[frame["late"]]]
    calm = Validation(expectations=1, partitions={}, excluded={name: tuple(rows) for name, rows in late.items()})
    _, verdict = judge_it(bench, bench.pipeline(), plain, calm)
    assert verdict.outcome == Outcome.HOLD
    assert verdict.reasons == ("roc_auc needs rows of both classes; all rows have label 0",)


def test_too_few_rows_are_undecided(bench, plain):
    verdict = bench.judge(plain, ABSOLUTE | {"min_rows": 2000})
    assert verdict.outcome == Outcome.HOLD
    assert verdict.reasons == ("roc_auc: only 1,200 labelled holdout rows, 2,000 needed: 800 more",)


def test_quarantined_rows_are_not_judged_on(bench, plain):
    last = plain.snapshot.partitions[-1]
    validation = Validation(expectations=1, partitions={}, excluded={last.digest: tuple(range(100))})
    _, verdict = judge_it(bench, bench.pipeline(), plain, validation)
    assert verdict.rows == 1100


def test_small_slices_are_listed_not_judged(bench, plain):
    verdict = bench.judge(plain, {"metric": "roc_auc", "slices": "depot", "min": 0.6, "min_rows": 200})
    (result,) = verdict.gates
    assert (result.status, [part.name for part in result.slices]) == (Status.PASS, ["A", "B", "C"])
    assert result.reason.endswith("met in all 2 judged (not judged: C)")


def test_a_slice_by_an_absent_column_names_the_nearest(bench, plain):
    gate = {"metric": "roc_auc", "slices": "depo", "min": 0.6}
    with pytest.raises(SpecError, match=r"gates\[0\]\.slices: 'depo' is not a column.* Did you mean 'depot'\?"):
        bench.judge(plain, gate)


def test_a_slice_by_a_private_column_is_refused(bench, plain):
    gate = {"metric": "roc_auc", "slices": "customer", "min": 0.6}
    with pytest.raises(SpecError, match=r"'customer' is private \(data\.private\)"):
        bench.judge(plain, gate)


def test_shadow_gates_are_reported_and_decide_nothing(bench, plain):
    verdict = bench.judge(plain, ABSOLUTE, {"metric": "brier", "max": 0.001, "mode": "shadow"})
    assert verdict.outcome == Outcome.PROMOTE
    assert verdict.warnings[0].startswith("in shadow, decides nothing: FAIL, brier 0.1")


def test_no_gate_is_held(bench, plain):
    verdict = bench.judge(plain)
    assert verdict.outcome == Outcome.HOLD and verdict.reasons[0].startswith("no gate is configured")


def test_an_unreachable_ledger_is_not_a_missing_champion(bench, plain, tmp_path):
    (tmp_path / "file").write_text("")
    elsewhere = replace(bench.workspace, ledger_url=f"sqlite:///{tmp_path}/file/ledger.db")
    with pytest.raises(Unreachable):
        judge(elsewhere, bench.pipeline(), plain.snapshot_digest, plain.snapshot, UNCHECKED, plain.digest, "2")
    assert Ledger(bench.workspace.ledger_url).entries("deliveries") == []


def test_without_a_labelled_row_everything_is_undecided_and_the_report_still_stands(bench, plain):
    bench.release(plain)
    candidate = bench.train(bench.pipeline(model={"seed": 1}))
    excluded = {part.digest: tuple(range(part.rows)) for part in plain.snapshot.partitions}
    nothing = Validation(expectations=1, partitions={}, excluded=excluded)
    by_depot = {"metric": "roc_auc", "slices": "depot", "min": 0.6}
    name, verdict = judge_it(bench, bench.pipeline(gates=[ABSOLUTE, VERSUS, by_depot]), candidate, nothing)
    assert (verdict.outcome, verdict.rows) == (Outcome.HOLD, 0)
    assert verdict.reasons == (
        "roc_auc: only 0 labelled holdout rows, 100 needed: 100 more",
        "log_loss against the champion: no labelled holdout rows",
        "roc_auc by depot: no group could be judged, none has 200 rows (3 groups)",
    )
    page = (bench.workspace.store.folder("verdicts", name) / "report.html").read_text()
    assert 'class="verdict HOLD"' in page and "labelled holdout rows</dt><dd>0" in page


def test_rows_without_time_are_split_alike_or_not_compared(bench):
    timeless = {"partition": "none", "event_time": None, "holdout_share": 0.3}
    bench.land("timeless", lambda frame, rng: frame.drop(columns="sent_at"), days=6)
    pipeline = bench.pipeline("timeless", data=timeless, model={"replicates": 2})
    champion = bench.train(pipeline)
    bench.release(champion)
    other = bench.train(bench.pipeline("timeless", data=timeless, model={"replicates": 2, "seed": 9}))
    loose = VERSUS | {"margin": 0.3, "min_rows": 20}
    assert bench.judge(other, loose).outcome == Outcome.PROMOTE
    more = bench.train(bench.pipeline("timeless", data=timeless | {"holdout_share": 0.5}))
    verdict = bench.judge(more, loose)
    assert verdict.outcome == Outcome.HOLD
    assert "split with holdout_share 0.3 and key [], not 0.5 and []: it may have been trained on" in verdict.reasons[0]
