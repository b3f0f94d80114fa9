"""Runs inside a model's container, alone in its Python, and says as JSON who the server is and what it could do.

Nothing of the project is imported here: its text is handed to ``python -c`` there.
"""

import json
import os
import sys
from collections.abc import Iterator

SERVER = 1
"""The process that the container runs."""
ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount/token"
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


def age_s(pid: int) -> float:
    """Return for how long a process has been running, seconds."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as stat, open("/proc/uptime", encoding="utf-8") as up:  # noqa: PTH123
        begun = int(stat.read().rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
        return float(up.read().split()[0]) - begun


def memory_bytes() -> int:
    """Return what all here but this process use, less cached files; 0 where it is not told (cgroup versions 2, 1)."""
    for folder, used, cached in (
        ("/sys/fs/cgroup", "memory.current", "inactive_file"),
        ("/sys/fs/cgroup/memory", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        if os.path.exists(f"{folder}/{used}"):  # noqa: PTH110
            with open(f"{folder}/{used}", encoding="utf-8") as whole:  # noqa: PTH123
                return int(whole.read()) - numbers(f"{folder}/memory.stat")[cached] - own_bytes()
    return 0


def own_bytes() -> int:
    """Return what this process alone uses."""
    rollup = "/proc/self/smaps_rollup"
    return 1024 * numbers(rollup).get("Anonymous:", 0) if os.path.exists(rollup) else 0  # noqa: PTH110


def numbers(path: str) -> dict[str, int]:
    """Return name → number of a file with a pair on each line."""
    with open(path, encoding="utf-8") as stream:  # noqa: PTH123
        words = [line.split() for line in stream]
    return {word[0]: int(word[1]) for word in words if len(word) > 1 and word[1].isdigit()}


def main() -> None:
    """Print what was seen."""
    known = status(SERVER)
    seen = {
        "users": [int(user) for user in known["Uid"].split()],
        "capabilities": sorted({known[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}),
        "gains_privileges": known["NoNewPrivs"] != "1",
        "interfaces": interfaces(),
        "writable": list(writable("/")),
        "has_account": os.path.exists(ACCOUNT),  # noqa: PTH110
        "age_s": age_s(SERVER),
        "memory_bytes": memory_bytes(),
    }
    json.dump(seen, sys.stdout)


if __name__ == "__main__":
    main()
