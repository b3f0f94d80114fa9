"""Whatever has happened to a pipeline, there is an answer to each question about it that can be asked."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airloop.errors import ReleaseRefused
from airloop.overview.going_back import going_back
from airloop.refs import Level

from .asking_why import answer, note, told
from .one_pipeline import NAME, OnePipeline

VERSIONS = st.sampled_from(["1", "2", "3"])
ENDS = ("REFUSED", "ROLLED_BACK", "slow", "Approve", "Reject", "no answer")
ACTS = st.sampled_from(["PROMOTE", "HOLD", "REJECT", "live", "back", "watch", "pause", "resume", *ENDS])


def act(one: OnePipeline, number: int, what: str, version: str) -> None:
    """Have something happen."""
    ledger, run = one.workspace.ledger, f"run-{version}"
    champions = ledger.champions(NAME, "local")
    if what in ("PROMOTE", "HOLD", "REJECT"):
        note(one, version, what, run, judged={"reasons": (f"reason {number}",)})
    elif what == "live" and not any(champion.version == version for champion in champions):
        one.went_live(version)
    elif what == "back" and len(champions) > 1:
        one.went_live(champions[1].version, restores=champions[1].released_as, by="ann")
    elif what in ("REFUSED", "ROLLED_BACK"):
        one.ended(what, version, run, len(champions))
    elif what == "slow":
        one.verified(version, "too slow")
    elif what in ("Approve", "Reject", "no answer"):
        answer(one, "v" * 64, version, run, what, by="bob", comment="because")
    elif what == "watch":
        one.watched(number + 1, (Level.OK, Level.WARN, Level.ACT)[number % 3])
    elif what == "pause":
        ledger.pause(NAME, by="ann", reason="why")
    elif what == "resume":
        ledger.resume(NAME, by="ann")


@pytest.mark.slow
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(acts=st.lists(st.tuples(ACTS, VERSIONS), min_size=1, max_size=12))
def test_every_question_has_an_answer_that_can_be_read_aloud(
    acts: list[tuple[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    one = OnePipeline.at(Path(tmp_path_factory.mktemp("any")))
    for number, (what, version) in enumerate(acts):
        try:
            act(one, number, what, version)
        except ReleaseRefused:
            continue
    ledger = one.workspace.ledger
    for entry in ledger.entries(NAME, "verdict"):
        told(one, version=str(entry.payload["version"]))
    for champion in ledger.champions(NAME):
        found = told(one, generation=champion.generation, target="local")
        assert found.word == ("RELEASED" if champion.kind == "release" else "ROLL_BACK")
        told(one, run=champion.run_id)
    for entry in ledger.entries(NAME, "decision"):
        assert told(one, window=entry.subject).word == entry.payload["action"]
    for run in ("run-1", "run-2", "run-3", "run-of-nobody"):
        told(one, run=run)
        told(one, run=run, task="verify_bundle")
    seen = going_back(one.workspace, NAME)
    assert bool(seen.to) != (seen.problem != "" and not seen.changes)
