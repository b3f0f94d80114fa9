"""What serving may cost: a pure decision with its reasons."""

from __future__ import annotations

from collections.abc import Sequence

from airloop.spec.gates import LimitGate


def judge(limits: Sequence[LimitGate], latency_p99_ms: float, bundle_mb: float) -> tuple[tuple[str, ...], bool]:
    """Return what is above its limit, and whether all is well; limits in shadow mode are told and do not decide."""
    reasons, passed = [], True
    for gate in limits:
        checks = (
            ("p99 latency", "ms", latency_p99_ms, gate.latency_p99_ms),
            ("bundle", "MB", bundle_mb, gate.bundle_mb),
        )
        for what, unit, value, most in checks:
            if most is not None and value > most:
                is_shadow = gate.mode == "shadow"
                reasons.append(f"{'shadow: ' if is_shadow else ''}{what} {value:.3g} {unit} is above {most:g} {unit}")
                passed &= is_shadow
    return tuple(reasons), passed
