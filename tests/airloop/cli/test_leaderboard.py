from __future__ import annotations

from datetime import UTC, datetime

import pytest


def judged(version, outcome, *, against=None, **metrics):
    return {"version": version, "outcome": outcome, "champion_version": against, "metrics": metrics}


@pytest.fixture
def churn(airloop, workspace):
    """Return the command line over a ledger with two versions of runs, one live, and two of a backtest."""
    airloop("new", "churn")
    ledger = workspace.ledger
    days = {number: datetime(2013, 3, number, tzinfo=UTC) for number in (4, 11, 18, 25)}
    entries = (
        ("verdict", 11, judged("2", "PROMOTE", roc_auc=[0.7, 0.65, 0.75])),
        ("backtest", 11, judged("2", "HOLD", against="1", roc_auc=[0.7, 0.65, 0.75])),
        ("backtest", 4, judged("1", "PROMOTE", roc_auc=[0.8, 0.7, 0.9], brier=[0.2, None, None])),
        ("verdict", 18, judged("3", "REJECT", against="2", roc_auc=[0.6, 0.5, 0.7])),
        ("verdict", 25, {"version": "4", "outcome": "HOLD", "reasons": ["judged before metrics were kept"]}),
    )
    for number, (kind, day, payload) in enumerate(entries):
        ledger.record(kind, "churn", f"digest-{number}", payload, as_of=days[day])
    ledger.promote(
        "churn",
        "local",
        bundle="b",
        version="2",
        data_cut_off=days[11],
        expected_generation=0,
        run_id="r",
        reasons=["good"],
    )
    return airloop


def lines_of(answer):
    return [" ".join(line.split()) for line in answer.err.splitlines()]


def test_every_version_has_one_line_with_the_newest_data_first(churn):
    lines = lines_of(churn("leaderboard", "churn", "--metric", "roc_auc"))
    assert lines[1:5] == [
        "4 2013-03-25 00:00 HOLD no champion - run",
        "3 2013-03-18 00:00 REJECT 2 0.6 0.5 to 0.7 run",
        "2 2013-03-11 00:00 PROMOTE no champion 0.7 0.65 to 0.75 run live",
        "1 2013-03-04 00:00 PROMOTE no champion 0.8 0.7 to 0.9 backtest",
    ]


def test_a_run_s_own_verdict_goes_before_what_a_backtest_says_of_the_same_version(churn):
    (row,) = [row for row in churn("leaderboard", "churn", "--json").json["versions"] if row["version"] == "2"]
    assert (row["verdict"], row["made_by"], row["live"]) == ("PROMOTE", "run", "live")


def test_best_first_puts_versions_without_a_value_last(churn):
    value = churn("leaderboard", "churn", "--best", "--metric", "roc_auc", "--json").json
    assert churn("leaderboard", "churn", "--json").json["metric"] == "log_loss"
    assert [row["version"] for row in value["versions"]] == ["1", "2", "3", "4"]


def test_another_metric_can_be_asked_for(churn):
    value = churn("leaderboard", "churn", "--metric", "brier", "--best", "--json").json
    first = value["versions"][0]
    assert (first["version"], first["value"], first["lower"]) == ("1", 0.2, None)


def test_a_limit_says_how_many_more_there_are(churn):
    assert "and 3 more; --limit 4 shows all" in lines_of(churn("leaderboard", "churn", "--limit", "1"))


def test_an_unknown_metric_is_refused_with_the_nearest(churn):
    answer = churn("leaderboard", "churn", "--metric", "auc_roc")
    assert answer.code == 2
    assert "mean 'roc_auc'?" in " ".join(lines_of(answer))


def test_nothing_judged_yet_says_what_would_judge(airloop):
    airloop("new", "orders")
    assert "orders: no version was judged yet; `python -m airloop run orders`" in airloop("leaderboard", "orders").err
