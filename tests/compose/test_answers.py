"""The health check of the containers, against a real web server."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "docker" / "answers.py"
HEALTH = {"scheduler": {"status": "healthy"}, "triggerer": {"status": None}, "dag_processor": {"status": "unhealthy"}}


class _Airflow(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path in ("/health", "/ask?id=0") else 404)
        self.end_headers()
        self.wfile.write(json.dumps(HEALTH).encode())

    def log_message(self, *words: object) -> None:
        pass


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), _Airflow) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("path", "part", "code"),
    [
        ("/health", "", 0), ("/ask?id=0", "", 0), ("/nothing", "", 1), ("/health", "scheduler", 0),
        ("/health", "triggerer", 1), ("/health", "dag_processor", 1), ("/health", "unknown", 1),
    ],
)  # fmt: skip
def test_well_is_only_what_answers_and_says_so(url: str, path: str, part: str, code: int):
    words = [sys.executable, "-S", "-E", str(SCRIPT), url + path, *([part] if part else [])]

    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, done.stderr) == (code, "")
    assert done.stdout.startswith(url + path)


def test_nobody_there_is_not_well():
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "http://127.0.0.1:9/"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert "refused" in done.stdout
