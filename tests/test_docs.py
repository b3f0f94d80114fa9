"""What the texts promise must be there: links, files, commands, variables and keys."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

PROJECT = Path(__file__).resolve().parents[1]
PAGES = [*sorted(PROJECT.glob("*.md")), *sorted((PROJECT / "docs").glob("*.md"))]
WRITTEN = [page for page in PAGES if page.name not in ("spec.md", "CHANGELOG.md")]


def name_of(page: Path) -> str:
    return page.relative_to(PROJECT).as_posix()


def commands(text: str) -> Iterator[list[str]]:
    """Give the words of each `python -m airloop …`, in code blocks and in the text."""
    for found in re.findall(r"python -m airloop ((?:[^`\n\\]|\\\n)*)", text):
        yield shlex.split(found.split("  ")[0].split(" # ")[0])


@cache
def verbs() -> dict[str, set[str]]:
    """Return every verb of the command line with its options."""
    from airloop.cli import app

    command = get_command(app)
    return {name: {word for one in verb.params for word in one.opts} for name, verb in command.commands.items()}


def test_all_pages_are_looked_at():
    assert {"README.md", "CONTRIBUTING.md", "CHANGELOG.md"} <= {page.name for page in PAGES}
    assert len(PAGES) >= 8


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
    local = [link.partition("#")[0] for link in links if not link.startswith(("http://", "https://", "#"))]
    assert [link for link in local if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", WRITTEN, ids=name_of)
def test_every_command_exists(page):
    text = page.read_text(encoding="utf-8")
    for verb, *words in commands(text):
        assert verb in verbs(), f"python -m airloop {verb}"
        options = {word.partition("=")[0] for word in words if word.startswith("--")}
        assert options <= verbs()[verb], f"python -m airloop {verb} {' '.join(words)}"
    targets = set(
        re.findall(r"^([a-z][a-z-]*):(?!=)", (PROJECT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    )
    assert set(re.findall(r"\bmake ([a-z][a-z-]+)\b(?=`|\n| #)", text)) <= targets


def test_the_readme_names_commands_and_verbs():
    text = (PROJECT / "README.md").read_text(encoding="utf-8")
    assert {verb for verb, *_ in commands(text)} >= {"new", "check", "land", "run", "history", "explain", "rollback"}
    assert "make demo" in text


def test_pipelines_and_variables_named_in_the_texts_exist():
    text = "\n".join(page.read_text(encoding="utf-8") for page in WRITTEN)
    folders = (PROJECT / "include" / "airloop", PROJECT / "plugins")
    files = [*(file for folder in folders for file in folder.rglob("*.py")), PROJECT / "docker-compose.yaml"]
    code = "\n".join(path.read_text(encoding="utf-8") for path in files)
    variables = set(re.findall(r"\bAIRLOOP_[A-Z_]+\b", text))
    assert len(variables) > 5
    # ``AIRLOOP_`` + a suffix is how one text in the code names several.
    assert {name for name in variables if name not in code} == set()
    examples = set(re.findall(r"`(flight_delays|breast_cancer|handwritten_digits)`", text))
    assert examples == {path.name for path in (PROJECT / "include" / "pipelines").iterdir() if path.is_dir()} & examples
    assert len(examples) == 3


@pytest.mark.parametrize("page", WRITTEN, ids=name_of)
def test_yaml_in_the_texts_is_right(page):
    """Blocks that begin with a section of the spec have keys that the spec has."""
    from airloop.spec.wording import known_keys

    for block in re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
        value = yaml.safe_load(block)
        if isinstance(value, dict):
            assert set(value) <= set(known_keys(()))
            for section, keys in value.items():
                if isinstance(keys, dict):
                    assert set(keys) <= set(known_keys((section,))), section


def test_expectations_in_the_texts_are_right(tmp_path):
    from airloop.spec import load
    from airloop.validation import suite

    text = (PROJECT / "docs" / "data-and-time.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```yaml\n(- \{expect: .*?)```", text, re.DOTALL)
    folder = shutil.copytree(PROJECT / "include" / "pipelines" / "flight_delays", tmp_path / "flight_delays")
    (folder / "expectations.yaml").write_text(block)
    found = suite.load(load(folder))
    assert found is not None and [one.severity for one in found.expectations] == ["block", "quarantine", "warn"]
