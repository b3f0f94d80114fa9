from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from tests.airloop.release.conftest import Bench

from airloop.monitoring.window import Window
from airloop.release.simulated import SimulatedTarget


@pytest.fixture
def churn(airloop, workspace):
    """Return the command line over a ledger with two releases, a roll back and a rejected candidate."""
    airloop("new", "churn")
    ledger = workspace.ledger
    for number, day in ((1, 11), (2, 18)):
        cut_off = datetime(2013, 3, day, tzinfo=UTC)
        payload = {"version": str(number), "outcome": "PROMOTE", "reasons": [f"roc_auc 0.7{number} is at least 0.62"]}
        ledger.record("verdict", "churn", f"v{number}", payload, as_of=cut_off)
        ledger.promote(
            "churn",
            "local",
            bundle=f"b{number}",
            version=str(number),
            data_cut_off=cut_off,
            expected_generation=number - 1,
            run_id=f"r{number}",
            reasons=["every step was judged CONTINUE"],
        )
    ledger.promote(
        "churn",
        "local",
        bundle="b1",
        version="1",
        data_cut_off=datetime(2013, 3, 11, tzinfo=UTC),
        expected_generation=2,
        run_id="r3",
        reasons=["complaints"],
        kind="roll_back",
        by="ann",
        restores=1,
    )
    payload = {"version": "3", "outcome": "REJECT", "reasons": ["roc_auc 0.55 is below 0.62"], "champion_version": "1"}
    ledger.record("verdict", "churn", "v3", payload, as_of=datetime(2013, 3, 25, tzinfo=UTC))
    return airloop


def test_history_shows_what_was_live_and_what_was_judged(churn):
    answer = churn("history", "churn")
    assert answer.code == 0
    lines = [" ".join(line.split()) for line in answer.err.splitlines()]
    production = [line for line in lines if line.startswith("#")]
    assert [line.split()[0] for line in production] == ["#3", "#2", "#1"]
    assert " live 2013-03-11 00:00 roll back by ann complaints" in production[0]
    assert "every step was judged CONTINUE" in production[1]
    assert "3 2013-03-25 00:00 REJECT 1 roc_auc 0.55 is below 0.62" in lines


def test_history_says_when_the_target_does_not_agree_with_the_ledger(churn):
    assert "! the target does not say what it serves: no model server at" in churn("history", "churn").err


def test_history_for_programs_is_one_json_line(churn):
    value = churn("history", "churn", "--json").json
    assert [row["generation"] for row in value["production"]] == [3, 2, 1]
    assert value["production"][0]["until"] is None
    assert value["production"][0]["data_cut_off"] == "2013-03-11T00:00:00Z"
    assert [entry["payload"]["outcome"] for entry in value["verdicts"]] == ["REJECT", "PROMOTE", "PROMOTE"]


def test_history_of_a_pipeline_never_released_says_so(airloop):
    airloop("new", "orders")
    assert "orders was never released" in airloop("history", "orders").err


def test_explain_says_in_words_why_a_version_is_live(churn):
    words = " ".join(churn("explain", "churn").err.split())
    assert "churn version 1 is live on local. A roll back by ann made it generation #3" in words
    assert "It learned from data up to 2013-03-11 00:00 UTC. It followed version 2 (#2). · complaints" in words
    assert "Its bundle cannot be read: bundle b1 is not in the store" in words


def test_explain_takes_a_version_or_a_generation(churn):
    for name in ("2", "#2"):
        words = " ".join(churn("explain", "churn", name).err.split())
        assert "churn version 2 was live until" in words
        assert "every step was judged CONTINUE" in words


def test_explain_says_why_a_version_was_never_live(churn):
    words = " ".join(churn("explain", "churn", "3").err.split())
    assert "churn version 3 was never live." in words
    assert "REJECT" in words
    assert "roc_auc 0.55 is below 0.62" in words


def test_explain_of_an_unknown_version_names_the_known_ones(churn):
    answer = churn("explain", "churn", "9")
    assert answer.code == 2
    assert "churn: '9' was never live. Known: #1, #2, #3, 1, 2." in answer.err


def test_rollback_of_nothing_is_refused_in_words(airloop):
    airloop("new", "orders")
    answer = airloop("rollback", "orders")
    assert (answer.code, answer.out) == (2, "")
    assert "nothing was ever released, so there is nothing to go back to" in answer.err
    assert "Traceback" not in answer.err


def watched(workspace, week: int, level: str, action: str = "") -> str:
    """Record what was found in the week that begins ``week`` weeks after 2013-03-18, and decided; return its name."""
    start = datetime(2013, 3, 18, tzinfo=UTC) + timedelta(weeks=week)
    window = Window(start, start + timedelta(weeks=1))
    given = {"as_of": window.end + timedelta(hours=12)}
    found = {"level": level, "reasons": [f"PSI says {level}"], "version": "1", "rows": 6543}
    workspace.ledger.record("drift", "churn", window.name, found, run_id=level, **given)
    if action:
        payload = {"action": action, "reasons": [f"drift {level}", "more"], "report": "file", "run_id": "monday"}
        workspace.ledger.record("decision", "churn", window.name, payload, **given)
    return window.name


def test_history_shows_windows_with_what_was_decided_and_why(churn, workspace):
    watched(workspace, 0, "OK", "WAIT")
    watched(workspace, 1, "ACT", "RETRAIN")
    watched(workspace, 2, "INCONCLUSIVE")
    lines = [" ".join(line.split()) for line in churn("history", "churn").err.splitlines()]
    assert lines[-3:] == [
        "2013-04-01 to 2013-04-08 6,543 1 INCONCLUSIVE INCONCLUSIVE none a look at the past, or cut off",
        "2013-03-25 to 2013-04-01 6,543 1 ACT INCONCLUSIVE RETRAIN drift ACT (and 1 more)",
        "2013-03-18 to 2013-03-25 6,543 1 OK INCONCLUSIVE WAIT drift OK (and 1 more)",
    ]
    windows = churn("history", "churn", "--json").json["windows"]
    assert [one["decision"] and one["decision"]["action"] for one in windows] == [None, "RETRAIN", "WAIT"]


@pytest.mark.parametrize(
    "name", ["2013-03-25", "2013-03-28T06:00", "2013-03-25/2013-04-01", "2013-03-25T00:00:00Z/2013-04-01T00:00:00Z"]
)
def test_explain_of_a_window_says_what_was_found_and_decided(churn, workspace, name):
    watched(workspace, 1, "ACT", "RETRAIN")
    words = " ".join(churn("explain", "churn", name).err.split())
    assert "2013-03-25 to 2013-04-01: 6,543 predictions, most answered by version 1" in words
    assert "drift ACT · PSI says ACT decision RETRAIN as of 2013-04-01 12:00 · drift ACT · more" in words
    assert "decided by run monday" in words
    assert "no training has answered it yet report: file" in words
    assert churn("explain", "churn", name, "--json").json["window"]["decision"]["action"] == "RETRAIN"


def test_explain_says_which_run_answers_a_decision_to_retrain(churn, workspace):
    full = watched(workspace, 1, "ACT", "RETRAIN")
    as_of = datetime(2013, 4, 1, 12, tzinfo=UTC)
    workspace.ledger.record("retraining", "churn", full, {"run_id": "training 7"}, as_of=as_of)
    assert "answered by run training 7" in churn("explain", "churn", "2013-03-25").err


def test_explain_says_when_a_release_has_overtaken_a_decision_to_retrain(churn, workspace):
    watched(workspace, 1, "ACT", "RETRAIN")
    cut_off = datetime(2013, 4, 8, tzinfo=UTC)
    workspace.ledger.promote(
        "churn", "local", bundle="b4", version="4", data_cut_off=cut_off, expected_generation=3, run_id="r4", reasons=[]
    )
    words = churn("explain", "churn", "2013-03-25").err
    assert "needs no answer: version 4 was released, with data up to 2013-04-08" in words


def test_explain_of_a_window_that_was_not_watched_names_the_nearest(churn, workspace):
    answer = churn("explain", "churn", "2013-05-06")
    assert (answer.code, "churn: no window was watched yet; `python -m airloop monitor churn` does" in answer.err) == (
        2,
        True,
    )
    watched(workspace, 1, "OK")
    watched(workspace, 3, "OK")
    answer = churn("explain", "churn", "2013-05-06")
    assert answer.code == 2
    words = " ".join(answer.err.split())
    assert "the window 2013-05-06 was not watched; the nearest that was: 2013-04-08 to 2013-04-15" in words


def test_explain_shows_the_chain_of_evidence_and_what_does_not_hold(airloop, workspace, tmp_path):
    airloop("new", "flights")
    bench = Bench(workspace, SimulatedTarget(tmp_path / "target"))
    ref = bench.release(bench.bundle("1"))
    (workspace.store.folder("verifications", "p" * 64) / "value.json").write_text("{}")
    lines = [" ".join(line.split()) for line in airloop("explain", "flights").err.splitlines()]
    chain = lines[lines.index("Evidence") + 1 :]
    assert chain[:2] == ["snapshot holds 555555555555", "9,000 rows in 1 partition, as of 2013-03-18"]
    assert "roc_auc at least 0.62: PASS, 0.7 (from 0.68 to 0.72, each at 97.5%)" in chain
    assert "approval holds nobody was asked" in chain
    assert "verification broken pppppppppppp" in chain
    assert "verifications/pppppppppppp is altered: value.json" in chain
    assert "release holds generation #1 on local" in chain
    assert f"statement holds {ref.evidence[:12]}" in chain
    told = airloop("explain", "flights", "--json").json
    assert told["statement"] == ref.evidence
    assert {link["name"]: link["state"] for link in told["chain"]}["verification"] == "broken"


def test_explain_says_that_an_old_release_has_no_statement(churn):
    assert "No signed statement is kept of this release" in churn("explain", "churn").err
