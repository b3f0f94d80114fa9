"""Descriptions are read again only when one of their files has changed."""

from __future__ import annotations

import os

import pytest

from airloop.errors import SpecError
from airloop.overview.described import Descriptions, descriptions

SPEC = """\
name: flights
description: {text}
data: {{source: {{path: "x/*.parquet"}}, partition: none, label: {{column: late}}}}
model: {{task: binary}}
"""


def describe(folder, text, name="flights"):
    (folder / name).mkdir(exist_ok=True)
    file = folder / name / "pipeline.yaml"
    file.write_text(SPEC.format(text=text), encoding="utf-8")
    return file


def test_one_that_stays_is_read_once(tmp_path):
    describe(tmp_path, "late")
    kept = Descriptions(tmp_path)
    assert kept.of("flights").spec is kept.of("flights").spec is kept.all()["flights"].spec
    assert descriptions(tmp_path) is descriptions(tmp_path)


def test_a_change_of_any_file_is_seen(tmp_path):
    file = describe(tmp_path, "late")
    kept = Descriptions(tmp_path)
    before = kept.of("flights").spec
    (file.parent / "features.py").write_text("")
    assert kept.of("flights").spec is not before
    os.utime(describe(tmp_path, "very late"), ns=(1, 1))
    assert kept.of("flights").spec.description == "very late"


def test_a_file_in_a_folder_below_is_seen(tmp_path):
    """A description may name one there, and is wrong without it."""
    file = describe(tmp_path, "late")
    file.write_text(file.read_text().replace("none, label", "none, expectations: checks/all.yaml, label"))
    kept = Descriptions(tmp_path)
    assert "there is no file 'checks/all.yaml'" in kept.of("flights").problem
    (file.parent / "checks").mkdir()
    (file.parent / "checks" / "all.yaml").write_text("[]")
    assert kept.of("flights").problem == ""
    (file.parent / "checks" / "all.yaml").unlink()
    assert kept.of("flights").spec is None


def test_what_python_leaves_behind_is_no_change(tmp_path):
    file = describe(tmp_path, "late")
    kept = Descriptions(tmp_path)
    before = kept.of("flights").spec
    (file.parent / "__pycache__").mkdir()
    (file.parent / "__pycache__" / "features.pyc").touch()
    assert kept.of("flights").spec is before


def test_a_mistake_is_told_without_the_machines_folders(tmp_path):
    describe(tmp_path, "late").write_text("name: flights\n", encoding="utf-8")
    found = Descriptions(tmp_path).all()["flights"]
    assert found.spec is None
    assert found.problem.startswith("pipeline.yaml:1 data: is missing")
    assert str(tmp_path) not in found.problem


def test_one_that_is_gone_says_so_and_the_folder_itself_must_be_there(tmp_path):
    describe(tmp_path, "late", "trains")
    kept = Descriptions(tmp_path)
    assert "any more" not in kept.of("trains").problem
    for name in ("flights", "", ".", "..", "../trains", "trains/", "/"):
        assert kept.of(name).problem == f"{name} has no description any more"
    with pytest.raises(SpecError, match="there is no folder of pipelines"):
        Descriptions(tmp_path / "nowhere").all()
