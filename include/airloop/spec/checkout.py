"""Which commit a pipeline's folder is at: for people who look for the code, next to the digests that prove it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

COMMIT = "AIRLOOP_COMMIT"
"""Says the commit where the folder is no checkout: in an image, or in a step that runs in a container."""
CHANGED = " with changes"
_TIMEOUT_S = 10.0


def commit_of(folder: Path, environ: Mapping[str, str] | None = None) -> str:
    """Return the commit that ``folder`` is at, with CHANGED where files below it differ from it, "" if nobody knows."""
    told = (os.environ if environ is None else environ).get(COMMIT, "")
    if told:
        return told
    commit = _git(folder, "rev-parse", "HEAD")
    changes = _git(folder, "status", "--porcelain", "--", ".") if commit else ""
    return f"{commit}{CHANGED}" if changes else commit


def _git(folder: Path, *words: str) -> str:
    """Return what Git prints, "" where there is no Git, no checkout, or no commit yet."""
    git = shutil.which("git")
    if git is None:
        return ""
    # Looking writes nothing, runs no hook, and does not mind whose the checkout is.
    settings = ("-c", "safe.directory=*", "-c", "core.fsmonitor=false", "--no-optional-locks")
    try:
        done = subprocess.run(  # noqa: S603
            [git, *settings, "-C", str(folder), *words], capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
