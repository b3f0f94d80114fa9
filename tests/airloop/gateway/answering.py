"""A server on a Unix socket that tells what it was asked; runs in a container with nothing but Python."""

from __future__ import annotations

import json
import os
import socketserver
import sys
import time
from http.server import BaseHTTPRequestHandler

NAME, STATUS = sys.argv[1], int(sys.argv[2])
PATH = f"/run/airloop/{NAME}.sock"
SEEN: list[dict] = []


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """One thread a connection."""

    daemon_threads = True
    request_queue_size = 512


class Handler(BaseHTTPRequestHandler):
    """Answers everything with STATUS, ``/seen`` and health with 200."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.path == "/seen":
            self.answer(200, {"seen": SEEN})
            return
        if self.path.partition("?")[0].endswith("/infer"):
            headers = {name.lower(): value for name, value in self.headers.items()}
            SEEN.append({"headers": headers, "body": body.decode(), "path": self.path})
        time.sleep(float(self.headers.get("x-takes", 0)))
        self.answer(200 if "health" in self.path else STATUS, {"server": NAME, "path": self.path})

    do_POST = do_GET

    def answer(self, status: int, value: dict) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def address_string(self) -> str:
        return "gateway"

    def log_message(self, *_: object) -> None:
        pass


if os.path.exists(PATH):  # noqa: PTH110  # a server that was killed left it
    os.unlink(PATH)  # noqa: PTH108
with Server(PATH, Handler) as server:
    os.chmod(PATH, 0o666)  # noqa: PTH101, S103  # as the real one
    server.serve_forever()
