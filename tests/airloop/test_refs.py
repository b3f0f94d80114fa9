from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from airloop.refs import BundleRef, ModelRef, Outcome, SnapshotRef, VerdictRef

NOW = datetime(2013, 3, 18, tzinfo=UTC)
REFS = [
    SnapshotRef(digest="d", uri="u", as_of=NOW, partitions=67, rows=60_000, missing=("2013-01-05T00:00:00Z",)),
    ModelRef(digest="d", uri="u", version="3", run_id="r", metrics={"roc_auc": 0.7}),
    VerdictRef(digest="d", uri="u", outcome=Outcome.HOLD, reasons=("120 more labelled rows",), report="r.html"),
    BundleRef(digest="d", uri="u", version="3", data_cut_off=NOW),
]


@pytest.mark.parametrize("ref", REFS, ids=lambda ref: type(ref).__name__)
def test_a_ref_survives_the_way_through_json(ref):
    text = json.dumps(ref.model_dump(mode="json"), allow_nan=False)
    assert type(ref).model_validate(json.loads(text)) == ref
    assert len(text) < 500


def test_a_ref_refuses_what_it_does_not_know():
    with pytest.raises(ValidationError, match="rowz"):
        BundleRef.model_validate({**REFS[3].model_dump(), "rowz": 1})
