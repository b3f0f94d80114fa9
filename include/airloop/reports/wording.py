"""Numbers as people read them, in reasons and reports."""

from __future__ import annotations

import math


def number(value: float, digits: int = 3) -> str:
    """Return ``value`` with ``digits`` significant ones: 0.684, 12.3, 4,210; never 0 for what is not 0."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    rounded = f"{value:,.{min(decimals, 9)}f}"
    return rounded.rstrip("0").rstrip(".") if "." in rounded else rounded


def apart(value: float, other: float) -> tuple[str, str]:
    """Return both with the fewest digits, 3 at least, that show them to differ where they do."""
    for digits in range(3, 12):
        texts = number(value, digits), number(other, digits)
        if texts[0] != texts[1] or value == other:
            break
    return texts


def better_or_worse(gain: float) -> str:
    """Return ``0.0013 better``, ``0.0013 worse`` or ``no different``."""
    if gain == 0:
        return "no different"
    return f"{number(abs(gain), 2)} {'better' if gain > 0 else 'worse'}"


def percent(share: float) -> str:
    """Return ``95 %`` for 0.95, ``97.5 %`` for 0.975."""
    return f"{number(100 * share, 4)} %"


def rounded_up(count: float) -> int:
    """Return a count with two significant digits, upwards: 3,400 for 3,312."""
    size = 10 ** max(0, math.floor(math.log10(max(count, 1))) - 1)
    return int(math.ceil(count / size) * size)


def listed(names: list[str], most: int = 8, comma: str = ", ") -> str:
    """Return ``a, b and 3 more`` for long lists."""
    if len(names) <= most:
        return comma.join(names)
    return f"{comma.join(names[:most])} and {len(names) - most:,} more"
