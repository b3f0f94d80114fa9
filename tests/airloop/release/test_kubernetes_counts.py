"""What several pods counted, as one; and what a Prometheus says instead."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from airloop.errors import Unreachable
from airloop.release import counting
from airloop.release.evidence import NO_TRAFFIC
from airloop.release.kubernetes.asking import merged
from airloop.release.kubernetes.prometheus import Prometheus
from airloop.serving.stats import Stats

TOLD = {
    "airloop_version_requests_total": "1200",
    "airloop_version_failures_total": "7",
    "histogram_quantile(0.99": "12.5",
}


def pod(requests: int, seconds: float, **more: int) -> dict[str, object]:
    """Return what a pod tells that answered ``requests``, each within ``seconds``."""
    stats = Stats(requests=requests, **more)
    for _ in range(requests):
        stats.latency.add(seconds)
    return stats.as_json() | {"shadow_largest_difference": seconds}


def test_counts_of_pods_are_added_up() -> None:
    found = counting.own(merged([pod(30, 0.001, failures=2), pod(70, 0.001, failures=1, shadow_requests=5)]))
    assert (found.requests, found.failures, found.shadow_requests) == (100, 3, 5)
    assert found.shadow_largest_difference == pytest.approx(0.001)


def test_latencies_are_those_of_all_requests_together() -> None:
    """One slow pod of ten answers a tenth of the requests, so the p99 is its own, and the median is the others'."""
    found = counting.own(merged([*(pod(100, 0.002) for _ in range(9)), pod(100, 0.5)]))
    assert found.latency_p50_ms == pytest.approx(2, rel=0.1)
    assert found.latency_p99_ms == pytest.approx(500, rel=0.1)


def test_pods_that_tell_nothing_did_nothing() -> None:
    assert counting.own(merged([])) == NO_TRAFFIC
    assert counting.own(merged([{}, {}])) == NO_TRAFFIC


@pytest.fixture
def url() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            (query,) = parse_qs(urlsplit(self.path).query)["query"]
            assert 'namespace="models",pipeline="flights",version="7"' in query
            found = next((value for words, value in TOLD.items() if words in query), None)
            result = "[]" if found is None else f'[{{"metric": {{}}, "value": [1700000000, "{found}"]}}]'
            body = f'{{"status": "success", "data": {{"resultType": "vector", "result": {result}}}}}'.encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *given: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_prometheus_tells_the_same(url: str) -> None:
    found = counting.own(Prometheus(url).stats("models", "flights", "7"))
    assert (found.requests, found.failures, found.latency_p99_ms) == (1200, 7, 12.5)
    assert found.latency_p50_ms == 0


def test_a_prometheus_that_is_away_says_what_to_check() -> None:
    with pytest.raises(
        Unreachable, match=r"Prometheus at http://127.0.0.1:1 does not tell: .* Check AIRLOOP_PROMETHEUS"
    ):
        Prometheus("http://127.0.0.1:1").stats("models", "flights", "7")
