"""Why a run ended as it did, and why one of its tasks was skipped: from what is recorded under the run's name."""

from __future__ import annotations

from collections.abc import Iterator

from airloop.errors import UnknownName, nearest
from airloop.overview import (
    addresses,
    facts,
    placing,
    proofs,
    reasoning,
    run_ended,
    why_candidate,
    why_release,
    why_window,
)
from airloop.overview.facts import OfRun
from airloop.overview.reasoning import quoted
from airloop.overview.run_ended import Ended
from airloop.overview.shapes import Because, Proof, Related, Why
from airloop.refs import Outcome
from airloop.release.history import history
from airloop.workspace import Workspace

TRAINING = tuple(placing.TRAINING)
"""The tasks of ``<pipeline>.train``, in their order."""
MONITORING = (
    "wait_for_predictions",
    "profile_window",
    "score_drift",
    "wait_for_labels",
    "score_performance",
    "decide_retraining",
)
OTHERS = ("roll_back", "read_spec")


def about(workspace: Workspace, name: str, run: str, task: str = "") -> Why:
    """Return why a run ended as it did, or why its ``task`` was skipped. Raises UnknownName for a task of no DAG."""
    known = (*TRAINING, *MONITORING, *OTHERS)
    if task and task not in known:
        raise UnknownName(f"{name}: no DAG of it has a task {task!r}.{nearest(task, known)}")
    found = facts.of_run(workspace.ledger, name, run)
    ended, whole = run_ended.ended(workspace, name, found), _whole(workspace, name, found)
    return Why(
        question=_question(ended, task),
        answer=_answer(found, ended, task),
        word=_word(ended, task),
        at=ended.at,
        by=ended.by,
        because=(*_because(found), *(whole.because if whole else ended.reasons)),
        next=tuple(_next(workspace, name, found, ended)),
        proofs=whole.proofs if whole else tuple(_proofs(workspace, name, found)),
        related=tuple(_related(workspace, name, found)),
        look_again=whole.look_again if whole else None,
    )


def _whole(workspace: Workspace, name: str, found: OfRun) -> Why | None:
    """Return the answer about what the run put live or decided, None where it came to neither."""
    if found.champion is not None:
        rows = history(workspace, name)
        return why_release.about(workspace, name, next(row for row in rows if row.champion == found.champion))
    return why_window.about(workspace, name, found.decision.subject) if found.decision else None


def _is_after(task: str, end: str) -> bool:
    """Return whether a task of training comes after the one at which its run ended."""
    return task in TRAINING and end in TRAINING and TRAINING.index(task) > TRAINING.index(end)


def _question(ended: Ended, task: str) -> str:
    if not task:
        return "Why did this run end as it did?"
    was_skipped = _is_after(task, ended.task) or (task == ended.task == "release" and ended.word == "REFUSED")
    return f"Why was the task {task} skipped?" if was_skipped else f"What is known of the task {task}?"


def _word(ended: Ended, task: str) -> str:
    return "skipped" if _is_after(task, ended.task) else ended.word


def _answer(found: OfRun, ended: Ended, task: str) -> str:
    if not task or task == ended.task:
        return ended.answer
    if _is_after(task, ended.task):
        return f"The run ended well before it, at {ended.task}. {ended.answer}"
    if ended.task:
        return f"It came before {ended.task}, at which the run ended. {ended.answer}"
    return f"{ended.answer} The task's own log in Airflow says more."


def _because(found: OfRun) -> Iterator[Because]:
    asked = found.last("asked")
    if asked is not None:
        why = quoted(str(asked.payload.get("why") or ""))
        yield Because(text=f"{asked.payload['by']} started it by hand" + (f": {why}" if why else ""), state="told")
    for claim in found.claims:
        yield Because(text=f"it answers what monitoring found from {reasoning.window(claim.subject)}", state="told")
    if found.answer is not None and found.champion is None:
        yield why_candidate.of_answer(found.answer)


def _next(workspace: Workspace, name: str, found: OfRun, ended: Ended) -> Iterator[str]:
    if not found.is_known or not ended.task:
        yield "Airflow's page of the run shows which task is at work, waits or failed, and its log says why."
    if ended.word in (Outcome.HOLD, Outcome.REJECT, "NOT_VERIFIED", "NOT_APPROVED", "REFUSED"):
        yield reasoning.stays(workspace.ledger.champions(name))
    refused = found.last("refused")
    if ended.word == "REFUSED" and refused is not None:
        yield from why_candidate.after_refusal(refused)
        yield from reasoning.of_pause(workspace.ledger.paused(name))


def _proofs(workspace: Workspace, name: str, found: OfRun) -> Iterator[Proof]:
    judged = found.last("judged")
    if judged is not None:
        yield from proofs.of_version(workspace, facts.of_version(workspace.ledger, name, judged.payload["version"]))


def _related(workspace: Workspace, name: str, found: OfRun) -> Iterator[Related]:
    judged = found.last("judged")
    if found.champion is not None:
        one = found.champion
        query = addresses.why(generation=one.generation, target=one.target)
        yield Related(title=f"Version {one.version} on {one.target}", query=query)
    elif judged is not None:
        version = str(judged.payload["version"])
        yield Related(title=f"Version {version}", query=addresses.why(version=version))
    if found.decision is not None:
        window = found.decision.subject
        yield Related(title=f"The window {reasoning.window(window)}", query=addresses.why(window=window))
    yield from reasoning.of_windows(workspace.ledger, name, found.run)
