"""What the ledger knows of one version or one run, gathered once for whoever tells it: pages and the command line."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from airloop.errors import UnknownName, closest, nearest
from airloop.ledger import Champion, Entry, Ledger
from airloop.overview.became import KINDS, Became, became

MOST = 1_000
"""Entries of a kind among which names are looked for."""
OF_RUN = ("asked", "judged", "unneeded", "certified", "released", "refused", "rolled_back")
"""Kinds of entries that carry the name of a training's run."""


@dataclass(frozen=True)
class OfVersion:
    """What is known of one version of a pipeline's model."""

    version: str
    verdicts: tuple[Entry, ...]
    """Those of runs, the newest first."""
    backtested: tuple[Entry, ...]
    """Those of backtests, which release nothing."""
    judged: tuple[Entry, ...]
    """The runs that got one of the verdicts, the newest first."""
    champions: tuple[Champion, ...]
    """Everything that was ever live of the pipeline, whatever the version, the newest first."""
    ended: tuple[Entry, ...]
    """What ended its way, or let it pass: approvals, verifications, refusals and roll backs, the newest first."""
    became: Became

    @property
    def mine(self) -> tuple[Champion, ...]:
        """Where the version itself was live, the newest first."""
        return tuple(champion for champion in self.champions if champion.version == self.version)

    def last(self, kind: str) -> Entry | None:
        """Return the newest of what ended its way."""
        return next((entry for entry in self.ended if entry.kind == kind), None)


@dataclass(frozen=True)
class OfRun:
    """What is recorded under a run's name, each the newest of its kind, None for what is not."""

    run: str
    entries: tuple[Entry, ...]
    """All of it, the newest first."""
    answer: Entry | None
    """A person's answer to whether its version may go live."""
    decision: Entry | None
    """On a window of production that the run looked at."""
    claims: tuple[Entry, ...]
    """Decisions to retrain that it answers."""
    champion: Champion | None
    """What it put live."""

    def last(self, kind: str) -> Entry | None:
        """Return the newest entry of a kind."""
        return next((entry for entry in self.entries if entry.kind == kind), None)

    @property
    def is_known(self) -> bool:
        """Whether anything is recorded under its name."""
        return bool(self.entries or self.answer or self.decision or self.claims or self.champion)


def verdicts_on(ledger: Ledger, pipeline: str, version: str | None) -> list[Entry]:
    """Return the verdicts on a version, the newest first; of the last candidate where none is named."""
    if version is None:
        return ledger.entries(pipeline, "verdict", limit=1)
    return ledger.entries(pipeline, "verdict", version=version)


def of_version(ledger: Ledger, pipeline: str, version: str) -> OfVersion:
    """Return what is known of a version. Raises UnknownName, with the nearest there is, where nothing is."""
    champions = ledger.champions(pipeline)
    verdicts = verdicts_on(ledger, pipeline, version)
    backtested = ledger.entries(pipeline, "backtest", version=version)
    if not verdicts and not backtested and not any(champion.version == version for champion in champions):
        raise UnknownName(_unknown_version(ledger, pipeline, version, champions))
    ended = [entry for kind in KINDS for entry in ledger.entries(pipeline, kind, version=version)]
    ended.sort(key=lambda entry: entry.id, reverse=True)
    return OfVersion(
        version=version,
        verdicts=tuple(verdicts),
        backtested=tuple(backtested),
        judged=tuple(ledger.entries(pipeline, "judged", version=version)),
        champions=tuple(champions),
        ended=tuple(ended),
        became=became(version, champions, ended),
    )


def of_run(ledger: Ledger, pipeline: str, run: str) -> OfRun:
    """Return what is recorded under a run's name; that may be nothing."""
    found = [entry for entry in ledger.entries(pipeline, run_id=run) if entry.kind in OF_RUN]
    return OfRun(
        run=run,
        entries=tuple(found),
        answer=next(iter(ledger.entries(pipeline, "approval", limit=1, run=run)), None),
        decision=next(iter(ledger.latest(pipeline, "decision", limit=1, run_id=run)), None),
        claims=tuple(ledger.latest(pipeline, "retraining", run_id=run)),
        champion=next((one for one in ledger.champions(pipeline) if one.run_id == run), None),
    )


def _unknown_version(ledger: Ledger, pipeline: str, version: str, champions: Sequence[Champion]) -> str:
    known = {champion.version for champion in champions}
    for kind in ("verdict", "backtest"):
        known |= {str(entry.payload.get("version", "")) for entry in ledger.entries(pipeline, kind, limit=MOST)}
    if not known:
        return f"{pipeline}: no version was ever judged, so nothing is known of version {version!r}"
    return f"{pipeline}: nothing is known of a version {version!r}.{nearest_of(version, known)}"


def nearest_of(word: str, known: Collection[str], most: int = 12) -> str:
    """Return ``nearest``, with the last few where many are known."""
    if len(known) <= most:
        return nearest(word, known)
    close = closest(word, known)
    return f" Did you mean '{close}'?" if close else f" There are {len(known):,} others."
