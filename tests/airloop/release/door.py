"""A door in front of an engine's or registry's socket, at which something happens when a certain request comes by."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Callable

CHUNK = 1 << 16


class Door:
    """Passes all on from the ``listening`` socket to ``behind``, and calls what was arranged for a request, once.

    ``holds``: the request waits until that is over, so that it finds nobody where it was to be the end.
    """

    def __init__(self, listening: socket.socket, behind: str | tuple[str, int], *, holds: bool = False) -> None:
        self._behind = behind
        self._holds = holds
        self._awaited: tuple[re.Pattern[bytes], Callable[[], None]] | None = None
        self._listening = listening
        self._listening.listen()
        threading.Thread(target=self._open, daemon=True).start()

    def when(self, request: str, act: Callable[[], None]) -> None:
        """Call ``act`` when the first request that matches, for example ``POST .*/build``, is on its way."""
        self._awaited = re.compile(request.encode()), act

    @property
    def is_waiting(self) -> bool:
        """Whether that request has not come yet."""
        return self._awaited is not None

    def close(self) -> None:
        """Take nobody in any more."""
        # Closing alone does not wake up who waits for visitors.
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _open(self) -> None:
        while True:
            try:
                visitor, _ = self._listening.accept()
            except OSError:
                return
            server = socket.socket(self._listening.family)
            try:
                server.connect(self._behind)
            except OSError:  # nobody there: the visitor finds nobody, too
                server.close()
                visitor.close()
                continue
            both = [(visitor, server, True), (server, visitor, False)]
            open_ends = [len(both)]
            for source, target, is_asking in both:
                threading.Thread(target=self._pass, args=(source, target, is_asking, open_ends), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, is_asking: bool, open_ends: list[int]) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(CHUNK):
                if is_asking and self._holds:
                    self._look(data)
                target.sendall(data)
                if is_asking and not self._holds:
                    self._look(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)
        open_ends[0] -= 1
        if not open_ends[0]:
            source.close()
            target.close()

    def _look(self, data: bytes) -> None:
        awaited = self._awaited
        if awaited and awaited[0].match(data):
            self._awaited = None
            awaited[1]()
