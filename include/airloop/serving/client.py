"""Talks to the model server: admin for releases, predictions for people and demos."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlencode

import httpx

from airloop.errors import BundleError, Unreachable
from airloop.serving.refusal import Refusal

LOADING_S = 120.0
"""Longest wait for a bundle to be loaded, or the prediction log to be written."""
START_HINT = "Start it with `make up` or `python -m airloop serve`, or set AIRLOOP_SERVER"
_IS_JSON = {"content-type": "application/json"}


class ServerClient:
    """The server at ``url``, asked with one ``token``; ``hint`` says what to do when nobody answers.

    Every method raises Unreachable, saying what to do, when nobody answers or the server is not ready, and Refusal with
    the server's reason when it says no.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        timeout_s: float = 10.0,
        transport: httpx.BaseTransport | None = None,
        hint: str = START_HINT,
    ) -> None:
        self.url = url.rstrip("/")
        self._hint = hint
        self._http = httpx.Client(
            base_url=self.url,
            headers={"authorization": f"Bearer {token}"},
            timeout=timeout_s,
            transport=transport,
            trust_env=False,
            verify=self.url.startswith("https:"),  # to load certificates that nobody asks for takes longer than to ask
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def ready(self) -> bool:
        """Return whether the server answers and serves everything that it should."""
        try:
            return self._http.get("/v2/health/ready").status_code == 200
        except httpx.TransportError:
            return False

    def put_state(self, name: str, state: Mapping[str, Any]) -> dict[str, Any]:
        """Make the server serve ``state`` (see ``serving.state.Desired``) and return what it serves then.

        Repeating it changes nothing. Counts of champion and candidate begin anew with every change. Raises BundleError
        when a bundle cannot be served; the old state goes on being served then.
        """
        answer = self._ask("PUT", _admin(name), json=dict(state), timeout=LOADING_S)
        if answer.status_code == 422:
            raise BundleError(_reason(answer))
        return _json(answer)

    def get_state(self, name: str) -> dict[str, Any]:
        """Return the state of a pipeline and ``stats`` by version; an empty state for one that is not known."""
        return _json(self._ask("GET", _admin(name)))

    def get_states(self, names: Collection[str]) -> dict[str, dict[str, Any]]:
        """Return what ``get_state`` tells of each of several pipelines, in one request where the server knows how."""
        query = urlencode({"names": ",".join(names)})
        answer = self._ask("GET", f"/admin/pipelines?{query}")
        if answer.status_code == 404:  # It was started before this Airloop was installed.
            return {name: self.get_state(name) for name in names}
        told: dict[str, dict[str, Any]] = _json(answer)["pipelines"]
        return told

    def recount(self, name: str) -> dict[str, Any]:
        """Begin the counts of a pipeline's versions anew and return its state."""
        return _json(self._ask("POST", f"{_admin(name)}/recount"))

    def answers(self, name: str) -> dict[str, list[Any]]:
        """Return the latest answers to requests that a gateway marked for comparison: id → (n,) or (n, k) as lists."""
        kept: dict[str, list[Any]] = _json(self._ask("GET", f"{_admin(name)}/answers"))["answers"]
        return kept

    def delete(self, name: str) -> None:
        """Stop serving a pipeline."""
        _json(self._ask("DELETE", _admin(name)))

    def metadata(self, name: str, version: str | None = None) -> dict[str, Any]:
        """Return a model's tensors and versions."""
        return _json(self._ask("GET", _model(name, version)))

    def infer(
        self,
        pipeline: str,
        rows: Sequence[Mapping[str, Any]] | Mapping[str, Any],
        version: str | None = None,
        *,
        identity: str | None = None,
    ) -> dict[str, Any]:
        """Return the answer to one row or several; times as ISO 8601 texts, missing values as None."""
        several = [rows] if isinstance(rows, Mapping) else list(rows)
        if not several:
            raise Refusal(400, "no rows to predict")
        described = {tensor["name"]: tensor["datatype"] for tensor in self.metadata(pipeline, version)["inputs"]}
        inputs = [
            {"name": name, "datatype": datatype, "shape": [len(several)], "data": [row.get(name) for row in several]}
            for name, datatype in described.items()
        ]
        body = {"inputs": inputs} | ({"id": identity} if identity else {})
        return _json(self._ask("POST", f"{_model(pipeline, version)}/infer", json=body))

    def ask(self, pipeline: str, body: bytes) -> dict[str, Any]:
        """Return the answer to a request that is JSON already."""
        return _json(self._ask("POST", f"{_model(pipeline, None)}/infer", content=body, headers=_IS_JSON))

    def flush(self) -> None:
        """Have the server write all that it answered so far to the store's prediction log; return once it is there."""
        _json(self._ask("POST", "/admin/predictions/flush", timeout=LOADING_S))

    def metrics(self) -> str:
        """Return the counters in Prometheus' text format."""
        answer = self._ask("GET", "/metrics")
        if answer.is_error:
            _json(answer)
        return answer.text

    def _ask(self, method: str, path: str, **given: Any) -> httpx.Response:
        try:
            answer = self._http.request(method, path, **given)
        except httpx.TimeoutException as error:
            raise Unreachable(f"the model server at {self.url} did not answer in time: look at its log") from error
        except httpx.TransportError as error:
            raise Unreachable(f"no model server at {self.url}: {error}. {self._hint}") from error
        if answer.status_code == 503:
            raise Unreachable(f"the model server at {self.url} cannot do it now: {_reason(answer)}")
        return answer


def _json(answer: httpx.Response) -> dict[str, Any]:
    if answer.is_error:
        raise Refusal(answer.status_code, _reason(answer))
    value: dict[str, Any] = answer.json()
    return value


def _reason(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["error"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {answer.status_code}: {answer.text[:200]}"


def _admin(name: str) -> str:
    return f"/admin/pipelines/{quote(name, safe='')}"


def _model(name: str, version: str | None) -> str:
    return f"/v2/models/{quote(name, safe='')}" + (f"/versions/{quote(version, safe='')}" if version else "")
