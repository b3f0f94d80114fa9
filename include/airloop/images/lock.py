"""The locked packages that an image needs: name, version and the hashes that its wheels may have."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from airloop.bundle.locked import closure, normal
from airloop.errors import ImageError
from airloop.workspace import PROJECT

FILES = ("requirements.txt", "docker/airflow.requirements.txt")
"""Lock files of the checkout; what the first one has is taken from there."""
CUDA = "nvidia-"
_CPU = {"xgboost": "xgboost-cpu"}
LINUX = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"}
"""What runs in an image, whatever runs here."""
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;]+)\s*;?([^\n]*)", re.MULTILINE)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True)
class Pin:
    """One locked package; ``hashes`` are the SHA-256 of the files that may be installed."""

    name: str
    version: str
    hashes: tuple[str, ...]

    @property
    def line(self) -> str:
        """Return it as pip's ``--require-hashes`` wants it."""
        return " ".join([f"{self.name}=={self.version}", *(f"--hash=sha256:{found}" for found in self.hashes)])


def pins(roots: Iterable[str], project: Path = PROJECT, *, cpu: bool = False) -> tuple[Pin, ...]:
    """Return the pins of ``roots`` and of all that they need, sorted by name.

    Which packages need which is known of those that are installed here. With ``cpu`` XGBoost's build for graphics
    cards, where that is installed, stands for the same version of the other one, and CUDA is left out. Raises
    ImageError when a package is not locked, or is installed in another version than the locked one.
    """
    locked = _read(project)
    found = []
    needed = closure(roots)
    if cpu:
        needed = {_CPU.get(name, name): version for name, version in needed.items() if not name.startswith(CUDA)}
    for name, version in sorted(needed.items()):
        pin = locked.get(name)
        if pin is None:
            raise ImageError(f"package {name} {version} is installed but not locked in {project / FILES[0]}; make lock")
        if pin.version != version:
            raise ImageError(
                f"package {name}: version {version} is installed, but {pin.version} is locked in "
                f"{project / FILES[0]}. The image would not be what was tested here; make setup"
            )
        found.append(pin)
    return tuple(found)


def _read(project: Path) -> dict[str, Pin]:
    found: dict[str, Pin] = {}
    for file in FILES:
        path = project / file
        if path.exists():
            found = _parse(path.read_text(encoding="utf-8")) | found
    if not found:
        raise ImageError(f"{project / FILES[0]}: no locked packages there, so no image can be made; make lock")
    return found


def _parse(text: str) -> dict[str, Pin]:
    from packaging.markers import Marker

    found = {}
    for match in _PIN.finditer(text.replace("\\\n", " ")):
        marker, _, _ = match[3].partition("--hash")
        if not marker.strip() or Marker(marker).evaluate(LINUX):
            pin = Pin(normal(match[1]), match[2], tuple(_HASH.findall(match[3])))
            found[pin.name] = pin
    return found
