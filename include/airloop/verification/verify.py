"""``verify``: open the bundle, prove the shortcuts, start what will serve it, replay, measure, judge the limits."""

from __future__ import annotations

import logging
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from airloop import digest
from airloop.bundle import Bundle, open_bundle
from airloop.errors import AirloopError, BundleError
from airloop.serving import proof
from airloop.spec.gates import LimitGate
from airloop.verification.limits import judge
from airloop.verification.measure import burst_ms
from airloop.verification.process import running_server
from airloop.verification.prove import prove
from airloop.verification.replay import replay
from airloop.verification.scan import scan

if TYPE_CHECKING:
    from airloop.spec import Pipeline
    from airloop.verification.running import Running
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
    """Proportional set size of the server process; of a container or pod what counts against its limit."""
    start_s: float
    """From starting it until the bundle is served."""
    largest_difference: float
    """Between the server's answers and the golden ones."""
    ways: str = ""
    """How answers are computed: natively, or by shortcuts that were proved equal."""
    image: str = ""
    """What was run, by its digest; "" where the bundle was served by a process on this machine."""
    image_mb: float = 0.0
    user: str = ""
    """The user id of the server in its container or pod."""
    writable: tuple[str, ...] = ()
    """The topmost paths that it could write there."""


def verify(workspace: Workspace, pipeline: Pipeline, bundle_digest: str, image: str = "") -> tuple[str, Verification]:
    """Verify a bundle, in the very ``image`` that will ship where one is given; return the result and its digest.

    A result that passed is kept under what was asked and found again; a failed one is measured anew each time, and a
    scanner (``release.scan``) looks every time: what it knows changes. Raises BundleError when the bundle is missing or
    altered, ImageError when the image is, Unreachable when store, engine, gateway or cluster do not answer, and
    ClusterRefused when the cluster takes no such pod.
    """
    bundle = open_bundle(workspace, bundle_digest)
    limits = tuple(gate for gate in pipeline.spec.gates if isinstance(gate, LimitGate))
    name = _name(pipeline, bundle_digest, limits, image)
    if workspace.store.has(KIND, name):
        result = _stored(workspace.store.get_json(KIND, name))
    else:
        result = _verify(workspace, pipeline, bundle, limits, image)
    if result.passed and image and pipeline.spec.release.scan:
        refusal = scan(pipeline.spec.release.scan, image)
        result = replace(result, passed=not refusal, reasons=(*result.reasons, *filter(None, [refusal])))
    if not result.passed:
        name = digest.of_value([name, asdict(result)])
    workspace.store.put_json(KIND, name, asdict(result))
    return name, result


def _name(pipeline: Pipeline, bundle_digest: str, limits: tuple[LimitGate, ...], image: str) -> str:
    """Return what names the result: all that is asked of the bundle, and how its image is run."""
    asked = [bundle_digest, [gate.model_dump(mode="json") for gate in limits], METHOD]
    if image:
        asked += [image, pipeline.spec.serving.model_dump(mode="json")]
        asked += ["kubernetes"] if pipeline.spec.release.target == "kubernetes" else []
    return digest.of_value(asked)


def _verify(
    workspace: Workspace, pipeline: Pipeline, bundle: Bundle, limits: tuple[LimitGate, ...], image: str
) -> Verification:
    unknown = Verification(False, (), 0.0, 0.0, bundle.megabytes, 0.0, 0.0, 0.0, image=image)
    try:
        shown = _prove(workspace, bundle)
        with _running(workspace, pipeline, bundle, image) as server:
            largest = replay(server, bundle)
            median, p99 = _latency(server, bundle, limits)
            facts = server.facts()
    except BundleError as error:
        log.error("bundle %s is refused: %s", bundle.digest[:12], error)
        return replace(unknown, reasons=(str(error),))
    result = replace(
        unknown,
        latency_p50_ms=median,
        latency_p99_ms=p99,
        memory_mb=facts.memory_mb,
        start_s=server.start_s,
        largest_difference=largest,
        ways=_ways(shown),
        image_mb=facts.image_mb,
        user=facts.user,
        writable=facts.writable,
    )
    reasons, within = judge(limits, asdict(result))
    return replace(result, passed=within and not facts.problems, reasons=(*facts.problems, *reasons))


def _running(workspace: Workspace, pipeline: Pipeline, bundle: Bundle, image: str) -> AbstractContextManager[Running]:
    if not image:
        return running_server(workspace, bundle)
    if pipeline.spec.release.target == "kubernetes":
        from airloop.verification.pod import running_pod

        return running_pod(workspace, pipeline.spec.serving, bundle, image)
    from airloop.verification.container import running_container

    return running_container(workspace, pipeline.spec.serving, bundle, image)


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
        median, p99 = burst_ms(server, bundle)
        best = min(best, (p99, median))
        if p99 <= bound:
            break
    return best[1], best[0]


def _ways(shown: proof.Proof) -> str:
    return f"{'arrays' if shown.arrays else 'frames'}, {'forest' if shown.forest else 'native'}"


def _stored(value: dict[str, Any]) -> Verification:
    return Verification(**{**value, **{name: tuple(value.get(name, ())) for name in ("reasons", "writable")}})
