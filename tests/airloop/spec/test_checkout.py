"""The commit of a pipeline's folder is found, or nobody knows it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from airloop.spec.checkout import commit_of

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="there is no Git")


def git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=ann", "-c", "user.email=ann@example.org")
    command = ["git", *who, "-C", str(folder), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a folder of a repository with one commit."""
    folder = tmp_path / "pipelines" / "churn"
    folder.mkdir(parents=True)
    (folder / "pipeline.yaml").write_text("name: churn\n", encoding="utf-8")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "first")
    return folder


@needs_git
def test_a_checkout_says_its_commit(checkout: Path) -> None:
    assert commit_of(checkout, {}) == git(checkout, "rev-parse", "HEAD")


@needs_git
def test_changes_below_the_folder_are_told_and_others_are_not(checkout: Path) -> None:
    commit = commit_of(checkout, {})
    (checkout.parent / "other.txt").write_text("x", encoding="utf-8")
    assert commit_of(checkout, {}) == commit
    (checkout / "features.py").write_text("x = 1\n", encoding="utf-8")
    assert commit_of(checkout, {}) == f"{commit} with changes"


def test_outside_of_a_checkout_nobody_knows_unless_the_environment_says_it(tmp_path: Path) -> None:
    assert commit_of(tmp_path, {}) == ""
    assert commit_of(tmp_path, {"AIRLOOP_COMMIT": "0123abc"}) == "0123abc"
