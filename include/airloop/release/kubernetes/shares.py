"""How many pods of each version give the candidate its share, where requests go to any pod with the same chance."""

from __future__ import annotations

MOST = 20
"""Pods of both versions together, unless the champion alone has more."""
CLOSE = 1.0
"""Percentage points by which a share may be off."""
LEAST_PERCENT = 3
"""Smallest share that is worth its name: one pod of ``MOST`` gets 5 %, which is not even twice of it."""


def pods(percent: int, champion: int) -> tuple[int, int]:
    """Return the pods of champion and candidate that give the candidate ``percent`` (1 to 99) of the requests.

    The champion keeps at least its ``champion`` pods, so that it can take everything back at once, unless only fewer
    give the share. The fewest pods within CLOSE are taken, else those that come nearest. Raises ValueError for a share
    that numbers of pods cannot give.
    """
    if not LEAST_PERCENT <= percent <= 100 - LEAST_PERCENT:
        raise ValueError(
            f"{percent} % of the requests cannot be given by numbers of pods: {LEAST_PERCENT} to {100 - LEAST_PERCENT}"
        )
    pairs = [
        (total - candidate, candidate)
        for total in range(2, max(MOST, 2 * champion) + 1)
        for candidate in range(1, total)
    ]
    close = [pair for pair in pairs if abs(percent_of(*pair) - percent) <= CLOSE]
    for found in ([pair for pair in close if pair[0] >= champion], close):
        if found:
            return min(found, key=lambda pair: (sum(pair), abs(percent_of(*pair) - percent)))
    return min(pairs, key=lambda pair: (abs(percent_of(*pair) - percent), sum(pair)))


def percent_of(champion: int, candidate: int) -> float:
    """Return the share of requests, in percent, that the candidate gets by so many pods."""
    return 100 * candidate / (champion + candidate)


def meanwhile(other: int, one: int, needed: int) -> int:
    """Return to how many of its ``other`` pods a version shrinks while the ``one`` beside it grows to ``needed``.

    Requests go to any pod of both, so those that are there must do for the load: ``needed`` of them. With that there
    are never more pods than before, or than twice ``needed``.
    """
    return min(other, max(other + one - needed, needed - one))
