"""The way to a pod's server: through the API server, over the very connection that everything else takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import urllib3

from airloop.cluster.answers import meaning_of, message_of
from airloop.errors import ClusterRefused

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

OWN = "X-Airloop-Authorization"
"""Carries the server's token: ``Authorization`` is the API server's, which hands it to nobody."""
HINT = "`kubectl describe pod` says why"
"""What to do when a pod does not answer."""
_NOT_PASSED_ON = ("authorization", "connection", "content-length", "host")


class ThroughCluster(httpx.BaseTransport):
    """Sends what an httpx client asks through the pool of a Kubernetes ``ApiClient``, as that client."""

    def __init__(self, api: ApiClient) -> None:
        self._api = api

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Return the pod's answer. Raises ConnectError when the pod is not there, ClusterRefused without the right."""
        waits = request.extensions.get("timeout", {})
        try:
            answer = self._api.rest_client.pool_manager.request(
                request.method,
                str(request.url),
                body=request.read() or None,
                headers=self._headers(request),
                timeout=urllib3.Timeout(connect=waits.get("connect"), read=waits.get("read")),
                retries=False,
                decode_content=False,
            )
        except urllib3.exceptions.ReadTimeoutError as error:
            raise httpx.ReadTimeout(str(error), request=request) from error
        except urllib3.exceptions.HTTPError as error:
            raise httpx.ConnectError(str(error), request=request) from error
        _check(request, answer)
        return httpx.Response(answer.status, headers=list(answer.headers.items()), content=answer.data, request=request)

    def _headers(self, request: httpx.Request) -> dict[str, str]:
        passed = {name: value for name, value in request.headers.items() if name not in _NOT_PASSED_ON}
        passed[OWN] = request.headers.get("authorization", "")
        self._api.update_params_for_auth(passed, [], ["BearerToken"])
        return passed


def _check(request: httpx.Request, answer: Any) -> None:
    """Raise for what the API server says itself; the model server's own refusals look otherwise."""
    if answer.status < 400:
        return
    said = answer.data.decode(errors="replace")
    is_cluster = '"kind":"Status"' in said.replace(" ", "") or said.lower().startswith("error trying to reach service")
    if not is_cluster:
        return
    meant = meaning_of(answer.status, said)
    if isinstance(meant, ClusterRefused) and answer.status != 404:
        raise meant
    raise httpx.ConnectError(message_of(said), request=request)
