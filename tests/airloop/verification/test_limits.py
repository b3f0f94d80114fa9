"""Limits on what serving costs, as a decision with its reasons."""

from __future__ import annotations

import pytest

from airloop.spec.gates import LIMIT_WORDS, LimitGate
from airloop.verification.limits import judge


def measured(**known: float) -> dict[str, float]:
    """Return measurements, 1 in every unit but those given."""
    return dict.fromkeys(LIMIT_WORDS, 1.0) | known


def test_limits_say_by_how_much():
    limits = (LimitGate(latency_p99_ms=5), LimitGate(bundle_mb=50, mode="shadow"), LimitGate(bundle_mb=60))
    assert judge(limits, measured(latency_p99_ms=5.0, bundle_mb=50.0)) == ((), True)
    above = measured(latency_p99_ms=5.5, bundle_mb=50.0)
    assert judge(limits, above) == (("p99 latency 5.5 ms is above 5 ms",), False)
    above = measured(latency_p99_ms=5.0, bundle_mb=55.0)
    assert judge(limits, above) == (("shadow: bundle 55 MB is above 50 MB",), True)
    reasons, passed = judge(limits, measured(latency_p99_ms=1234.5, bundle_mb=70.0))
    assert reasons == (
        "p99 latency 1.23e+03 ms is above 5 ms",
        "shadow: bundle 70 MB is above 50 MB",
        "bundle 70 MB is above 60 MB",
    )
    assert not passed


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("start_s", "start 12.5 s is above 10 s"),
        ("memory_mb", "memory 12.5 MB is above 10 MB"),
        ("image_mb", "image 12.5 MB is above 10 MB"),
    ],
)
def test_what_a_container_costs_is_limited_too(name, said):
    limits = (LimitGate(**{name: 10}),)
    assert judge(limits, measured()) == ((), True)
    assert judge(limits, measured(**{name: 12.5})) == ((said,), False)


def test_what_could_not_be_measured_does_not_pass():
    limits = (LimitGate(memory_mb=100), LimitGate(image_mb=100, mode="shadow"))
    reasons, passed = judge(limits, measured(memory_mb=0.0, image_mb=0.0))
    assert reasons == ("memory could not be measured", "shadow: image could not be measured")
    assert not passed


def test_a_limit_gate_limits_something():
    with pytest.raises(ValueError, match="give `latency_p99_ms`, `bundle_mb`, `start_s`, `memory_mb` or `image_mb`"):
        LimitGate(mode="shadow")
