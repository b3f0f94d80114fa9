from __future__ import annotations

import pytest

from airloop.validation.catalogue import EXPECTATIONS, UNSUPPORTED, find
from airloop.validation.engine import library

GENERAL = {
    "batch_id", "catch_exceptions", "description", "id", "library_metadata", "meta", "notes", "rendered_content",
    "result_format", "severity", "windows",
}  # fmt: skip
INSTALLED = {
    name: one
    for name, one in vars(library().expectations).items()
    if isinstance(one, type) and name not in ("Expectation", "GXExpectation")
}


def test_every_expectation_of_the_installed_version_is_known():
    assert len(INSTALLED) > 50
    assert {find(name) for name in INSTALLED} == {*EXPECTATIONS, *UNSUPPORTED}


@pytest.mark.parametrize("name", [name for name in INSTALLED if find(name) in EXPECTATIONS])
def test_names_and_arguments_are_those_of_the_installed_version(name):
    installed, kind = INSTALLED[name], EXPECTATIONS[find(name)]
    assert installed.expectation_type == find(name)
    fields = {key: field.required for key, field in installed.__fields__.items() if key not in GENERAL}
    assert set(kind.arguments) == set(fields)
    assert set(kind.needs) == {key for key, is_required in fields.items() if is_required}
