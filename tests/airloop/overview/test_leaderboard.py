"""The leaderboard has each version once, the newest data first."""

from __future__ import annotations

from pathlib import Path

import pytest

from airloop.errors import SpecError, UnknownName
from airloop.overview.leaderboard import SHOWN, leaderboard

from .one_pipeline import NAME, OnePipeline, week


@pytest.fixture
def one(tmp_path: Path) -> OnePipeline:
    return OnePipeline.at(tmp_path)


def test_nothing_judged_is_an_empty_leaderboard_with_its_metrics(one: OnePipeline) -> None:
    board = leaderboard(one.workspace, NAME)
    assert (board.rows, board.metric, board.more_is_better, board.left_out) == ((), "log_loss", False, 0)
    assert "roc_auc" in board.metrics


def test_versions_have_their_number_with_its_interval_and_say_which_is_live(one: OnePipeline) -> None:
    for version in ("1", "2"):
        one.judged(version)
        one.went_live(version)
    one.judged("3", "HOLD", against="2")
    said = {"outcome": "REJECT", "version": "9", "metrics": {}, "champion_version": "2"}
    one.record("backtest", "b", said, as_of=week(0))
    board = leaderboard(one.workspace, NAME)
    told = [(row.version, row.outcome, row.against, row.made_by, row.live) for row in board.rows]
    assert told == [
        ("3", "HOLD", "2", "run", ""),
        ("2", "PROMOTE", "", "run", "live"),
        ("1", "PROMOTE", "", "run", "was live"),
        ("9", "REJECT", "2", "backtest", ""),
    ]
    assert [(row.value, row.lower, row.upper) for row in board.rows[2:]] == [(0.5, 0.45, 0.55), (None, None, None)]
    assert leaderboard(one.workspace, NAME, "roc_auc").rows[0].value is None


def test_an_unknown_metric_names_the_nearest(one: OnePipeline) -> None:
    with pytest.raises(UnknownName, match=r"'auc_roc' is no metric of a binary model. Did you mean 'roc_auc'\?"):
        leaderboard(one.workspace, NAME, "auc_roc")


def test_a_broken_description_has_no_metric_to_rank_by(one: OnePipeline) -> None:
    one.broken()
    with pytest.raises(SpecError):
        leaderboard(one.workspace, NAME)


def test_what_a_page_cannot_show_is_counted(one: OnePipeline) -> None:
    said = {"outcome": "HOLD", "metrics": {}}
    numbers = range(SHOWN + 3)
    one.recorded(*(("verdict", f"{n}", said | {"version": f"{n}"}, week(n)) for n in numbers))
    board = leaderboard(one.workspace, NAME)
    assert (len(board.rows), board.left_out, board.rows[0].version) == (SHOWN, 3, str(SHOWN + 2))


def test_what_is_too_old_to_be_read_at_all_is_counted_too(one: OnePipeline) -> None:
    said = {"outcome": "HOLD", "metrics": {}}
    numbers = range(2 * SHOWN + 7)
    one.recorded(*(("verdict", f"{n}", said | {"version": f"{n}"}, week(n)) for n in numbers))
    one.record("backtest", "b", said | {"version": "0"}, as_of=week(0))
    assert leaderboard(one.workspace, NAME).left_out == len(numbers) - SHOWN


def test_of_the_same_data_the_newer_version_is_first(one: OnePipeline) -> None:
    said = {"outcome": "HOLD", "metrics": {}}
    one.recorded(*(("verdict", n, said | {"version": n}, week(1)) for n in ("9", "10", "8")))
    assert [row.version for row in leaderboard(one.workspace, NAME).rows] == ["10", "9", "8"]
