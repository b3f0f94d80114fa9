"""The client of Airflow's REST API, on a server that answers as Airflow does."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from airloop.laptop.airflow_api import AirflowApi, RequestRefused

TOKEN = (201, {"access_token": "t"})


class Answers(BaseHTTPRequestHandler):
    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, body = self.server.answers.pop(0)
        self.server.asked.append(f"{self.command} {self.path}")
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = answer

    def log_message(self, *words):
        pass


@pytest.fixture
def airflow():
    """A server that gives ``answers`` one after the other and keeps what it was ``asked``."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        server.answers, server.asked = [], []
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        yield server
        server.shutdown()


@pytest.fixture
def api(airflow):
    with AirflowApi(f"http://127.0.0.1:{airflow.server_port}", "admin", "secret") as client:
        yield client


def test_a_log_in_that_meets_a_locked_database_is_tried_again(airflow, api):
    airflow.answers = [(500, {"detail": "database is locked"}), TOKEN, (200, {"state": "success"})]
    assert api.run("parcels.train", "r1") == {"state": "success"}
    assert airflow.asked[:2] == ["POST /auth/token"] * 2


def test_a_wrong_password_is_told_at_once(airflow, api):
    airflow.answers = [(401, {"detail": "Invalid credentials"})]
    with pytest.raises(RequestRefused, match=r"POST /auth/token: 401 .*Invalid credentials"):
        api.run("parcels.train", "r1")


def test_a_token_that_is_not_valid_any_more_is_renewed(airflow, api):
    airflow.answers = [TOKEN, (401, {"detail": "expired"}), TOKEN, (200, {"state": "running"})]
    assert api.run("parcels.train", "r1") == {"state": "running"}


def test_only_what_is_not_there_is_no_dag(airflow, api):
    airflow.answers = [TOKEN, (200, {"dag_id": "parcels.train"}), (404, {"detail": "not found"})]
    assert api.has_dag("parcels.train")
    assert not api.has_dag("parcels.train")


def test_a_refusal_is_not_taken_for_a_missing_dag_or_result(airflow, api):
    airflow.answers = [TOKEN, (403, {"detail": "Forbidden"}), (403, {"detail": "Forbidden"})]
    with pytest.raises(RequestRefused, match=r"GET /api/v2/dags/parcels\.train: 403 .*Forbidden"):
        api.has_dag("parcels.train")
    with pytest.raises(RequestRefused, match="xcomEntries/return_value: 403"):
        api.result("parcels.train", "r1", "release")


def test_a_task_that_handed_on_nothing_has_no_result(airflow, api):
    airflow.answers = [TOKEN, (404, {"detail": "XCom not found"})]
    assert api.result("parcels.train", "r1", "release") is None
