"""What serving may cost: a pure decision with its reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from airloop.spec.gates import LIMIT_WORDS, LimitGate


def judge(limits: Sequence[LimitGate], measured: Mapping[str, float]) -> tuple[tuple[str, ...], bool]:
    """Return what is above its limit, and whether all is well; limits in shadow mode are told and do not decide.

    ``measured`` has a value for each of ``spec.gates.LIMIT_WORDS``, in the unit that its key names; 0 where it could
    not be measured, which no limit lets pass.
    """
    reasons, passed = [], True
    for gate in limits:
        is_shadow = gate.mode == "shadow"
        for name, most in gate.limits().items():
            (what, unit), value = LIMIT_WORDS[name], measured[name]
            if not 0 < value <= most:
                found = f"{value:.3g} {unit} is above {most:g} {unit}" if value else "could not be measured"
                reasons.append(f"{'shadow: ' if is_shadow else ''}{what} {found}")
                passed &= is_shadow
    return tuple(reasons), passed
