from __future__ import annotations

import json

import jsonschema
import pytest
import yaml

from airloop.spec import Spec, load, reference
from airloop.spec.document import read
from airloop.spec.gates import GATES
from airloop.spec.model import Section
from airloop.spec.words import TRAINERS
from airloop.workspace import PROJECT

DOCS = PROJECT / "docs"


@pytest.mark.parametrize(("file", "made"), [(reference.PAGE, reference.page), (reference.SCHEMA, reference.schema)])
def test_the_committed_reference_equals_the_code(file, made):
    written = (DOCS / file).read_text(encoding="utf-8")
    assert written == made(), "run `python -m airloop reference --write`"


def _all_sections(section: type[Section] = Section):
    for child in section.__subclasses__():
        yield child
        yield from _all_sections(child)


def test_every_key_has_a_meaning_and_is_on_the_page():
    page = reference.page()
    sections = [section for section in _all_sections() if section.__module__.startswith("airloop.spec")]
    assert {Spec, *GATES.values()} <= set(sections)
    for section in sections:
        for key, field in section.model_fields.items():
            assert field.description, f"{section.__name__}.{key} has no meaning"
            assert f"| `{key}` |" in page


def test_the_example_on_the_page_is_right(churn):
    folder = churn.folder.rename(churn.folder.parent / "flight_delays")
    (folder / "pipeline.yaml").write_text(reference.EXAMPLE)
    assert load(folder).spec.owner == "flights-team"


def test_the_schema_takes_what_the_code_takes(churn):
    validator = jsonschema.Draft202012Validator(json.loads(reference.schema()))
    for text in (churn.yaml.read_text(), reference.EXAMPLE):
        assert list(validator.iter_errors(read(text).value)) == []
    wrong = read(churn.yaml.read_text().replace("metric: roc_auc", "metric: auc_roc").replace("owner:", "ownr:")).value
    assert {error.validator for error in validator.iter_errors(wrong)} == {"additionalProperties", "oneOf"}


def test_the_schema_knows_every_example_pipeline():
    validator = jsonschema.Draft202012Validator(json.loads(reference.schema()))
    files = sorted((PROJECT / "include" / "pipelines").glob("*/pipeline.yaml"))
    assert files
    for file in files:
        assert list(validator.iter_errors(yaml.safe_load(file.read_text()))) == []


def test_writing_twice_changes_nothing(tmp_path):
    first = [path.read_bytes() for path in reference.write(tmp_path / "docs")]
    assert [path.read_bytes() for path in reference.write(tmp_path / "docs")] == first


def test_short_names_of_trainers_are_the_ones_that_exist():
    from airloop import trainers

    for name in TRAINERS:
        assert trainers.find(name)
