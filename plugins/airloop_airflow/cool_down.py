"""The same is not told again for a while, whichever process or worker would tell it.

The ledger remembers, and of those who would tell at the same moment the one whose entry stands tells.
"""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from airloop import digest
from airloop.errors import AirloopError

if TYPE_CHECKING:
    from airloop.ledger import Entry, Ledger
    from airloop.spec.model import Event, Notify

log = logging.getLogger(__name__)

KIND = "alert"
"""The ledger's kind of entry: one per telling, numbered per event and notifier in ``run_id``."""


@dataclass(frozen=True)
class Turn:
    """The right to tell an event through a notifier, once."""

    pipeline: str
    subject: str
    number: int
    """0 where the ledger could not be asked: then everyone tells."""


def take_turn(ledger: Ledger, pipeline: str, event: Event, notify: Notify) -> Turn | None:
    """Return the turn, or None where the same was told within ``notify.cool_down`` or is being told by another.

    A ledger that cannot be asked stops nobody from telling.
    """
    subject = _subject(event, notify)
    try:
        last = next(iter(ledger.entries(pipeline, KIND, subject=subject, limit=1)), None)
        if last is not None and _is_cooling(last, notify.cool_down):
            log.info("%s of %s was told at %s; not again yet", event, pipeline, last.recorded_at)
            return None
        number = 1 if last is None else int(last.run_id) + 1
        is_mine = _write(ledger, pipeline, subject, number, notifier=notify.notifier, is_told=True)
        return Turn(pipeline, subject, number) if is_mine else None
    except AirloopError as error:
        log.warning("%s of %s is told although the ledger cannot say when it was last: %s", event, pipeline, error)
        return Turn(pipeline, subject, 0)


def give_back(ledger: Ledger, turn: Turn, notify: Notify) -> None:
    """Say that nobody was told after all, so that the next who has something to tell does not wait."""
    if not turn.number:
        return
    try:
        _write(ledger, turn.pipeline, turn.subject, turn.number + 1, notifier=notify.notifier, is_told=False)
    except AirloopError as error:
        log.warning("the ledger keeps %s as told, which it was not: %s", turn.subject, error)


def _write(ledger: Ledger, pipeline: str, subject: str, number: int, *, notifier: str, is_told: bool) -> bool:
    """Add an entry; return whether it stands, and not another one of the same number."""
    mine = {"by": secrets.token_hex(8), "notifier": notifier, "is_told": is_told}
    return ledger.record(KIND, pipeline, subject, mine, run_id=str(number)).payload == mine


def _is_cooling(last: Entry, cool_down: timedelta) -> bool:
    return bool(last.payload["is_told"]) and datetime.now(UTC) - last.recorded_at < cool_down


def _subject(event: Event, notify: Notify) -> str:
    """Return what counts as the same: the event, and the notifier with its arguments (which may hold secrets)."""
    told_by = digest.of_value(notify.model_dump(mode="json", include={"notifier", "args"}))
    return f"{event} {told_by[:12]}"
