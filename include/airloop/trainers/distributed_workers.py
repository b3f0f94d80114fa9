"""Who works on a training that is spread: processes of this machine, or whatever else starts the same process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Protocol, cast

_LOG_CHARACTERS = 600


@dataclass(frozen=True)
class Joining:
    """What a worker needs to join a training."""

    scheduler: str
    """Address, ``tls://host:port``."""
    cert: str
    key: str

    def for_worker(self, **more: str) -> str:
        """Return the line of JSON for ``distributed_process``, with ``more`` in it; it holds a private key."""
        return json.dumps(asdict(self) | more)


class Started(Protocol):
    """Workers that were started."""

    def trouble(self, *, late: bool = False) -> str:
        """Return what became of those that ended, or will never begin; "" while there is nothing to tell.

        ``late`` asks also for what may pass but has lasted.
        """


class Workers(Protocol):
    """Starts the workers of a training."""

    @property
    def host(self) -> str:
        """Return the address of this process that the workers can reach."""

    @property
    def start_within_s(self) -> float:
        """Return the longest wait for all of them."""

    @property
    def are_here(self) -> bool:
        """Return whether they use the cores of this machine."""

    def started(self, names: Sequence[str], joining: Joining) -> AbstractContextManager[Started]:
        """Give workers, one a name, which are gone when the block ends, whatever happens in it."""


class _Processes:
    def __init__(self, processes: dict[str, subprocess.Popen[bytes]], folder: Path) -> None:
        self._processes, self._folder = processes, folder

    def trouble(self, *, late: bool = False) -> str:
        ended = [(name, process) for name, process in self._processes.items() if process.poll() is not None]
        return "; ".join(f"worker {name} (pid {process.pid}) {self._end(name, process)}" for name, process in ended)

    def _end(self, name: str, process: subprocess.Popen[bytes]) -> str:
        code = process.returncode
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        last = (self._folder / f"{name}.log").read_text(encoding="utf-8", errors="replace").strip()[-_LOG_CHARACTERS:]
        return f"{how}: {last}" if last and code > 0 else how


class LocalProcesses:
    """Workers on this machine. They listen on the loopback address alone, and never outlive this process."""

    host = "127.0.0.1"
    start_within_s = 120.0
    are_here = True

    @contextmanager
    def started(self, names: Sequence[str], joining: Joining) -> Iterator[Started]:
        with tempfile.TemporaryDirectory(prefix="airloop-spread-") as scratch, ExitStack() as processes:
            folder = Path(scratch)
            yield _Processes({name: processes.enter_context(_process(name, joining, folder)) for name in names}, folder)


@contextmanager
def _process(name: str, joining: Joining, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    import airloop

    source = Path(airloop.__file__).resolve().parents[1]
    environment = os.environ | {"PYTHONPATH": str(source), "PYTHONUNBUFFERED": "1", "TMPDIR": str(folder)}
    command = [sys.executable, "-m", "airloop.trainers.distributed_process"]
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=log, stderr=log)  # noqa: S603
    stdin = cast("IO[bytes]", process.stdin)
    try:
        # A process that ended at once is seen by who looks for it.
        with suppress(BrokenPipeError):
            stdin.write(f"{joining.for_worker(name=name, host=LocalProcesses.host)}\n".encode())
            stdin.flush()
        yield process
    finally:
        process.kill()
        process.wait()
        with suppress(BrokenPipeError):
            stdin.close()
