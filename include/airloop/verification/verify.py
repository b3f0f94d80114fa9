"""``verify``: open the bundle, prove the shortcuts, start the server on it, replay, measure, judge the limits."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from airloop import digest
from airloop.bundle import Bundle, open_bundle
from airloop.errors import AirloopError, BundleError
from airloop.serving import proof
from airloop.spec.gates import LimitGate
from airloop.verification.limits import judge
from airloop.verification.measure import latencies_ms, megabytes_of, p50_and_p99
from airloop.verification.process import running_server
from airloop.verification.prove import prove
from airloop.verification.replay import replay

if TYPE_CHECKING:
    from airloop.spec import Pipeline
    from airloop.verification.process import Running
    from airloop.workspace import Workspace

log = logging.getLogger(__name__)

KIND = "verifications"
METHOD = 1
"""Counts the changes of what is verified; a new number verifies old bundles anew."""
BURSTS = 3
"""A p99 above its limit is measured again so many times in all: the limit is for the server, not for its neighbours."""


@dataclass(frozen=True)
class Verification:
    """What the server did; milliseconds of one-row requests, megabytes of 1,000,000 bytes, seconds."""

    passed: bool
    reasons: tuple[str, ...]
    """What is wrong, and what limits in shadow mode would have said; empty when all is well."""
    latency_p50_ms: float
    latency_p99_ms: float
    bundle_mb: float
    memory_mb: float
    """Proportional set size of the server process."""
    start_s: float
    """From starting the process until the bundle is served."""
    largest_difference: float
    """Between the server's answers and the golden ones."""
    ways: str = ""
    """How answers are computed: natively, or by shortcuts that were proved equal."""


def verify(workspace: Workspace, pipeline: Pipeline, bundle_digest: str) -> tuple[str, Verification]:
    """Verify a bundle and return the stored result's digest and the result.

    A result that passed is kept under (bundle, limits) and found again; a failed one is measured anew each time. Raises
    BundleError when the bundle is missing or altered, Unreachable when the store does not answer.
    """
    bundle = open_bundle(workspace, bundle_digest)
    limits = tuple(gate for gate in pipeline.spec.gates if isinstance(gate, LimitGate))
    name = digest.of_value([bundle_digest, [gate.model_dump(mode="json") for gate in limits], METHOD])
    if workspace.store.has(KIND, name):
        return name, _stored(workspace.store.get_json(KIND, name))
    result = _verify(workspace, bundle, limits)
    if not result.passed:
        name = digest.of_value([name, asdict(result)])
    workspace.store.put_json(KIND, name, asdict(result))
    return name, result


def _verify(workspace: Workspace, bundle: Bundle, limits: tuple[LimitGate, ...]) -> Verification:
    unknown = Verification(False, (), 0.0, 0.0, bundle.megabytes, 0.0, 0.0, 0.0)
    try:
        shown = _prove(workspace, bundle)
        with running_server(workspace, bundle) as server:
            largest = replay(server.url, server.token, bundle)
            median, p99 = _latency(server, bundle, limits)
            result = replace(
                unknown,
                passed=True,
                latency_p50_ms=median,
                latency_p99_ms=p99,
                memory_mb=megabytes_of(server.pid),
                start_s=server.start_s,
                largest_difference=largest,
                ways=_ways(shown),
            )
    except BundleError as error:
        log.error("bundle %s is refused: %s", bundle.digest[:12], error)
        return replace(unknown, reasons=(str(error),))
    reasons, passed = judge(limits, result.latency_p99_ms, result.bundle_mb)
    return replace(result, passed=passed, reasons=reasons)


def _prove(workspace: Workspace, bundle: Bundle) -> proof.Proof:
    shown = proof.find(workspace.store, bundle.digest)
    if shown == proof.NONE:
        try:
            shown = prove(bundle)
        except AirloopError as error:
            raise BundleError(f"bundle {bundle.digest[:12]} cannot be evaluated natively: {error}") from error
        proof.keep(workspace.store, bundle.digest, shown)
    if shown.reason:
        log.info("shortcuts not taken: %s", shown.reason)
    return shown


def _latency(server: Running, bundle: Bundle, limits: tuple[LimitGate, ...]) -> tuple[float, float]:
    """Return median and 99th percentile of the best burst, milliseconds."""
    bound = min((gate.latency_p99_ms for gate in limits if gate.latency_p99_ms is not None), default=float("inf"))
    best = (float("inf"), float("inf"))
    for _ in range(BURSTS):
        median, p99 = p50_and_p99(latencies_ms(server.url, server.token, bundle))
        best = min(best, (p99, median))
        if p99 <= bound:
            break
    return best[1], best[0]


def _ways(shown: proof.Proof) -> str:
    return f"{'arrays' if shown.arrays else 'frames'}, {'forest' if shown.forest else 'native'}"


def _stored(value: dict[str, Any]) -> Verification:
    return Verification(**{**value, "reasons": tuple(value["reasons"])})
