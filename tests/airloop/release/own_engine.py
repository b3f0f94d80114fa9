"""A Docker engine of the tests' own, which they may stop, kill and fill up; the one that others use is left alone."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import psutil

from .door import Door

START_S = 90.0
STOP_S = 60.0
SIZE = "3g"
"""Of the file system in memory that holds its images."""


class OwnEngine:
    """An engine with everything of its own: socket, images, containers, bridge and address range."""

    def __init__(self) -> None:
        # A socket's path has at most 107 characters; pytest's folders are too deep.
        self._folder = Path(tempfile.mkdtemp(prefix="ae-"))
        self.data = self._folder / "data"
        self._socket = self._folder / "s"
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(str(self._folder / "d"))
        self.door = Door(listening, str(self._socket))
        self.host = f"unix://{self._folder / 'd'}"
        self._bridge = f"ae{secrets.token_hex(4)}"
        self._process: subprocess.Popen[bytes] | None = None
        self.data.mkdir()
        _run("mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(self.data))
        _run("ip", "link", "add", self._bridge, "type", "bridge")
        _run("ip", "address", "add", f"10.213.{secrets.randbelow(250)}.1/24", "dev", self._bridge)
        _run("ip", "link", "set", self._bridge, "up")

    def start(self) -> None:
        """Start it, or start it again with all that it had, and return once it answers."""
        deadline = time.monotonic() + START_S
        while not self._answers():
            assert time.monotonic() < deadline, self._said()
            if self._process is None or self._process.poll() is not None:
                self._process = self._spawned()  # on a busy machine it gives up on its own containerd at times
            time.sleep(0.1)

    def stop(self) -> None:
        """Stop it and the containers, as when the machine is shut down."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it without a word; containers go on until it is started again."""
        self._end(signal.SIGKILL)

    def docker(self, *arguments: str) -> str:
        """Return what the command line client prints."""
        return _run("docker", "-H", self.host, *arguments)

    def take(self, *images: str) -> None:
        """Copy images from the engine that everybody uses."""
        with subprocess.Popen(["docker", "save", *images], stdout=subprocess.PIPE) as saving:
            subprocess.run(["docker", "-H", self.host, "load", "--quiet"], stdin=saving.stdout, check=True)
        assert saving.returncode == 0

    def fill(self, *, but: int) -> None:
        """Fill its disk until ``but`` bytes are free."""
        with (self.data / "filler").open("wb") as filler:
            os.posix_fallocate(filler.fileno(), 0, shutil.disk_usage(self.data).free - but)

    def make_room(self) -> None:
        """Take away what ``fill`` put there."""
        (self.data / "filler").unlink(missing_ok=True)

    def close(self) -> None:
        """Stop it and remove all that it left on this machine."""
        self.make_room()
        try:
            self.start()
            for name in self.docker("ps", "-aq").split():
                self.docker("rm", "-f", name)
            self.stop()
        finally:
            self.door.close()
            self._sweep()
            _run("ip", "link", "delete", self._bridge)
            shutil.rmtree(self._folder)

    def _spawned(self) -> subprocess.Popen[bytes]:
        command = ["dockerd", "--host", f"unix://{self._socket}", "--data-root", str(self.data)]
        command += ["--exec-root", str(self._folder / "exec"), "--pidfile", str(self._folder / "pid")]
        command += ["--bridge", self._bridge, "--iptables=false", "--ip-masq=false", "--shutdown-timeout", "5"]
        with (self._folder / "log").open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)

    def _answers(self) -> bool:
        return not subprocess.run(["docker", "-H", self.host, "info"], capture_output=True).returncode

    def _end(self, number: signal.Signals) -> None:
        assert self._process
        self._process.send_signal(number)
        self._process.wait(STOP_S)

    def _sweep(self) -> None:
        """End what an engine that died had started, and unmount what it had mounted; all of it bears our folder."""
        for process in psutil.process_iter(["cmdline"]):
            if any(str(self._folder) in word for word in process.info["cmdline"] or ()):
                process.kill()
        mounted = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        for place in sorted((place for place in mounted if place.startswith(f"{self._folder}/")), reverse=True):
            _run("umount", "--lazy", place)

    def _said(self) -> str:
        return (self._folder / "log").read_text(errors="replace")[-2_000:]


def _run(*command: str) -> str:
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 0, f"{' '.join(command)}: {ended.stderr}"
    return ended.stdout
