"""Runs inside a model's container, alone in its Python, and says as JSON who the server is and what it could write.

Nothing of the project is imported here: its text is handed to ``python -c`` there.
"""

import json
import os
import sys
from collections.abc import Iterator

SERVER = 1
"""The process that the container runs."""
NOT_FILES = ("/proc", "/sys")
"""The kernel's own; the engine masks or protects what matters there."""


def writable(folder: str) -> Iterator[str]:
    """Give the topmost folders and files below ``folder`` that can be written, links and devices left out."""
    if folder in NOT_FILES:
        return
    if os.access(folder, os.W_OK):
        yield folder
        return
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except PermissionError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from writable(entry.path)
        elif entry.is_file(follow_symlinks=False) and os.access(entry.path, os.W_OK):
            yield entry.path


def status(pid: int) -> dict[str, str]:
    """Return what the kernel says about a process, by its names."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as stream:  # noqa: PTH123  # quicker to start without pathlib
        lines = (line.partition(":") for line in stream)
        return {name: value.strip() for name, _, value in lines}


def interfaces() -> list[str]:
    """Return the network interfaces other than the loopback."""
    with open("/proc/net/dev", encoding="utf-8") as stream:  # noqa: PTH123
        names = [line.partition(":")[0].strip() for line in stream.readlines()[2:]]
    return [name for name in names if name != "lo"]


def main() -> None:
    """Print what was seen."""
    known = status(SERVER)
    seen = {
        "users": [int(user) for user in known["Uid"].split()],
        "capabilities": sorted({known[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}),
        "gains_privileges": known["NoNewPrivs"] != "1",
        "interfaces": interfaces(),
        "writable": list(writable("/")),
    }
    json.dump(seen, sys.stdout)


if __name__ == "__main__":
    main()
