"""What became of a version that was judged: one rule for the table, the time line and the page that tells why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from airloop.ledger import Champion, Entry

Word = Literal["released", "rolled back", "refused", "not verified", "not approved", ""]

KINDS = ("refused", "rolled_back", "verification", "approval")
"""Kinds of the ledger's entries that tell how a version's way ended, beside the champions."""


@dataclass(frozen=True)
class Became:
    """What became of a version; without a word nothing is known to have come of it yet."""

    word: Word = ""
    at: datetime | None = None
    champion: Champion | None = None
    """With which it last went live, or was last on its way to: None where it never did."""
    entry: Entry | None = None
    """What ended its way, where that was not a release."""


def became(version: str, champions: Sequence[Champion], entries: Iterable[Entry]) -> Became:
    """Return what last became of ``version``; what is live was released, whatever another run with it came to.

    ``champions`` are all of its pipeline, the newest first; ``entries`` are those of KINDS, whatever their version.
    """
    by_hand = {champion.run_id for champion in champions if champion.kind == "roll_back"}
    went_live = next((one for one in champions if one.version == version), None)
    if went_live is not None and _is_live(went_live, champions):
        return Became("released", went_live.recorded_at, went_live)
    found = [_of_champion(went_live, champions)] if went_live else []
    found += [
        Became(word, entry.recorded_at, went_live, entry)
        for entry in entries
        if str(entry.payload.get("version", "")) == version and (word := _of_entry(entry, by_hand))
    ]
    return max(found, key=lambda one: one.at.timestamp() if one.at else 0.0, default=Became())


def _is_live(champion: Champion, champions: Sequence[Champion]) -> bool:
    return champion == next(one for one in champions if one.target == champion.target)


def _of_champion(champion: Champion, champions: Sequence[Champion]) -> Became:
    """Say whether it is, or was, live, or was taken back by a person."""
    after = next(
        (c for c in champions if c.target == champion.target and c.generation == champion.generation + 1), None
    )
    if after is not None and after.kind == "roll_back":
        return Became("rolled back", after.recorded_at, champion)
    return Became("released", champion.recorded_at, champion)


def _of_entry(entry: Entry, by_hand: set[str]) -> Word:
    if entry.kind == "refused":
        return "refused"
    if entry.kind == "rolled_back" and entry.run_id not in by_hand:
        return "rolled back"  # A person's roll back is told by what was live before; its entry names what came back.
    if entry.kind == "verification" and not entry.payload.get("passed"):
        return "not verified"
    if entry.kind == "approval" and entry.payload.get("answer") != "Approve":
        return "not approved"
    return ""
