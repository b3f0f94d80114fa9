"""Entries of the ledger and champions as things that happened, in plain words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Literal

from airloop import clock as clocks
from airloop.overview import addresses
from airloop.overview.replayed import DataClock
from airloop.overview.shapes import Backtested, Happened
from airloop.validation.naming import counted

if TYPE_CHECKING:
    from airloop.ledger import Champion, Entry

KINDS = ("verdict", "verification", "rolled_back", "refused", "decision", "asked", "approval", "pause", "validation")
"""Kinds of entries that are told, of some only those that ended a run; champions tell what went live themselves."""
_ASKED = {"train": "a training", "monitor": "a look at a window", "roll_back": "a roll back"}
_ANSWERS = {"Approve": "approved", "Reject": "rejected"}


def of_entry(entry: Entry, clock: DataClock) -> Happened:
    """Return what an entry of one of KINDS tells."""
    said: Any = entry.payload
    words: dict[str, Any] = {
        "at": entry.as_of or clock.at(entry.recorded_at),
        "recorded_at": entry.recorded_at,
        "kind": entry.kind,
        "word": str(said.get("outcome", "")),
        "reasons": tuple(map(str, said.get("reasons", ()))),
        "version": str(said.get("version") or ""),
        "by": str(said.get("by") or ""),
    }
    words["why"] = addresses.why(version=words["version"])
    return Happened(**words | _TOLD[entry.kind](entry, said))


def of_champion(champion: Champion, clock: DataClock) -> Happened:
    """Return that a version went live, or was put back."""
    released = champion.kind == "release"
    kind: Literal["released", "roll_back"] = "released" if released else "roll_back"
    did = f"Version {champion.version} went live" if released else f"Went back to version {champion.version}"
    return Happened(
        at=clock.at(champion.recorded_at),
        recorded_at=champion.recorded_at,
        kind=kind,
        word="RELEASED" if released else "ROLL_BACK",
        title=f"{did} on {champion.target}",
        reasons=champion.reasons,
        version=champion.version,
        by=champion.by,
        why=addresses.why(generation=champion.generation, target=champion.target),
    )


def cut_offs(verdicts: Iterable[Entry]) -> Iterator[Happened]:
    """Yield each instant up to which data was trained on, once, at the first verdict on such a candidate."""
    found: dict[Any, list[Entry]] = {}
    for entry in verdicts:
        if entry.as_of is not None:
            found.setdefault(entry.as_of, []).append(entry)
    for as_of, those in found.items():
        versions = sorted({str(one.payload.get("version") or "?") for one in those}, key=_by_number)
        yield Happened(
            at=as_of,
            recorded_at=min(one.recorded_at for one in those),
            kind="cut_off",
            word="",
            title=f"Data up to here made version{'s' * (len(versions) > 1)} {', '.join(versions)}",
            reasons=(),
            version=versions[0],
            why=addresses.why(version=versions[0]),
        )


def of_backtest(backtest: Backtested, clock: DataClock) -> Happened:
    """Return that a walk-forward backtest ended."""
    return Happened(
        at=clock.at(backtest.at),
        recorded_at=backtest.at,
        kind="backtest",
        word="",
        title=f"Backtest: {backtest.headline}",
        reasons=backtest.sentences,
    )


def _by_number(version: str) -> tuple[int, str]:
    return (int(version) if version.isdecimal() else 0, version)


def _verdict(entry: Entry, said: Any) -> dict[str, Any]:
    against = f"against version {said['champion_version']}" if said.get("champion_version") else "no champion yet"
    return {"title": f"Version {said.get('version', '?')} was judged {said.get('outcome', '?')}, {against}"}


def _verification(entry: Entry, said: Any) -> dict[str, Any]:
    return {"title": f"Version {said.get('version', '?')} did not pass its verification", "word": "FAIL"}


def _rolled_back(entry: Entry, said: Any) -> dict[str, Any]:
    return {"title": f"The rollout of version {said.get('version', '?')} was rolled back"}


def _refused(entry: Entry, said: Any) -> dict[str, Any]:
    return {"title": f"The release of version {said.get('version', '?')} was refused"}


def _decision(entry: Entry, said: Any) -> dict[str, Any]:
    action = str(said.get("action", ""))
    does = "asks for a new training" if action == "RETRAIN" else "waits"
    start, end = (clocks.told(clocks.parse(part)) for part in entry.subject.split("/"))
    title = f"Monitoring {does} after the window {start} to {end}"
    version = str(said.get("facts", {}).get("version") or "")
    return {"title": title, "word": action, "version": version, "why": addresses.why(window=entry.subject)}


def _asked(entry: Entry, said: Any) -> dict[str, Any]:
    what = _ASKED.get(str(said.get("act")), "a run")
    reasons = (str(said["why"]),) if said.get("why") else ()
    return {
        "title": f"{said.get('by') or 'Somebody'} asked for {what}",
        "reasons": reasons,
        "why": addresses.why(run=entry.run_id or entry.subject),
    }


def _approval(entry: Entry, said: Any) -> dict[str, Any]:
    version, answer = f"version {said.get('version', '?')}", str(said.get("answer", ""))
    did = _ANSWERS.get(answer)
    return {
        "title": f"{said.get('by') or 'Somebody'} {did} {version}" if did else f"Nobody answered for {version} in time",
        "word": {"Approve": "APPROVED", "Reject": "REJECTED"}.get(answer, "NO_ANSWER"),
        "reasons": (str(said["comment"]),) if said.get("comment") else (),
    }


def _pause(entry: Entry, said: Any) -> dict[str, Any]:
    is_paused = bool(said.get("is_paused"))
    return {
        "kind": "pause" if is_paused else "resume",
        "title": f"{said.get('by') or 'Somebody'} {'paused releases' if is_paused else 'let releases go on'}",
        "word": "PAUSED" if is_paused else "RESUMED",
        "reasons": (str(said["reason"]),) if said.get("reason") else (),
        "why": "",
    }


def _blocked(entry: Entry, said: Any) -> dict[str, Any]:
    count = len(said.get("reasons", ()))
    title = f"The data was not used: {counted(count, 'expectation')} not met"
    return {"kind": "blocked", "title": title, "word": "BLOCKED"}


_TOLD = {
    "verdict": _verdict,
    "verification": _verification,
    "rolled_back": _rolled_back,
    "refused": _refused,
    "decision": _decision,
    "asked": _asked,
    "approval": _approval,
    "pause": _pause,
    "validation": _blocked,
}
