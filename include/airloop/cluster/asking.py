"""One request to the API server, and how many there were."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from airloop.cluster.answers import answering, meaning_of

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

log = logging.getLogger(__name__)

TIMEOUT_S = (5.0, 30.0)
"""To connect, and for an answer."""
PAUSE_S = 0.5
"""Between two requests to an API server that is silent."""

Object = dict[str, Any]


class Counted:
    """A client's pool of connections, which counts what is asked through it.

    While the API server is silent it asks again for ``patience_s``, so all that is asked must bear to be asked twice.
    """

    def __init__(self, inner: Any, patience_s: float = 0.0) -> None:
        self.inner = inner
        self.patience_s = patience_s
        self.calls = 0

    def request(self, *given: Any, **more: Any) -> Any:
        """Send a request. Raises what urllib3 raises when nobody answers."""
        from urllib3.exceptions import HTTPError

        until = time.monotonic() + self.patience_s
        while True:
            self.calls += 1
            try:
                return self.inner.request(*given, **more)
            except HTTPError as error:
                if time.monotonic() >= until:
                    raise
                log.info("the API server is silent, asking again: %s", error)
                time.sleep(PAUSE_S)

    def clear(self) -> None:
        """Forget the connections."""
        self.inner.clear()


class Asking:
    """Sends requests as ``api``. Every method raises Unreachable, or ClusterRefused with the API server's reason."""

    def __init__(self, api: ApiClient, patience_s: float = 0.0) -> None:
        self.api = api
        self.pool = Counted(api.rest_client.pool_manager, patience_s)
        api.rest_client.pool_manager = self.pool

    def end(self) -> None:
        """Leave the client as it was."""
        self.api.rest_client.pool_manager = self.pool.inner

    def maybe(self, method: str, path: str, body: Any = None, **how: Any) -> Object | None:
        """Return the object that the server answers with, None where what is asked for is not there."""
        answer = self.send(method, path, body, is_missing_fine=True, **how)
        value: Object | None = None if answer.status == 404 else json.loads(answer.data)
        return value

    def told(self, method: str, path: str, body: Any = None, **how: Any) -> Object:
        """Return the object that the server answers with."""
        value: Object = json.loads(self.send(method, path, body, **how).data)
        return value

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, str] | None = None,
        content: str = "application/json",
        is_missing_fine: bool = False,
    ) -> Any:
        """Return the answer as it is, one of HTTP status 404 only if that ``is_missing_fine``."""
        import urllib3

        headers = {**self.api.default_headers, "Accept": "application/json, */*", "Content-Type": content}
        self.api.update_params_for_auth(headers, [], ["BearerToken"])
        given = urlencode({name: value for name, value in (query or {}).items() if value})
        # All that is asked here may be asked twice.
        retries = urllib3.Retry(3, read=1, redirect=0, status=0, backoff_factor=0.2, allowed_methods=None)
        with answering():
            answer = self.pool.request(
                method,
                f"{self.api.configuration.host}{path}{'?' if given else ''}{given}",
                body=None if body is None else json.dumps(body),
                headers=headers,
                timeout=urllib3.Timeout(*TIMEOUT_S),
                retries=retries,
            )
        if answer.status >= 400 and not (is_missing_fine and answer.status == 404):
            raise meaning_of(answer.status, answer.data)
        return answer
