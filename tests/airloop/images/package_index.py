"""A package index on this machine, which answers as it is told, in plain or with a certificate of its own."""

from __future__ import annotations

import contextlib
import functools
import http.server
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path


class _Folder(http.server.SimpleHTTPRequestHandler):
    """Lists a folder under any name: its files are the links of each package."""

    status = 200

    def send_head(self):
        if self.status != 200:
            self.send_error(self.status)
            return None
        self.path = f"/{self.path.rpartition('/')[2]}"
        return super().send_head()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class PackageIndex:
    """Starts what answers, and stops it at the end of a test."""

    def __init__(self, stack: contextlib.ExitStack) -> None:
        self._stack = stack

    def answering(self, status: int | None) -> str:
        """Return the URL of an index that answers everything with ``status``; with None nobody does."""
        if status is None:
            with closing(socket.create_server(("127.0.0.1", 0))) as free:
                return f"http://127.0.0.1:{free.getsockname()[1]}/simple/"
        handler = type("Refusing", (_Folder,), {"status": status})
        return f"http://127.0.0.1:{self._started(handler)}/simple/"

    def with_certificate(self, folder: Path, scratch: Path) -> tuple[str, Path]:
        """Return the URL of an index of the wheels in ``folder``, and the certificate that it signed itself."""
        key, certificate = scratch / "key.pem", scratch / "certificate.pem"
        words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=127.0.0.1"]
        words += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
        subprocess.run(words, check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        handler = functools.partial(_Folder, directory=str(folder))
        return f"https://127.0.0.1:{self._started(handler, context)}/simple/", certificate

    def _started(self, handler, context: ssl.SSLContext | None = None) -> int:
        server = _Server(("127.0.0.1", 0), handler)
        if context:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        self._stack.callback(server.server_close)
        self._stack.callback(thread.join)
        self._stack.callback(server.shutdown)
        return server.server_port


class _Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a client that does not trust the certificate."""


@contextlib.contextmanager
def package_index() -> Iterator[PackageIndex]:
    """Give an index, which is stopped at the end."""
    with contextlib.ExitStack() as stack:
        yield PackageIndex(stack)
