"""The wheelhouse: wheels of locked packages, downloaded by this machine's pip and checked before each use.

pip runs here and not in a build, so its index, proxy and certificate settings apply, and builds need no network.
"""

from __future__ import annotations

import importlib.util
import logging
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from airloop import digest
from airloop.bundle.locked import normal
from airloop.errors import ImageError, Unreachable
from airloop.images.lock import Pin

log = logging.getLogger(__name__)

MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
"""The engine's word for an architecture → the word in the name of a wheel."""
NEWEST_GLIBC = 36
"""Of Debian 12 is glibc 2.36: wheels for a newer one do not run there."""
DOWNLOAD_S = 1800.0
LAST_LINES = 12
_ALTERED = "DO NOT MATCH THE HASHES"
_NOT_THERE = "No matching distribution found"
_NO_ANSWER = re.compile(r"Could not fetch URL (?!\S+ 404 ).*")
"""What pip's log says of an index that does not answer; on stderr it says that there is no such package."""


@dataclass(frozen=True)
class Package:
    """A package in an image; ``sha256`` is of the wheel that was installed."""

    name: str
    version: str
    sha256: str


@dataclass(frozen=True)
class Wheelhouse:
    """A folder with one checked wheel for each package."""

    folder: Path
    packages: tuple[Package, ...]


def key_of(pins: Iterable[Pin], architecture: str) -> str:
    """Return what names the wheels of ``pins`` for an architecture and this Python: 64 hex characters."""
    return digest.of_value({"pins": [pin.line for pin in pins], "for": [architecture, _python()]})


def wheelhouse(cache: Path, pins: tuple[Pin, ...], architecture: str) -> Wheelhouse:
    """Return the wheels, downloaded to ``cache`` unless they are there and have the locked hashes.

    Raises Unreachable when pip cannot get them now; ImageError when there is no pip, no wheel for this platform, or
    another one than the locked.
    """
    folder = cache / key_of(pins, architecture)
    packages = _checked(folder, pins)
    if packages is None:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".get-", dir=cache) as scratch:
            _download(Path(scratch), pins, architecture)
            shutil.rmtree(folder, ignore_errors=True)
            Path(scratch).rename(folder)
            Path(scratch).mkdir()  # for the context manager to remove
        folder.chmod(0o755)
        packages = _checked(folder, pins)
    if packages is None:
        raise ImageError(f"{folder}: pip downloaded something else than the locked packages")
    return Wheelhouse(folder, packages)


def _checked(folder: Path, pins: tuple[Pin, ...]) -> tuple[Package, ...] | None:
    """Return the packages in the folder, or None where a wheel is missing or is not what is locked."""
    if not folder.is_dir():
        return None
    wheels = {normal(path.name.split("-")[0]): path for path in folder.glob("*.whl")}
    found = []
    for pin in pins:
        wheel = wheels.get(pin.name)
        sha256 = digest.of_file(wheel) if wheel else ""
        if sha256 not in pin.hashes:
            log.warning("%s: the wheel of %s is missing or altered; downloading again", folder, pin.name)
            return None
        found.append(Package(pin.name, pin.version, sha256))
    return tuple(found)


def _download(target: Path, pins: tuple[Pin, ...], architecture: str) -> None:
    listed, log_file = target / "requirements.txt", target / "pip.log"
    listed.write_text("".join(f"{pin.line}\n" for pin in pins), encoding="utf-8")
    command = [*_pip(), "download", "--quiet", "--no-input", "--disable-pip-version-check", "--dest", str(target)]
    command += ["--require-hashes", "--no-deps", "--only-binary", ":all:", "-r", str(listed), "--log", str(log_file)]
    command += _platform(architecture)
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=DOWNLOAD_S, check=False)  # noqa: S603
    except subprocess.TimeoutExpired as error:
        raise Unreachable(f"pip did not get the wheels of the image within {DOWNLOAD_S:.0f} s") from error
    if done.returncode:
        words = "\n".join(done.stderr.strip().splitlines()[-LAST_LINES:])
        unanswered = _NO_ANSWER.search(log_file.read_text(encoding="utf-8", errors="replace"))
        is_final = _ALTERED in done.stderr or (_NOT_THERE in done.stderr and not unanswered)
        said = f"{unanswered[0]}\n{words}" if unanswered else words
        raise (ImageError if is_final else Unreachable)(
            f"pip cannot download the wheels of the image; its last lines:\n{said}"
        )
    listed.unlink()
    log_file.unlink()


def _platform(architecture: str) -> Iterator[str]:
    machine = MACHINES.get(architecture, architecture)
    old = ("manylinux1", "manylinux2010", "manylinux2014") if machine == "x86_64" else ("manylinux2014",)
    for tag in (*(f"manylinux_2_{minor}" for minor in range(NEWEST_GLIBC, 4, -1)), *old, "linux"):
        yield from ("--platform", f"{tag}_{machine}")
    yield from ("--implementation", "cp", "--python-version", _python())


def _pip() -> list[str]:
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    # An environment made by uv has none; any will do, as it downloads only.
    found = shutil.which("pip3") or shutil.which("pip")
    if found is None:
        raise ImageError(f"no pip to download wheels with: {sys.executable} -m ensurepip, or put pip on the PATH")
    return [found]


def _python() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"
