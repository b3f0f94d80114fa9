"""What several pods counted, as one; and what a Prometheus says instead."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from airloop.errors import Unreachable
from airloop.release import counting
from airloop.release.evidence import NO_TRAFFIC, Traffic
from airloop.release.kubernetes.asking import merged
from airloop.release.kubernetes.prometheus import Prometheus
from airloop.serving.stats import Stats


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


SPAN = re.compile(r"increase\((\w+)\{(.*)\}\[(\d+)s\]\)")


PER_S = {"airloop_version_requests_total": 10, "airloop_version_failures_total": 1}
"""What each pod counts in a second."""


class Scraped:
    """A Prometheus that knows of two pods, which live for hours until one of them is gone."""

    def __init__(self) -> None:
        self.gone_s = [0, 0]
        """How long each pod has been gone."""
        self.asked: list[str] = []

    def answer(self, query: str) -> float | None:
        """Return by how much the sum over pods has increased in the span that is asked for."""
        self.asked.append(query)
        found = SPAN.search(query)
        assert found, f"{query} asks for what counters say now, which falls when a pod goes"
        name, which, span = found[1], found[2], int(found[3])
        assert which == 'namespace="models",pipeline="flights",version="7"'
        if "histogram_quantile" in query:
            return 12.5 if "(0.99" in query else None
        return sum(PER_S[name] * max(span - gone, 0) for gone in self.gone_s)


@pytest.fixture
def scraped() -> Scraped:
    return Scraped()


@pytest.fixture
def url(scraped: Scraped) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            (query,) = parse_qs(urlsplit(self.path).query)["query"]
            found = scraped.answer(query)
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


def ago(seconds: float) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=seconds)


def looked_at(url: str, after_s: float) -> Traffic:
    """Return what is told so long after the shares were changed."""
    return counting.own(Prometheus(url, ago(after_s)).stats("models", "flights", "7"))


def test_a_prometheus_tells_what_happened_on_the_step_and_not_in_the_lives_of_pods(url: str, scraped: Scraped) -> None:
    found = looked_at(url, 99.5)
    assert (found.requests, found.failures, found.latency_p99_ms) == (2000, 200, 12.5)
    assert found.latency_p50_ms == 0
    assert len(scraped.asked) == 4 and all("[100s]" in query for query in scraped.asked)


def test_a_pod_that_goes_neither_takes_its_counts_along_nor_brings_its_life_in(url: str, scraped: Scraped) -> None:
    before = looked_at(url, 39.5)
    scraped.gone_s = [15, 0]
    since = looked_at(url, 59.5).since(before)
    assert (since.requests, since.failures) == (10 * (20 + 5), 25)


def test_a_prometheus_that_is_away_says_what_to_check() -> None:
    with pytest.raises(
        Unreachable, match=r"Prometheus at http://127.0.0.1:1 does not tell: .* Check AIRLOOP_PROMETHEUS"
    ):
        Prometheus("http://127.0.0.1:1", ago(60)).stats("models", "flights", "7")
