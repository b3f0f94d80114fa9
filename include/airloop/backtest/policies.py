"""Three ways to run a pipeline over the same ticks, and whose model would have answered when. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

Policy = Literal["gates", "never", "always"]
WORDS: Mapping[Policy, str] = {
    "gates": "the gates decide",
    "never": "never retrain",
    "always": "always promote",
}


def answering(trained: Sequence[bool], promoted: Sequence[bool]) -> list[dict[Policy, int]]:
    """Return for every tick: policy → number of the tick whose model answers in the interval that follows it.

    All three begin where the gates let the first model in (where they let none in, with the first one trained, and
    ``gates`` is absent): before that there is nothing to compare. ``never`` keeps that first model for ever, ``always``
    puts every model live that could be trained.
    """
    models = [number for number, is_trained in enumerate(trained) if is_trained]
    winners = [number for number, is_promoted in enumerate(promoted) if is_promoted]
    first = (winners or models or [len(trained)])[0]
    found: list[dict[Policy, int]] = []
    for tick in range(len(trained)):
        if tick < first:
            found.append({})
            continue
        answers: dict[Policy, int] = {"never": first, "always": max(number for number in models if number <= tick)}
        if winners:
            answers["gates"] = max(number for number in winners if number <= tick)
        found.append(answers)
    return found
