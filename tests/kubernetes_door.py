"""A door between Airloop and the API server, which tests shut while something is under way; TLS passes through it."""

from __future__ import annotations

import contextlib
import re
import select
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

CHUNK = 1 << 16


class FrontDoor:
    """A port of this machine that leads to ``behind``; shut, it cuts what is open and refuses who comes, as a restart.

    The API server itself goes on, for others use it too.
    """

    def __init__(self, behind: tuple[str, int]) -> None:
        self._behind = behind
        self._inside: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listening: socket.socket | None = None
        self._opening: threading.Timer | None = None
        self.port = 0
        self.open()

    def open(self) -> None:
        """Take visitors in."""
        with self._lock:
            if self._listening is None:
                self._listening = socket.create_server(("127.0.0.1", self.port))
                self.port = self._listening.getsockname()[1]
                threading.Thread(target=self._take_in, args=(self._listening,), daemon=True).start()

    def shut(self, seconds: float = 0.0) -> None:
        """Cut all connections and take nobody in, until it is opened or ``seconds`` are over."""
        with self._lock:
            listening, self._listening = self._listening, None
            inside, self._inside = self._inside, set()
        for one in filter(None, (listening, *inside)):
            # Closing alone does not wake up who waits.
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        if listening:
            listening.close()
        if seconds:
            self._opening = threading.Timer(seconds, self.open)
            self._opening.start()

    def close(self) -> None:
        """Shut it for good."""
        if self._opening:
            self._opening.cancel()
            self._opening.join()
        self.shut()

    def _take_in(self, listening: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                visitor, _ = listening.accept()
                threading.Thread(target=self._pass, args=(visitor,), daemon=True).start()

    def _pass(self, visitor: socket.socket) -> None:
        with visitor, contextlib.suppress(OSError), socket.create_connection(self._behind) as server:
            with self._lock:
                if self._listening is None:
                    return
                self._inside |= {visitor, server}
            ways = {visitor: server, server: visitor}
            while True:
                for source in select.select(list(ways), [], [])[0]:
                    if not (data := source.recv(CHUNK)):
                        self._inside -= {visitor, server}
                        return
                    ways[source].sendall(data)


@contextlib.contextmanager
def door_of(kubeconfig: str, folder: Path) -> Iterator[tuple[FrontDoor, str]]:
    """Give a door to the API server of ``kubeconfig``, and the path of a kubeconfig in ``folder`` that leads by it."""
    said = yaml.safe_load(Path(kubeconfig).read_text(encoding="utf-8"))
    context = next(one["context"] for one in said["contexts"] if one["name"] == said["current-context"])
    cluster = next(one["cluster"] for one in said["clusters"] if one["name"] == context["cluster"])
    server = urlsplit(cluster["server"])
    with contextlib.closing(FrontDoor((server.hostname or "", server.port or 443))) as door:
        named = {} if server.hostname == "127.0.0.1" else {"tls-server-name": server.hostname}
        cluster |= {"server": f"{server.scheme}://127.0.0.1:{door.port}", **named}
        path = folder / "kubeconfig-by-the-door"
        path.write_text(yaml.safe_dump(said), encoding="utf-8")
        path.chmod(0o600)
        yield door, str(path)


class Watched:
    """A client's pool of connections that acts once, before the first request that matches goes out."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self._awaited: tuple[re.Pattern[str], Callable[[], None]] | None = None

    @property
    def pools(self) -> Any:
        """The connections."""
        return self.inner.pools

    @property
    def is_waiting(self) -> bool:
        """Whether that request has not come yet."""
        return self._awaited is not None

    def when(self, request: str, act: Callable[[], None]) -> None:
        """Call ``act`` before the first request that matches, for example ``PATCH .*/services/``, goes out."""
        self._awaited = re.compile(request), act

    def clear(self) -> None:
        """Forget the connections."""
        self.inner.clear()

    def request(self, method: str, url: str, *given: Any, **more: Any) -> Any:
        """Send a request."""
        awaited = self._awaited
        if awaited and awaited[0].match(f"{method} {url}"):
            self._awaited = None
            awaited[1]()
        return self.inner.request(method, url, *given, **more)
