"""What the texts promise must be there: links, files, commands, variables and keys."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

PROJECT = Path(__file__).resolve().parents[1]
DOCS = PROJECT / "docs"
PAGES = [*sorted(PROJECT.glob("*.md")), *sorted(DOCS.rglob("*.md"))]
WRITTEN = [page for page in PAGES if page.name not in ("spec.md", "cli.md", "CHANGELOG.md")]
SOURCES = ("include", "plugins", "dags", "docker", "deploy", "docker-compose.yaml", "Dockerfile", "Makefile")
"""Where variables are read and handed on."""


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
    assert len(PAGES) >= 40
    assert all(page in PAGES for page in (DOCS / "tour.md", DOCS / "concepts" / "ledger.md"))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
    local = [link.partition("#")[0] for link in links if not link.startswith(("http://", "https://", "#"))]
    assert [link for link in local if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", WRITTEN, ids=name_of)
def test_every_command_exists(page):
    text = page.read_text(encoding="utf-8")
    for verb, *words in commands(text):
        if verb == "--help":
            continue
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
    variables = set(re.findall(r"\bAIRLOOP_[A-Z0-9_]+\b", text))
    known = variables_of_the_code() | {f"{name}_SHA256" for name in ("AIRLOOP_INFER_TOKEN", "AIRLOOP_ADMIN_TOKEN")}
    assert len(variables) > 5
    assert variables - known == set()
    examples = set(re.findall(r"`(flight_delays|breast_cancer|handwritten_digits)`", text))
    assert examples == {path.name for path in (PROJECT / "include" / "pipelines").iterdir() if path.is_dir()} & examples
    assert len(examples) == 3


@cache
def variables_of_the_code() -> set[str]:
    """Return every variable that something of this checkout reads or hands on."""
    places = [PROJECT / place for place in SOURCES]
    files = [file for place in places for file in (place.rglob("*") if place.is_dir() else [place]) if file.is_file()]
    texts = (file.read_bytes().decode(errors="replace") for file in files if "__pycache__" not in file.parts)
    found = {name for text in texts for name in re.findall(r"\bAIRLOOP_[A-Z0-9_]*[A-Z0-9]\b", text)}
    from airloop.workspace import Kubernetes

    # These are read by the names of their fields.
    named = ("namespace", "registry", "pull_secret", "secret", "claim", "gateway", "service_account")
    assert all(hasattr(Kubernetes, name) for name in named)
    return found | {f"AIRLOOP_KUBERNETES_{name.upper()}" for name in named}


def test_every_variable_of_the_code_is_on_the_page_of_settings():
    page = (DOCS / "settings.md").read_text(encoding="utf-8")
    told = set(re.findall(r"`(AIRLOOP_[A-Z0-9_]+)`", page))
    assert len(told) > 60
    assert variables_of_the_code() - told == set()


def test_every_command_is_on_its_page_as_the_code_has_it():
    from airloop.cli import app, commands_page

    page = (DOCS / commands_page.PAGE).read_text(encoding="utf-8")
    assert {f"### {verb}" for verb in verbs()} <= set(page.splitlines())
    assert page == commands_page.page(app), "run `python -m airloop reference --write`"


def test_every_page_is_in_the_contents():
    trees = [(page, page.read_text(encoding="utf-8")) for page in (DOCS / "index.md", DOCS / "concepts" / "index.md")]
    blocks = [
        (page.parent, name)
        for page, text in trees
        for tree in re.findall(r"```\{toctree\}\n(.*?)```", text, re.DOTALL)
        for name in re.sub(r"^:.*\n", "", tree, flags=re.MULTILINE).split()
    ]
    listed = [(folder / f"{name}.md").relative_to(DOCS) for folder, name in blocks]
    assert len(listed) == len(set(listed))
    assert {*listed, Path("index.md")} == {page.relative_to(DOCS) for page in PAGES if page.is_relative_to(DOCS)}


def test_pictures_have_a_text_and_are_used():
    texts = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    shown = re.findall(r"!\[([^\]]*)\]\((?:docs/)?pictures/([^)]+)\)", texts)
    assert len(shown) >= 8
    assert [file for text, file in shown if len(text) < 20] == []
    assert {file.name for file in (DOCS / "pictures").glob("*.png")} <= {file for _, file in shown}


def test_addresses_elsewhere_are_secure():
    """They are not visited; https is all that can be asked of them here."""
    texts = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    found = set(re.findall(r"\]\((https?://[^)\s]+)\)", texts))
    assert found
    assert {address for address in found if not address.startswith("https://")} == set()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_site_is_built_without_a_warning(tmp_path):
    """Links between pages, to headings and to files, pictures and contents are checked by MyST and Sphinx."""
    words = ["-m", "sphinx", "-b", "html", "-W", "--keep-going", "-n", "-q", "-d", tmp_path / "trees"]
    done = subprocess.run(
        [sys.executable, *words, DOCS, tmp_path / "site"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    made = {path.relative_to(tmp_path / "site").as_posix() for path in (tmp_path / "site").rglob("*.html")}
    assert {"index.html", "tour.html", "concepts/ledger.html", "contribute.html"} <= made
    assert "The walls" in (tmp_path / "site" / "contribute.html").read_text(encoding="utf-8")


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
