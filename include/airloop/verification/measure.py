"""Latency and memory of a running server."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

from airloop.bundle import Bundle
from airloop.errors import BundleError
from airloop.serving.lenient import CANONICAL
from airloop.verification.running import GATEWAY_S_OWN, Running, Silent, golden_rows

WARM_UP = 50
LEAST_REQUESTS = 200
MOST_REQUESTS = 1_000
BURST_S = 1.0
"""A burst ends after so many seconds once LEAST_REQUESTS were asked."""


def burst_ms(server: Running, bundle: Bundle) -> tuple[float, float]:
    """Return median and 99th percentile of 200 to 1,000 one-row requests, milliseconds.

    As who asks sees them; where they take a way that others will not take, as the server counted them itself, to 4 %.
    Raises BundleError when one is not answered.
    """
    return told_ms(server, bundle) if server.door else p50_and_p99(latencies_ms(server.url, server.token, bundle))


def told_ms(server: Running, bundle: Bundle) -> tuple[float, float]:
    """Return the median and 99th percentile that the server counted itself, milliseconds."""
    bodies = [_body(bundle, row) for row in range(bundle.golden.rows)]
    with server.client() as client, golden_rows():
        for number in range(WARM_UP):
            client.ask(bundle.pipeline, bodies[number % len(bodies)])
        client.recount(bundle.pipeline)
        begun = time.perf_counter()
        for number in range(MOST_REQUESTS):
            if number >= LEAST_REQUESTS and time.perf_counter() - begun > BURST_S:
                break
            client.ask(bundle.pipeline, bodies[number % len(bodies)])
        stats = client.get_state(bundle.pipeline)["stats"][bundle.version]
    return stats["latency_p50_ms"], stats["latency_p99_ms"]


def latencies_ms(url: str, token: str, bundle: Bundle) -> list[float]:
    """Return the durations of 200 to 1,000 one-row requests on one connection, milliseconds, in the order asked.

    Golden rows are asked in turn. Raises BundleError when one is not answered.
    """
    bodies = [_body(bundle, row) for row in range(bundle.golden.rows)]
    server = urlsplit(url)
    path = f"{server.path}/v2/models/{bundle.pipeline}/infer"
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    connection = http.client.HTTPConnection(server.netloc, timeout=30)
    durations = []
    try:
        begun = time.perf_counter()
        for number in range(WARM_UP + MOST_REQUESTS):
            started = time.perf_counter()
            if number >= WARM_UP + LEAST_REQUESTS and started - begun > BURST_S:
                break
            connection.request("POST", path, bodies[number % len(bodies)], headers)
            answer = connection.getresponse()
            said = answer.read()
            durations.append(1e3 * (time.perf_counter() - started))
            if answer.status != 200:
                kind = Silent if answer.status in GATEWAY_S_OWN else BundleError
                raise kind(f"the server answered a golden row with {answer.status}: {said[:200]!r}")
    except (OSError, http.client.HTTPException) as error:
        raise Silent(f"the server stopped answering after {len(durations)} requests: {error!r}") from error
    finally:
        connection.close()
    return durations[WARM_UP:]


def p50_and_p99(durations: Sequence[float]) -> tuple[float, float]:
    """Return median and 99th percentile (linear between order statistics)."""
    median, p99 = np.percentile(durations, [50, 99])
    return float(median), float(p99)


def megabytes_of(pid: int) -> float:
    """Return the proportional set size of a process, megabytes of 1,000,000 bytes; 0.0 where the system cannot say."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("Pss:")), 0.0)


def _body(bundle: Bundle, row: int) -> bytes:
    inputs = [
        {
            "name": column.name,
            "datatype": CANONICAL[column.kind],
            "shape": [1],
            "data": [bundle.golden.inputs[column.name][row]],
        }
        for column in bundle.schema.inputs
    ]
    return json.dumps({"inputs": inputs}).encode()
