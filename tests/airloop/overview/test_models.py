"""The table of models, over real ledgers in which everything has happened."""

from __future__ import annotations

import shutil
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
import sqlalchemy as sa
from tests.many_pipelines import FATES, write

from airloop.ledger import Ledger
from airloop.overview.models import models, row
from airloop.workspace import Workspace

NOW = datetime(2026, 5, 6, 12, tzinfo=UTC)


def workspace_in(folder: Path, ledger_url: str = "") -> Workspace:
    places = {"AIRLOOP_HOME": str(folder / "home"), "AIRLOOP_PIPELINES": str(folder / "pipelines")}
    return Workspace.from_environment(places | {"AIRLOOP_LEDGER": ledger_url}).onlooking()


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, list[str]]:
    """A pipeline for each fate, and more of them, each with some weeks of history."""
    folder = tmp_path_factory.mktemp("many")
    (folder / "home").mkdir()
    names = write(folder / "pipelines", f"sqlite:///{folder}/home/ledger.db", pipelines=50, weeks=16, until=NOW)
    return workspace_in(folder), names


def first(workspace: Workspace, fate: str) -> str:
    """Return the pipeline that meets ``fate`` first."""
    number = FATES.index(fate)
    return ("churn credit_risk delivery_time demand fraud flight_delays lead_score lifetime_value no_show price refund "
            "search_rank spam stock_out ticket_route").split()[number] + "_at"  # fmt: skip


def test_every_pipeline_has_a_row_by_name(many):
    workspace, names = many
    found = models(workspace, None, NOW)
    assert [one.name for one in found.models] == names
    assert found.problem == ""
    assert set(Counter(one.health for one in found.models)) == {"act", "watch", "well", "new", "broken"}


@pytest.mark.parametrize(
    ("fate", "how", "says"),
    [
        ("well", "well", "roc_auc 0."),
        ("decays", "act", "in the week of 27 April: act limit 0."),
        ("drifts", "act", "drift of 0.31 in the week of 27 April: act limit 0.25"),
        ("went back", "act", "rolled back from version "),
        ("judged worse", "act", "was rolled back: 10 %: 14 of 203 failed"),
        ("asks", "act", "drift of 0.4"),
        ("decays a little", "watch", "in the week of 27 April: warn limit 0."),
        ("drifts a little", "watch", "drift of 0.14 in the week of 27 April: warn limit 0.1"),
        ("stale", "watch", "a newer one is wanted within 7d"),
        ("paused", "watch", "releases are paused by "),
        ("too few rows", "watch", "cannot be told in the week of 27 April"),
        ("held", "well", "roc_auc 0."),
        ("never released", "new", "nothing was released yet; version "),
        ("never judged", "new", "nothing was judged yet"),
        ("broken", "broken", "pipeline.yaml:12 gates[0].metric: unknown metric 'auc_roc'"),
    ],
)
def test_the_row_says_how_it_is_and_why(many, fate, how, says):
    found = row(many[0], first(many[0], fate), NOW)
    assert found.health == how
    assert says in found.says


def test_a_row_has_what_is_live_the_last_verdict_and_the_last_windows(many):
    found = row(many[0], first(many[0], "well"), NOW)
    assert (found.owner, found.target, found.tags) == ("churn-team", "local", ("at", "made-up"))
    assert found.champion is not None and found.champion.kind == "release"
    assert found.verdict is not None and found.verdict.version == found.champion.version
    assert (found.verdict.outcome, found.verdict.became) == ("PROMOTE", "released")
    assert found.verdict.number is not None and found.verdict.number.metric == "log_loss"
    assert (found.verdict.number.threshold, found.verdict.number.side) == (-0.01, "least")
    assert len(found.drift) == 12
    assert [one.start for one in found.drift] == sorted(one.start for one in found.drift)
    assert found.drift[-1].reasons and not any(one.reasons for one in found.drift[:-1])
    assert found.performance is not None and found.performance.level == "OK"
    assert found.decision is not None and found.decision.action == "WAIT"


def test_a_decision_that_nobody_answers_is_told(many):
    found = row(many[0], first(many[0], "asks"), NOW)
    assert found.decision is not None
    assert (found.decision.action, found.decision.is_unanswered) == ("RETRAIN", True)


def test_what_became_of_the_last_verdict(many):
    workspace = many[0]
    became = {
        fate: row(workspace, first(workspace, fate), NOW).verdict.became for fate in ("judged worse", "went back")
    }
    assert became == {"judged worse": "rolled back", "went back": "rolled back"}
    assert row(workspace, first(workspace, "held"), NOW).verdict.became == ""


def test_a_broken_description_hides_nothing_that_the_ledger_knows(many):
    found = row(many[0], first(many[0], "broken"), NOW)
    assert found.champion is not None and len(found.drift) == 12


def test_one_row_is_the_row_of_the_table(many):
    workspace, names = many
    table = {one.name: one for one in models(workspace, None, NOW).models}
    assert [row(workspace, name, NOW) for name in names[:8]] == [table[name] for name in names[:8]]


def test_only_the_named_ones_are_shown_and_one_that_is_gone_says_so(many):
    workspace, names = many
    found = models(workspace, [names[3], "gone"], NOW).models
    assert [(one.name, one.health) for one in found] == [(names[3], found[0].health), ("gone", "broken")]
    assert found[1].says == "gone has no description any more"


def statements(workspace: Workspace, names: list[str] | None) -> int:
    """Return how many statements the table of ``names`` takes."""
    counted = []
    with workspace.ledger.reading() as connection:
        engine = connection.engine
    sa.event.listen(engine, "before_cursor_execute", lambda *given: counted.append(given[2]))
    found = models(workspace, names, NOW)
    assert found.models and not found.problem
    return len(counted)


def test_fifty_pipelines_take_as_many_statements_as_one(many):
    workspace, names = many
    assert len(names) == 50
    assert statements(workspace_in(workspace.home.parent), names[:1]) == statements(workspace, None) <= 8


def test_the_newest_entries_are_found_by_the_index(many):
    workspace, names = many
    plans = []
    with workspace.ledger.reading() as connection:
        engine = connection.engine

    def explained(connection, cursor, statement, parameters, context, executemany):
        if "entries" in statement and not statement.startswith("EXPLAIN"):
            plans.extend(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall())

    sa.event.listen(engine, "before_cursor_execute", explained)
    models(workspace, names, NOW)
    read = [plan[3] for plan in plans if "entries" in plan[3] or "dated" in plan[3] or "decision" in plan[3]]
    assert read
    assert not [plan for plan in read if plan.startswith("SCAN")]


def test_a_ledger_that_nobody_made_is_empty_and_stays_unmade(many, tmp_path):
    shutil.copytree(many[0].pipelines, tmp_path / "pipelines")
    found = models(workspace_in(tmp_path), None, NOW)
    assert {one.health for one in found.models} == {"new", "broken"}
    assert not (tmp_path / "home").exists()


def test_a_ledger_that_does_not_answer_leaves_what_descriptions_say(many, tmp_path):
    (tmp_path / "no.db").write_text("precious" * 1000)
    shutil.copytree(many[0].pipelines, tmp_path / "pipelines")
    found = models(workspace_in(tmp_path, f"sqlite:///{tmp_path}/no.db"), many[1][:2], NOW)
    assert "not an SQLite file" in found.problem
    assert [one.owner for one in found.models] == ["churn-team", "churn-team"]
    assert {one.health for one in found.models} == {"watch"}


def test_a_window_that_was_looked_at_again_has_one_mark(tmp_path):
    names = write(tmp_path / "pipelines", f"sqlite:///{tmp_path}/ledger.db", pipelines=1, weeks=4, until=NOW)
    ledger = Ledger(f"sqlite:///{tmp_path}/ledger.db")
    last = ledger.latest(names[0], "drift", limit=1)[0]
    said = {**last.payload, "level": "WARN", "distance": 0.2, "reasons": ["again"]}
    ledger.record("drift", names[0], last.subject, said, as_of=last.as_of, run_id="again")
    found = row(workspace_in(tmp_path, ledger.url), names[0], NOW)
    assert len(found.drift) == 3
    assert (found.drift[-1].level, found.drift[-1].value, found.drift[-1].reasons) == ("WARN", 0.2, ("again",))


def test_entries_of_an_older_airloop_have_no_numbers(tmp_path):
    names = write(tmp_path / "pipelines", f"sqlite:///{tmp_path}/ledger.db", pipelines=1, weeks=2, until=NOW)
    ledger = Ledger(f"sqlite:///{tmp_path}/ledger.db")
    for kind, key in (("drift", "distance"), ("performance", "baseline"), ("verdict", "number")):
        last = ledger.latest(names[0], kind, limit=1)[0]
        older = {name: value for name, value in last.payload.items() if name != key}
        ledger.record(kind, names[0], f"{last.subject}", older, as_of=NOW, run_id="older")
    found = row(workspace_in(tmp_path, ledger.url), names[0], NOW)
    assert found.drift[-1].value is None
    assert found.verdict is not None and found.verdict.number is None
    assert found.health == "well"


def test_the_table_is_json(many):
    told = msgspec.json.decode(msgspec.json.encode(models(many[0], None, NOW)))
    assert len(told["models"]) == 50
    assert told["models"][0]["champion"]["since"].endswith("Z")
