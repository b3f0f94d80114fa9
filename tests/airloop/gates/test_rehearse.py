"""Verdicts against a given champion: the same as the real ones, without the ledger."""

from __future__ import annotations

from datetime import timedelta

import pytest

from airloop.gates import judge, load_verdict
from airloop.gates.champion import as_if_live
from airloop.gates.judge import entry_of, rehearse
from airloop.ledger import Champion
from airloop.refs import Outcome

from .conftest import AS_OF, UNCHECKED

pytestmark = pytest.mark.slow


def rehearsed(bench, made, champion, version="2"):
    return rehearse(
        bench.workspace,
        made.pipeline,
        made.snapshot_digest,
        made.snapshot,
        UNCHECKED,
        made.digest,
        version,
        champion,
    )


def simulated(bench, made, version="1"):
    live = Champion("deliveries", "backtest", 1, "", version, made.snapshot.as_of, "release", "", "", (), None, AS_OF)
    return as_if_live(bench.workspace, made.pipeline, live, made.digest, made.snapshot)


def against_champion(bench):
    gates = [{"metric": "roc_auc", "min": 0.6}, {"metric": "log_loss", "versus": "champion", "margin": 0.5}]
    older = bench.train(bench.pipeline(gates=gates), AS_OF - timedelta(days=2))
    return older, bench.train(bench.pipeline(gates=gates))


def test_the_verdict_is_what_it_would_be_if_the_champion_were_live(bench):
    older, newer = against_champion(bench)
    _, verdict = rehearsed(bench, newer, simulated(bench, older))
    bench.release(older)
    arguments = newer.pipeline, newer.snapshot_digest, newer.snapshot, UNCHECKED, newer.digest, "2"
    _, real = judge(bench.workspace, *arguments)
    assert verdict.outcome is Outcome.PROMOTE
    assert (verdict.outcome, verdict.reasons, verdict.gates) == (real.outcome, real.reasons, real.gates)
    assert (verdict.metrics, verdict.champion_version) == (real.metrics, "1")


def test_neither_what_is_live_nor_the_ledger_s_entries_matter_or_change(bench):
    older, newer = against_champion(bench)
    name, before = rehearsed(bench, newer, None)
    bench.release(older)
    assert rehearsed(bench, newer, None) == (name, before)
    assert before.champion_version is None
    assert bench.workspace.ledger.entries("deliveries") == []


def test_a_candidate_is_held_against_itself(bench, plain):
    _, verdict = rehearsed(bench, plain, simulated(bench, plain))
    assert verdict.outcome is Outcome.HOLD
    assert "the candidate is the champion itself (version 1): nothing to release" in verdict.reasons


def test_a_verdict_keeps_all_metrics_and_the_ledger_their_intervals(bench, plain):
    name, verdict = rehearsed(bench, plain, None)
    assert set(verdict.metrics) == {"accuracy", "brier", "calibration_error", "log_loss", "pr_auc", "roc_auc"}
    assert load_verdict(bench.workspace, name, "rehearsals") == verdict
    value, lower, upper = entry_of(verdict, plain.digest)["metrics"]["roc_auc"]
    assert lower < value == verdict.gates[0].value < upper
