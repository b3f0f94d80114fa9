"""Why a run ended as it did, and why one of its tasks was skipped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airloop.overview.why import why
from airloop.refs import ClaimRef
from airloop.steps import note_asked, note_unneeded

from .asking_why import answer, note, states, told
from .one_pipeline import NAME, OnePipeline, week


@pytest.fixture
def one(tmp_path: Path) -> OnePipeline:
    return OnePipeline.at(tmp_path)


def test_a_run_that_was_held_ends_at_the_judgement_and_its_later_tasks_were_skipped_for_it(one: OnePipeline) -> None:
    given: dict[str, Any] = {"act": "train", "run_id": "run-2", "by": "ann", "why": "the board asks", "as_of": week(2)}
    note_asked(one.workspace, NAME, **given)
    note(one, "2", "HOLD", "run-2", judged={"reasons": ("too few rows",)})
    whole = told(one, run="run-2")
    assert (whole.question, whole.word) == ("Why did this run end as it did?", "HOLD")
    assert whole.answer == "Version 2 was judged HOLD: too few rows."
    assert states(whole) == [("told", "ann started it by hand: “the board asks”"), ("open", "too few rows")]
    skipped = told(one, run="run-2", task="package_bundle")
    assert (skipped.question, skipped.word) == ("Why was the task package_bundle skipped?", "skipped")
    assert (
        skipped.answer == "The run ended well before it, at judge_candidate. Version 2 was judged HOLD: too few rows."
    )
    ran = told(one, run="run-2", task="train_model")
    assert ran.question == "What is known of the task train_model?"
    assert ran.answer.startswith("It came before judge_candidate, at which the run ended.")
    assert [related.query for related in whole.related] == ["version=2"]


@pytest.mark.parametrize(
    ("more", "end", "said"),
    [
        (
            {"looks_back": True},
            "judge_candidate",
            "Version 2 was judged PROMOTE, and not released: a backfill is history.",
        ),
        (
            {"is_dry_run": True},
            "verify_bundle",
            "It was a dry run: version 2 was judged PROMOTE, packaged and verified, and",
        ),
    ],
)
def test_a_backfill_and_a_dry_run_end_well_without_a_release(one: OnePipeline, more: Any, end: str, said: str) -> None:
    note(one, "2", "PROMOTE", "run-2", **more)
    assert told(one, run="run-2").answer.startswith(said)
    assert told(one, run="run-2", task="release").answer.startswith(f"The run ended well before it, at {end}. {said}")


def test_a_rejected_approval_is_why_what_follows_was_skipped(one: OnePipeline) -> None:
    digest = note(one, "2", "PROMOTE", "run-2")
    answer(one, digest, "2", "run-2", "Reject", by="bob", comment="wrong for Newark")
    found = told(one, run="run-2", task="verify_bundle")
    said = "bob rejected the release of version 2: “wrong for Newark”."
    assert (found.word, found.answer) == ("skipped", f"The run ended well before it, at approve_release. {said}")
    assert found.by == "bob"


def test_a_failed_verification_and_a_refused_release_end_a_run(one: OnePipeline) -> None:
    note(one, "2", "PROMOTE", "run-2")
    one.verified("2", "too slow")
    assert told(one, run="run-2", task="release").answer.startswith("The run ended well before it, at verify_bundle.")
    note(one, "3", "PROMOTE", "run-3")
    one.ended("REFUSED", "3", "run-3", 0, reasons=["older than the champion's"])
    found = told(one, run="run-3", task="release")
    assert (found.question, found.word) == ("Why was the task release skipped?", "REFUSED")
    assert found.answer.endswith("its release was refused: older than the champion's.")


def test_a_run_that_found_nothing_to_train_for_says_who_does(one: OnePipeline) -> None:
    claim = ClaimRef(windows=(), as_of=None, reasons=("the week: run r answers it",))
    note_unneeded(one.workspace, NAME, claim=claim, run_id="run-2")
    found = told(one, run="run-2", task="train_model")
    assert found.word == "skipped"
    assert found.answer.endswith("at take_snapshot. There was nothing to train for: the week: run r answers it.")


def test_a_run_that_released_or_rolled_back_leads_to_that(one: OnePipeline) -> None:
    one.judged("1")
    one.went_live("1")
    one.went_live("2")
    one.went_live("1", restores=1, by="ann")
    found = told(one, run="run-1")
    assert (found.word, found.answer) == ("RELEASED", "It put version 1 live on local.")
    assert [related.query for related in found.related] == ["generation=1&target=local"]
    assert found.because
    assert told(one, run="run-3").answer == "ann went back to version 1, which answered at once."


def test_a_monitoring_run_leads_to_its_window(one: OnePipeline) -> None:
    window = one.watched(1, run_id="look-1", reasons=["not violated"])
    found = told(one, run="look-1")
    assert found.answer == "It looked at production from 2013-03-18 to 2013-03-25 and decided to wait: not violated."
    assert next(related.query for related in found.related).startswith("window=2013-03-18")
    assert window.name


def test_what_the_ledger_cannot_know_of_a_run_is_said(one: OnePipeline) -> None:
    found = told(one, run="scheduled__2013", task="validate_data")
    assert found.answer.startswith("The ledger knows nothing under this run's name: it is on its way, it failed")
    assert found.next == (
        "Airflow's page of the run shows which task is at work, waits or failed, and its log says why.",
    )


def test_a_judge_task_that_was_cleared_counts_as_it_ended_last(one: OnePipeline) -> None:
    note(one, "2", "HOLD", "run-2", judged={"reasons": ("too few rows",)})
    note(one, "2", "PROMOTE", "run-2")
    assert "too few rows" not in told(one, run="run-2").answer


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", "'; DROP TABLE entries; --", "“quoted”", "{now}", "x" * 400]
)
def test_what_people_write_is_told_as_they_wrote_it(one: OnePipeline, text: str) -> None:
    digest = note(one, "2", "PROMOTE", "run-2")
    answer(one, digest, "2", "run-2", "Reject", by="bob", comment=text)
    assert text in why(one.workspace, NAME, version="2").answer
    assert text in why(one.workspace, NAME, run="run-2").answer
