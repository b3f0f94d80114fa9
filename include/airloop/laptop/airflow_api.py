"""The few requests to Airflow's REST API that the demo, the benchmarks and the tests make."""

from __future__ import annotations

import time
from typing import Any, Self
from urllib.parse import quote

import httpx

from airloop.errors import AirloopError, Unreachable

ENDED = frozenset({"success", "failed"})
"""States of a run that do not change by themselves."""


class RequestRefused(AirloopError):
    """Airflow answered that a request is wrong, with the HTTP ``status``."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class AirflowApi:
    """A client with a token, which it gets and renews by itself; a browser finds Airflow at ``shown_url``."""

    def __init__(self, url: str, user: str, password: str, *, shown_url: str = "") -> None:
        self.url = url
        self._shown_url = shown_url or url
        self._login = {"username": user, "password": password}
        # No proxy of the environment: Airflow is on this machine.
        self._http = httpx.Client(base_url=url, timeout=60, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._http.close()

    def page(self, dag_id: str, run_id: str = "") -> str:
        """Return where a person looks at a DAG, or at a run of it."""
        return f"{self._shown_url}/dags/{dag_id}" + (f"/runs/{run_id}" if run_id else "")

    def request(self, method: str, path: str, **arguments: Any) -> Any:
        """Return the JSON answer, or None for an empty one. A 5xx is tried again: SQLite was locked for a moment.

        Raises RequestRefused with Airflow's own words, and Unreachable when nobody answers.
        """
        for attempt in range(5):
            try:
                response = self._answer(method, f"/api/v2{path}", **arguments)
            except httpx.TransportError as error:
                raise Unreachable(f"Airflow at {self.url} does not answer: {error}") from error
            if response.status_code == 401 and "Authorization" in self._http.headers:
                del self._http.headers["Authorization"]
            elif response.status_code < 500:
                return _read(response)
            time.sleep(0.5 * (attempt + 1))
        return _read(response)

    def _answer(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """Return the answer, or that to the log-in where Airflow does not let us in."""
        if "Authorization" not in self._http.headers:
            response = self._http.post("/auth/token", json=self._login)
            if not response.is_success:
                return response
            self._http.headers["Authorization"] = f"Bearer {_read(response)['access_token']}"
        return self._http.request(method, path, **arguments)

    def wait_for_dag(self, dag_id: str, *, timeout_s: float = 120) -> None:
        """Return when Airflow has parsed a DAG. Raises Unreachable after ``timeout_s``, with the import errors."""
        deadline = time.monotonic() + timeout_s
        while not self.has_dag(dag_id):
            if time.monotonic() > deadline:
                errors = [error["stack_trace"] for error in self.request("GET", "/importErrors")["import_errors"]]
                raise Unreachable(f"Airflow knows no DAG {dag_id!r} after {timeout_s:.0f} s. {' '.join(errors)}")
            time.sleep(0.3)

    def has_dag(self, dag_id: str) -> bool:
        """Return whether Airflow has parsed a DAG."""
        try:
            self.request("GET", f"/dags/{dag_id}")
        except RequestRefused as error:
            if error.status != 404:
                raise
            return False
        return True

    def trigger(self, dag_id: str, run_id: str, conf: dict[str, Any], *, logical_date: str | None = None) -> None:
        """Start a run; one that is there already, from a request whose answer was lost, is left as it is."""
        body = {"dag_run_id": run_id, "logical_date": logical_date, "conf": conf}
        try:
            self.request("POST", f"/dags/{dag_id}/dagRuns", json=body)
        except RequestRefused as error:
            # 409: two requests at once, or one whose answer was lost.
            if error.status != 409:
                raise

    def runs(self, dag_id: str, run_type: str) -> list[dict[str, Any]]:
        """Return the newest runs of a type (``manual``, ``scheduled``, ``asset_triggered``), the newest first."""
        asked = {"run_type": run_type, "order_by": "-run_after", "limit": 50}
        return list(self.request("GET", f"/dags/{dag_id}/dagRuns", params=asked)["dag_runs"])

    def run(self, dag_id: str, run_id: str) -> dict[str, Any]:
        """Return a run."""
        return dict(self.request("GET", _run(dag_id, run_id)))

    def tasks(self, dag_id: str, run_id: str) -> dict[str, dict[str, Any]]:
        """Return task_id → task instance of a run."""
        found = self.request("GET", f"{_run(dag_id, run_id)}/taskInstances")["task_instances"]
        return {each["task_id"]: each for each in found}

    def wait(self, dag_id: str, run_id: str, *, timeout_s: float = 300) -> str:
        """Return the state in which a run ended. Raises Unreachable after ``timeout_s``."""
        deadline = time.monotonic() + timeout_s
        while (now := self.run(dag_id, run_id)["state"]) not in ENDED:
            if time.monotonic() > deadline:
                tasks = {name: each["state"] for name, each in self.tasks(dag_id, run_id).items()}
                raise Unreachable(f"{dag_id} {run_id} is still {now} after {timeout_s:.0f} s: {tasks}")
            time.sleep(0.3)
        return str(now)

    def result(self, dag_id: str, run_id: str, task_id: str, key: str = "return_value") -> Any:
        """Return what a task handed on, or None where it handed on nothing."""
        try:
            path = f"{_run(dag_id, run_id)}/taskInstances/{task_id}/xcomEntries/{key}"
            return self.request("GET", path, params={"deserialize": "true"})["value"]
        except RequestRefused as error:
            if error.status != 404:
                raise
            return None

    def log(self, dag_id: str, run_id: str, task_id: str, attempt: int) -> list[str]:
        """Return the lines of a task's log, their times left out."""
        path = f"{_run(dag_id, run_id)}/taskInstances/{task_id}/logs/{attempt}"
        content = self.request("GET", path, params={"full_content": "true"}, headers={"Accept": "application/json"})
        lines = content["content"]
        return [each if isinstance(each, str) else _line(each) for each in lines]

    def approve(self, dag_id: str, run_id: str, task_id: str, answer: str, comment: str | None = None) -> None:
        """Answer a task that waits for a person: Approve or Reject, and why."""
        path = f"{_run(dag_id, run_id)}/taskInstances/{task_id}/-1/hitlDetails"
        self.request("PATCH", path, json={"chosen_options": [answer], "params_input": {"comment": comment}})


def _run(dag_id: str, run_id: str) -> str:
    return f"/dags/{dag_id}/dagRuns/{quote(run_id, safe='')}"


def _line(event: dict[str, Any]) -> str:
    """Return a structured log event as text, its traceback included."""
    lines = [str(event.get("event", ""))]
    for error in event.get("error_detail") or []:
        lines.append(f"{error.get('exc_type')}: {error.get('exc_value')}")
    return "\n".join(lines)


def _read(response: httpx.Response) -> Any:
    if response.is_success:
        return response.json() if response.content else None
    raise RequestRefused(
        f"{response.request.method} {response.request.url.path}: {response.status_code} {response.text}",
        response.status_code,
    )
