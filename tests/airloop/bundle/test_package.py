"""Bundles: the same bytes each time, everything that serving needs, nothing that it must not have."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from airloop import digest
from airloop.bundle import open_bundle
from airloop.bundle.frames import as_frame
from airloop.errors import BundleError
from airloop.profiles import Profile
from airloop.profiles.reference import FOLDER, Reference
from airloop.scoring import Scorer


@pytest.fixture(scope="module")
def bundle(made):
    return made.package()


def test_a_bundle_packaged_twice_has_the_same_bytes(made, bundle):
    files = digest.files_of(bundle.folder)
    shutil.rmtree(bundle.folder)
    again = made.package()
    assert again.digest == bundle.digest
    assert digest.files_of(again.folder) == files
    assert made.package("2").digest != bundle.digest


def test_a_bundle_has_what_serving_needs_and_no_more(bundle):
    files = {path for path in digest.files_of(bundle.folder) if not path.startswith(".")}
    assert files == {
        "bundle.json", "features.json", "features/features.py", "golden.json", "model/model.ubj", "model/trainer.json",
        "pipeline.yaml", "requirements.txt", "schema.json",
    }  # fmt: skip
    assert bundle.megabytes == pytest.approx(
        sum(path.stat().st_size for path in bundle.folder.rglob("*.*")) / 1e6, rel=0.01
    )


def test_facts_tell_where_it_comes_from(made, bundle):
    facts = bundle.facts
    assert (bundle.pipeline, bundle.version) == ("tickets", "1")
    assert facts.data_cut_off == "2024-01-02T00:00:00Z"
    assert facts.lineage | {"spec": ""} == {
        "airloop": "0.1.0", "model": "a" * 64, "snapshot": made.snapshot, "spec": "", "validation": "cccc",
        "verdict": "b" * 64,
    }  # fmt: skip
    assert (facts.private, facts.max_rows, facts.log_predictions) == (("age", "joined", "name"), 77, False)


def test_golden_rows_are_the_offline_answers_to_what_is_stored(bundle):
    golden = bundle.golden
    scorer = Scorer.open(bundle.folder)
    answers = scorer.predict(as_frame(scorer.schema, golden.columns(scorer.schema)))
    assert np.array_equal(answers, golden.expected)
    assert 50 <= golden.rows <= 128
    assert {*golden.inputs["city"]} == {"Bern", "Lyon", "Oslo", "Pisa", None}
    prices = [price for price in golden.inputs["price"] if price is not None]
    assert None in golden.inputs["price"] and min(prices) < -2 and max(prices) > 2


def test_the_models_reference_travels_with_it(made):
    model = "f" * 64
    made.write_model(model)
    prices = Profile.of({"price": np.arange(100.0)}, {"price": "number"})
    reference = Reference(prices, prices, {"price": "number"}, {"price": 1.0})
    reference.save(made.workspace.store.folder("models", model) / FOLDER)
    found = made.package(model=model)
    assert Reference.load(found.folder / FOLDER) == reference
    assert open_bundle(made.workspace, found.digest) == found


def test_a_bundle_without_a_reference_opens_and_says_so_when_it_is_asked_for(made, bundle):
    assert open_bundle(made.workspace, bundle.digest) == bundle
    with pytest.raises(BundleError, match=r"this bundle is older than monitoring .* Train and release again"):
        Reference.load(bundle.folder / FOLDER)


def test_private_values_are_not_in_the_bundle(bundle):
    assert {*bundle.golden.inputs["name"]} == {""}
    assert {*bundle.golden.inputs["age"]} == {None}
    assert {*bundle.golden.inputs["joined"]} == {"1970-01-01T00:00:00Z"}
    for path in bundle.folder.rglob("*"):
        assert path.is_dir() or b"private person" not in path.read_bytes()


def test_requirements_are_pinned_and_of_serving_only(bundle):
    lines = (bundle.folder / "requirements.txt").read_text().splitlines()
    names = [line.partition("==")[0] for line in lines]
    assert names == sorted(names) and all("==" in line for line in lines)
    assert {"numpy", "msgspec", "uvicorn", "pandas", "python-dateutil"} <= {*names}
    assert {"xgboost", "xgboost-cpu"} & {*names}
    assert not {"apache-airflow", "great-expectations", "scikit-learn", "mlflow-skinny"} & {*names}


def test_rows_that_the_model_refuses_are_no_golden_rows(made):
    made.write_model("d" * 64, unknown="refuse")
    cities = made.package(model="d" * 64).golden.inputs["city"]
    assert {*cities} == {"Bern", "Lyon", "Pisa", None}


def test_a_model_that_is_not_there_says_what_to_do(made):
    with pytest.raises(BundleError, match="model 000000000000 of 'tickets' is not in the store; train it again"):
        made.package(model="0" * 64)


def test_a_pickle_is_refused(made):
    model = "e" * 64
    made.write_model(model)
    (made.workspace.store.folder("models", model) / "model" / "extra.bin").write_bytes(b"\x80\x05pickled")
    with pytest.raises(BundleError, match=r"model/extra\.bin is a pickle; models must be kept in their native format"):
        made.package(model=model)


def change(folder: Path, name: str) -> None:
    path = folder / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


CHANGES = {
    "altered": (lambda folder: change(folder, "model/model.ubj"), "was changed: altered model/model.ubj"),
    "missing": (lambda folder: (folder / "golden.json").unlink(), "was changed: missing golden.json"),
    "extra": (lambda folder: (folder / "run.sh").write_text("x"), "was changed: extra run.sh"),
    "several": (
        lambda folder: (
            (folder / "x").write_text(""),
            (folder / "schema.json").unlink(),
            change(folder, "bundle.json"),
        ),
        "was changed: altered bundle.json; missing schema.json; extra x",
    ),
    "list and file": (
        lambda folder: (change(folder, "schema.json"), rewrite_list(folder)),
        r"altered \.files\.json: its list fits the files, but not the digest",
    ),
    "list gone bad": (
        lambda folder: ((folder / ".files.json").write_text("{"), change(folder, "schema.json")),
        r"its list \.files\.json cannot be read",
    ),
}


def rewrite_list(folder: Path) -> None:
    files = digest.files_of(folder)
    files.pop(".files.json")
    (folder / ".files.json").write_text(json.dumps(files))


@pytest.mark.parametrize("name", CHANGES)
def test_every_changed_byte_is_found_and_named(made, bundle, tmp_path, name):
    spoil, reason = CHANGES[name]
    kept = tmp_path / "kept"
    shutil.copytree(bundle.folder, kept)
    try:
        spoil(bundle.folder)
        with pytest.raises(BundleError, match=reason):
            open_bundle(made.workspace, bundle.digest)
    finally:
        shutil.rmtree(bundle.folder)
        shutil.copytree(kept, bundle.folder)
    assert open_bundle(made.workspace, bundle.digest) == bundle


def test_every_single_byte_counts(made, bundle):
    path = bundle.folder / "features.json"
    data = path.read_bytes()
    try:
        for place in range(0, len(data), 7):
            path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
            with pytest.raises(BundleError, match=r"altered features\.json"):
                open_bundle(made.workspace, bundle.digest)
    finally:
        path.write_bytes(data)


def test_a_bundle_that_is_nowhere_says_where_it_was_looked_for(made):
    with pytest.raises(
        BundleError, match=r"bundle 000000000000 is not in the store at .*; package it again or check AIRLOOP"
    ):
        open_bundle(made.workspace, "0" * 64)


def test_the_code_that_loads_bundles_imports_no_pickle():
    project = Path(__file__).resolve().parents[3] / "include" / "airloop"
    sources = [
        path
        for room in ("bundle", "serving", "verification", "trainers", "features")
        for path in (project / room).rglob("*.py")
    ]
    assert len(sources) > 20
    for path in [*sources, project / "scoring.py", project / "store.py"]:
        text = path.read_text()
        assert not any(f"import {name}" in text for name in ("pickle", "joblib", "cloudpickle", "dill", "marshal")), (
            path
        )
        assert "allow_pickle" not in text, path
