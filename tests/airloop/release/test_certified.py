"""Nothing goes live, and nothing comes back, without evidence that holds."""

from __future__ import annotations

import shutil

import pytest

from airloop.errors import BundleError, EvidenceError
from airloop.evidence import State as Links
from airloop.refs import ReleaseRef
from airloop.release import explain
from airloop.release.hand_over import CERTIFIED
from airloop.release.simulated import Behaviour
from airloop.release.target import Placed, State

from .conftest import PROMOTED, SNAPSHOT, Bench


@pytest.fixture
def two(bench: Bench) -> tuple[ReleaseRef, ReleaseRef]:
    """Two releases, one after the other."""
    return bench.release(bench.bundle("1")), bench.release(bench.bundle("2", days=7))


def untouched(bench: Bench, version: str) -> None:
    assert bench.serves() == f"version {version}"
    live = bench.workspace.ledger.live("flights", "local")
    assert live is not None
    assert live.version == version


def test_a_release_names_its_statement_everywhere(bench: Bench) -> None:
    ref = bench.release(bench.bundle("1"))
    assert len(ref.evidence) == 64
    ledger = bench.workspace.ledger
    (certified,) = ledger.entries("flights", CERTIFIED)
    (released,) = ledger.entries("flights", "released")
    assert certified.payload["evidence"] == released.payload["evidence"] == ref.evidence
    assert certified.id < released.id, "noted before anything was touched"
    assert bench.release(bench.bundle("1"), run="another").evidence == ref.evidence, "live already"


def test_an_unsigned_bundle_is_refused_and_nothing_is_touched(bench: Bench) -> None:
    bench.release(bench.bundle("1"))
    unsigned = bench.bundle("2", days=7).model_copy(update={"signature": ""})
    with pytest.raises(EvidenceError, match=f"bundle {unsigned.digest[:12]} is not signed: package it again"):
        bench.release(unsigned)
    untouched(bench, "1")


def test_a_bundle_with_the_signature_of_another_is_refused(bench: Bench) -> None:
    first, second = bench.bundle("1"), bench.bundle("2", days=7)
    bench.release(first)
    with pytest.raises(EvidenceError, match=f"is of bundle {first.digest[:12]}, not of {second.digest[:12]}"):
        bench.release(second.model_copy(update={"signature": first.signature}))
    untouched(bench, "1")


def test_an_altered_document_stops_a_release_before_it_is_touched(bench: Bench) -> None:
    bench.release(bench.bundle("1"))
    bundle = bench.bundle("2", days=7)
    (bench.workspace.store.folder("verdicts", PROMOTED.digest) / "verdict.json").write_text("{}")
    with pytest.raises(EvidenceError, match=r"verdicts/v{12} is altered: verdict\.json"):
        bench.release(bundle)
    untouched(bench, "1")
    assert [entry.subject for entry in bench.workspace.ledger.entries("flights", CERTIFIED)] != [bundle.digest]


def test_a_candidate_left_by_a_try_that_died_is_taken_away_when_its_evidence_broke(bench: Bench) -> None:
    bench.release(bench.bundle("1"))
    bundle = bench.bundle("2", days=7)
    champion = bench.target.send("flights", 0).state.champion
    bench.target.apply("flights", State(champion, Placed(bundle.digest, "2"), 10))
    shutil.rmtree(bench.workspace.store.folder("snapshots", SNAPSHOT))
    with pytest.raises(EvidenceError, match=r"snapshots/5{12} is not in the store"):
        bench.release(bundle)
    untouched(bench, "1")
    assert bench.lines[-1].startswith("not certified: version 1 ")


def test_a_release_that_was_rolled_back_by_itself_keeps_its_statement(bench: Bench) -> None:
    bench.release(bench.bundle("1"))
    bench.target.behaviours["2"] = Behaviour(failure_rate=0.3)
    ref = bench.release(bench.bundle("2", days=7))
    assert (ref.outcome, len(ref.evidence)) == ("ROLLED_BACK", 64)


def test_a_roll_back_names_the_statement_of_what_it_puts_back(bench: Bench, two: tuple[ReleaseRef, ReleaseRef]) -> None:
    ref = bench.roll_back()
    assert (ref.version, ref.evidence) == ("1", two[0].evidence)
    assert explain(bench.workspace, "flights").statement == two[0].evidence


def test_a_roll_back_onto_altered_evidence_is_refused(bench: Bench, two: tuple[ReleaseRef, ReleaseRef]) -> None:
    folder = bench.workspace.store.folder("evidence", two[0].evidence)
    (folder / "release.dsse.json").write_text("{}")
    with pytest.raises(EvidenceError, match=r"flights on local: cannot go back to version 1 .* Nothing was changed"):
        bench.roll_back()
    untouched(bench, "2")
    shutil.rmtree(bench.workspace.store.folder("bundles", two[0].digest))
    with pytest.raises(BundleError, match=r"cannot go back to version 1 .* is not in the store"):
        bench.roll_back()


def test_an_altered_snapshot_stops_a_roll_back_and_a_lost_one_is_told(
    bench: Bench, two: tuple[ReleaseRef, ReleaseRef]
) -> None:
    folder = bench.workspace.store.folder("snapshots", SNAPSHOT)
    whole = (folder / "value.json").read_bytes()
    (folder / "value.json").write_text("{}")
    with pytest.raises(EvidenceError, match=r"snapshot: snapshots/5{12} is altered"):
        bench.roll_back()
    untouched(bench, "2")
    (folder / "value.json").write_bytes(whole)
    shutil.rmtree(folder)
    ref = bench.roll_back()
    assert ref.version == "1"
    assert f"snapshot {SNAPSHOT[:12]} is gone: nobody can look at it again" in ref.reasons


def test_a_release_made_before_there_were_statements_can_come_back_and_that_is_said(bench: Bench) -> None:
    old = bench.bundle("1")
    bench.workspace.ledger.promote(
        "flights",
        "local",
        bundle=old.digest,
        version="1",
        data_cut_off=old.data_cut_off,
        expected_generation=0,
        run_id="long ago",
        reasons=(),
    )
    bench.release(bench.bundle("2", days=7))
    ref = bench.roll_back()
    assert (ref.version, ref.evidence) == ("1", "")
    assert any(reason.startswith("no signed statement is kept of version 1") for reason in ref.reasons)
    assert any(line.startswith("no signed statement is kept of version 1") for line in bench.lines)


def test_explain_tells_every_link_and_which_holds(bench: Bench, two: tuple[ReleaseRef, ReleaseRef]) -> None:
    names = [
        "snapshot",
        "validation",
        "verdict",
        "approval",
        "bundle",
        "signature",
        "verification",
    ]
    chain = explain(bench.workspace, "flights").chain
    assert [link.name for link in chain] == [*names, "release", "statement"]
    assert {link.state for link in chain} == {Links.HOLDS}
    shutil.rmtree(bench.workspace.store.folder("snapshots", SNAPSHOT))
    (bench.workspace.store.folder("bundles", two[1].digest) / "golden.json").write_text("[]")
    found = {link.name: link for link in explain(bench.workspace, "flights").chain}
    broken = {name: link.state for name, link in found.items() if link.state != Links.HOLDS}
    assert broken == {"snapshot": Links.GONE, "bundle": Links.BROKEN, "signature": Links.BROKEN}
    assert "altered golden.json" in found["bundle"].problem
    shutil.rmtree(bench.workspace.store.folder("evidence", two[1].evidence))
    (only,) = explain(bench.workspace, "flights").chain
    assert (only.name, only.state) == ("statement", Links.GONE)
