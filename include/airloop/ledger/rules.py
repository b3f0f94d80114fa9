"""Which version may go live after which; pure, so that they can be asked before any work is done.

In the order in which ``Ledger.promote`` asks them:

1. The bundle is live already: that champion is the answer (a retry, or another run that made the same bundle).
2. The same run had put the same bundle live and something else is live now: refused; a late retry changes nothing.
3. Releases are paused: refused until a person resumes them, the first one too. A roll back is allowed all the time.
4. The live generation is not the expected one: LostRace.
5. A release with an older data cut-off than the champion's is refused, equal is allowed. A roll back may go back.
6. A release of a bundle that was last left by a roll back is refused, whichever run asks: the same data gives the same
   bundle, and a machine must not bring back what a person took away. A person does, by rolling back *to* it by name.

None of them looks at the type, the label or the time of a run.
"""

from __future__ import annotations

import itertools
from datetime import datetime

from airloop import clock
from airloop.errors import LostRace, ReleaseRefused
from airloop.ledger import pausing
from airloop.ledger.rows import Champion, Entry


def refusal(
    history: list[Champion],
    pipeline: str,
    target: str,
    bundle: str,
    version: str,
    data_cut_off: datetime,
    run_id: str,
    pause: Entry | None = None,
) -> str:
    """Return why a release may not follow ``history`` (newest first), empty when it may; ``pause`` is what holds."""
    live = history[0] if history else None
    if live is not None and live.bundle == bundle:
        return ""
    wanted = Champion(
        pipeline=pipeline,
        target=target,
        generation=live.generation + 1 if live else 1,
        bundle=bundle,
        version=version,
        data_cut_off=data_cut_off,
        kind="release",
        run_id=run_id,
        by="",
        reasons=(),
        restores=None,
        recorded_at=data_cut_off,
    )
    try:
        refuse_unless_allowed(wanted, history, pause)
    except ReleaseRefused as error:
        return str(error)
    return ""


def refuse_unless_allowed(wanted: Champion, history: list[Champion], pause: Entry | None = None) -> None:
    """Raise unless ``wanted`` may follow ``history`` (newest first) while ``pause`` holds; Rules 2 to 6."""
    live = history[0] if history else None
    mine = next((c for c in history if wanted.run_id and c.run_id == wanted.run_id and c.bundle == wanted.bundle), None)
    if mine is not None and live is not None:
        raise ReleaseRefused(
            f"{wanted.place}: run {wanted.run_id!r} already put version {wanted.version} live as generation "
            f"{mine.generation}; since then {live} went live by {_words(live)}. "
            "A retry changes nothing: start a new run"
        )
    if pause is not None and wanted.kind == "release":
        raise ReleaseRefused(f"{wanted.pipeline}: {pausing.refusal(pause)}")
    if (live.generation if live else 0) != wanted.generation - 1:
        raise LostRace(
            f"{wanted.place}: expected generation {wanted.generation - 1} to be live, but "
            f"{f'{live} went live by {_words(live)}' if live else 'nothing is'}"
        )
    if live is None or wanted.kind == "roll_back":
        return
    if wanted.data_cut_off < live.data_cut_off:
        raise ReleaseRefused(
            f"{wanted.place}: version {wanted.version} has data up to {clock.told(wanted.data_cut_off)}, older than "
            f"the champion's {clock.told(live.data_cut_off)} (version {live.version}, generation {live.generation}). "
            "Releases only move forward; to go back use `python -m airloop rollback`"
        )
    undone = _rolled_back_from(wanted.bundle, history)
    if undone is not None:
        raise ReleaseRefused(
            f"{wanted.place}: version {wanted.version} was rolled back in generation {undone.generation} "
            f"({'; '.join(undone.reasons) or 'no reason given'}) and is not released again by itself. "
            f"To bring it back, name it: `python -m airloop rollback {wanted.pipeline} --to {wanted.version}`"
        )


def _rolled_back_from(bundle: str, history: list[Champion]) -> Champion | None:
    """Return the roll back that last took ``bundle`` away, None when it was never live or left by a release."""
    for after, before in itertools.pairwise(history):
        if before.bundle == bundle:
            return after if after.kind == "roll_back" else None
    return None


def _words(champion: Champion) -> str:
    return f"{'roll back' if champion.kind == 'roll_back' else 'release'} of run {champion.run_id!r}"
