"""The pages' bundle is committed: these tests say when it is older than what it is made from. They need no Node."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
UI = ROOT / "ui"
STATIC = ROOT / "plugins" / "airloop_airflow" / "ui" / "static"
MOST_KB = 120


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def digest_of_sources() -> str:
    """As build.mjs reckons it."""
    files = [path for path in (UI / "src").rglob("*") if path.is_file()]
    files += [UI / name for name in ("build.mjs", "package.json", "package-lock.json", "tsconfig.json")]
    lines = sorted((path.relative_to(UI).as_posix(), sha256(path.read_bytes())) for path in files)
    return sha256("".join(f"{digest}  {name}\n" for name, digest in lines).encode())


def built() -> dict[str, str]:
    """What the bundle says of itself: digests by name."""
    lines = (STATIC / "sources.txt").read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, name in (line.split("  ") for line in lines)}


def test_bundle_is_made_from_these_sources():
    assert built()["ui"] == digest_of_sources(), "ui/src has changed: run `make ui`"


@pytest.mark.parametrize("name", ["app.js", "app.css", "index.html"])
def test_bundle_is_as_it_was_built(name: str):
    assert built()[name] == sha256((STATIC / name).read_bytes()), f"{name} was changed by hand: run `make ui`"


def test_bundle_is_small():
    assert (STATIC / "app.js").stat().st_size < MOST_KB * 1024


def test_pages_load_nothing_from_elsewhere():
    text = "".join((STATIC / name).read_text(encoding="utf-8") for name in ("app.css", "index.html"))
    assert "http" not in text and "@import" not in text and "data:" not in text


def test_shapes_are_those_of_the_server():
    found = importlib.util.spec_from_file_location("make_shapes", UI / "make_shapes.py")
    assert found and found.loader
    make_shapes = importlib.util.module_from_spec(found)
    found.loader.exec_module(make_shapes)
    written = (UI / "src" / "shapes.ts").read_text(encoding="utf-8")
    assert written == make_shapes.text(), "the shapes have changed: run `make ui`"


def test_lock_names_no_registry():
    assert '"resolved"' not in (UI / "package-lock.json").read_text(encoding="utf-8")
