"""There is a history of what was in production, with its reasons."""

from __future__ import annotations

from datetime import timedelta

import pytest

from airloop import digest
from airloop.errors import ReleaseRefused
from airloop.release import differences, explain, history, reconcile
from airloop.release.history import retained
from airloop.release.target import Placed, State

from .conftest import MARCH, Bench


def test_history_tells_what_was_live_when_and_by_what(bench: Bench) -> None:
    assert history(bench.workspace, "flights") == []
    for number in (1, 2):
        bench.release(bench.bundle(str(number), days=number))
    bench.roll_back()
    rows = history(bench.workspace, "flights")
    told = [(row.champion.generation, row.champion.version, row.champion.kind, row.is_live) for row in rows]
    assert told == [(3, "1", "roll_back", True), (2, "2", "release", False), (1, "1", "release", False)]
    assert [row.until for row in rows] == [None, rows[0].champion.recorded_at, rows[1].champion.recorded_at]


def test_a_release_is_explained_by_its_evidence(bench: Bench) -> None:
    ledger = bench.workspace.ledger
    ledger.record("verdict", "flights", digest.of_value("model 2"), {"outcome": "PROMOTE", "reasons": ["auc 0.7"]})
    first = bench.release(bench.bundle("1"))
    bench.release(bench.bundle("2", days=7))
    told = explain(bench.workspace, "flights")
    assert (told.champion.version, told.champion.data_cut_off) == ("2", MARCH + timedelta(days=7))
    assert told.previous is not None
    assert told.previous.bundle == first.digest
    assert told.lineage["verdict"] == "v" * 64
    assert [entry.kind for entry in told.entries] == ["verdict", "alias_failed", "released"]
    assert told.problem == ""
    assert explain(bench.workspace, "flights", "1") == explain(bench.workspace, "flights", "#1")
    with pytest.raises(ReleaseRefused, match="flights: '7' was never live"):
        explain(bench.workspace, "flights", "7")
    with pytest.raises(ReleaseRefused, match="churn: nothing was ever released"):
        explain(bench.workspace, "churn")


def test_a_lost_bundle_is_told_and_the_rest_is_still_explained(bench: Bench) -> None:
    ref = bench.release(bench.bundle("1"))
    (bench.workspace.store.folder("bundles", ref.digest) / "golden.json").write_text("[]")
    told = explain(bench.workspace, "flights")
    assert "altered golden.json" in told.problem
    assert [entry.kind for entry in told.entries] == ["alias_failed", "released"]


def test_ledger_and_target_are_compared_in_words_and_reconciled(bench: Bench) -> None:
    bench.release(bench.bundle("1"))
    assert differences(bench.workspace, "flights", bench.target) == []
    placed = bench.target.send("flights", 0).state.champion
    bench.target.apply("flights", State(Placed("f" * 64, "9"), placed, 10))
    found = differences(bench.workspace, "flights", bench.target)
    assert found == [
        "the ledger says version 1 (generation 1, data up to 2013-03-18) is live, "
        "the target serves version 9 with candidate 1 (10 %)",
        "a candidate is on the target: version 9 with candidate 1 (10 %); a rollout is on its way, or its run died",
    ]
    assert reconcile(bench.workspace, "flights", bench.target) == found
    assert bench.serves() == "version 1"
    bench.target.is_up = False
    assert differences(bench.workspace, "flights", bench.target)[0].startswith("the target does not say what it serves")


def test_the_champion_and_what_a_roll_back_gives_are_always_kept(bench: Bench) -> None:
    refs = [bench.release(bench.bundle(str(number), days=number)) for number in range(5)]
    digests = [ref.digest for ref in refs]
    champions = bench.workspace.ledger.champions("flights", "local")
    assert retained(champions, keep=3) == (digests[4], digests[3], digests[2])
    bench.roll_back("1")
    champions = bench.workspace.ledger.champions("flights", "local")
    assert retained(champions, keep=1) == (digests[1], digests[0])
    assert retained([]) == ()
