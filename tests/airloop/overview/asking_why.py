"""What tests of answers to *why* share: an answer is read aloud, and runs leave what they leave."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from airloop.overview.shapes import Why
from airloop.overview.why import why
from airloop.refs import ModelRef, Outcome, VerdictRef
from airloop.steps import note_answer, note_judged

from .one_pipeline import NAME, OnePipeline, week

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def told(one: OnePipeline, **about: Any) -> Why:
    """Return an answer, and see that it can be read aloud."""
    found = why(one.workspace, NAME, **about)
    said = [found.question, found.answer, *(because.text for because in found.because), *found.next]
    assert found.question.endswith("?")
    assert all(text.endswith((".", "!", "?")) for text in (found.answer, *found.next))
    assert not [text for text in said if re.search(r"\b[0-9a-f]{12,}\b|\bNone\b|[{}]", text)]
    assert not [text for text in (found.answer, *found.next) if re.search(r"\d{2}T\d{2}:", text)]
    return found


def states(found: Why) -> list[tuple[str, str]]:
    return [(because.state, because.text) for because in found.because]


def note(one: OnePipeline, version: str, outcome: str, run: str, **more: Any) -> str:
    """Judge a version in a run, as the step and its operator do; return the verdict's digest."""
    verdict = one.judged(version, outcome, **more.pop("judged", {}))
    ref = VerdictRef(digest=verdict.subject, uri="", outcome=Outcome(outcome), reasons=(), report="")
    model = ModelRef(digest="m", uri="", version=version, run_id=f"mlflow-{version}")
    note_judged(one.workspace, NAME, verdict=ref, model=model, run_id=run, as_of=week(int(version)), **more)
    return verdict.subject


def answer(
    one: OnePipeline, verdict: str, version: str, run: str, said: Any, *, by: str = "", comment: str = ""
) -> None:
    note_answer(
        one.workspace, NAME, answer=said, by=by, comment=comment, verdict=verdict, version=version, run_id=run, at=NOON
    )
