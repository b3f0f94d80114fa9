from __future__ import annotations

import pytest

from airloop.overview.belonging import belongs
from airloop.workspace import Workspace

DIGEST, PART, OTHER = "d1" * 32, "a2" * 32, "b3" * 32


@pytest.fixture
def workspace(tmp_path):
    return Workspace.from_environment({"AIRLOOP_HOME": str(tmp_path), "AIRLOOP_PIPELINES": str(tmp_path)})


def test_what_an_entry_is_about_belongs_to_its_pipeline(workspace):
    workspace.ledger.record("verdict", "parcels", DIGEST, {"outcome": "HOLD"})
    assert belongs(workspace, ["parcels", "letters"], "verdicts", DIGEST)
    assert not belongs(workspace, ["letters"], "verdicts", DIGEST)
    assert not belongs(workspace, ["parcels"], "verdicts", OTHER)


def test_a_report_that_an_entry_names_belongs_to_its_pipeline(workspace):
    workspace.ledger.record("decision", "parcels", "w1", {"report": f"s3://bucket/reports/{DIGEST}/window.html"})
    assert belongs(workspace, ["parcels"], "reports", DIGEST)
    assert not belongs(workspace, ["letters"], "reports", DIGEST)


@pytest.mark.parametrize("kind", ["reports", "validations", "verdicts"])
def test_what_a_person_writes_names_nothing(workspace, kind):
    """Whoever may start a run, or pause releases, could else read any page whose digest they know."""
    ledger, wanted = workspace.ledger, f"reports/{DIGEST}/window.html {DIGEST} {kind}/{DIGEST}/"
    ledger.pause("parcels", by="eve", reason=wanted)
    ledger.record("asked", "parcels", DIGEST, {"why": wanted, "by": "eve"}, run_id=DIGEST)
    ledger.record("unneeded", "parcels", DIGEST, {"reasons": [wanted]}, run_id=DIGEST)
    ledger.record("approval", "parcels", OTHER, {"comment": wanted, "run": DIGEST})
    ledger.record("verdict", "parcels", OTHER, {"reasons": [wanted], "report": f"/store/verdicts/{OTHER}/report.html"})
    assert not belongs(workspace, ["parcels"], kind, DIGEST)


def test_the_page_on_a_snapshot_belongs_where_its_validation_does(workspace):
    docs = f"s3://bucket/validations/{PART}/index.html"
    workspace.ledger.record("validation", "parcels", "s1", {"digest": DIGEST, "docs": docs})
    assert belongs(workspace, ["parcels"], "validations", DIGEST)
    assert belongs(workspace, ["parcels"], "validations", PART)
    assert not belongs(workspace, ["parcels"], "reports", DIGEST)


def test_signs_that_stand_for_anything_in_sql_stand_for_themselves(workspace):
    workspace.ledger.record("verdict", "parcels", DIGEST, {"outcome": "HOLD"})
    assert not belongs(workspace, ["parcels"], "verdicts", "_" * 64)
    assert not belongs(workspace, ["parcels"], "verdicts", "%")


def test_a_page_on_a_partition_belongs_where_its_snapshots_validation_does(workspace):
    workspace.store.put_json("validations", DIGEST, {"partitions": {"p1": PART}})
    workspace.ledger.record("validation", "parcels", "s1", {"digest": DIGEST})
    workspace.ledger.record("validation", "parcels", "s2", {"digest": OTHER})
    assert belongs(workspace, ["parcels"], "validations", PART)
    assert not belongs(workspace, ["letters"], "validations", PART)
    assert not belongs(workspace, ["parcels"], "reports", PART)


def test_nothing_belongs_to_no_pipeline(workspace):
    workspace.ledger.record("verdict", "parcels", DIGEST, {"outcome": "HOLD"})
    assert not belongs(workspace, [], "verdicts", DIGEST)
