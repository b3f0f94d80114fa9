from __future__ import annotations

import pytest

from airloop.cli.new import LIKES, write
from airloop.errors import SpecError
from airloop.spec import load
from airloop.workspace import PROJECT


@pytest.mark.parametrize("task", LIKES)
def test_a_new_pipeline_is_right(airloop, workspace, task):
    made = airloop("new", "my_orders", "--like", task)
    assert made.code == 0
    assert "wrote pipelines/my_orders" in made.err
    assert "python -m airloop run my_orders --as-of 2024-04-01" in made.err
    checked = airloop("check", "my_orders")
    assert (checked.code, checked.err.split()[-5:]) == (0, "1 of 1 pipelines are right".split()[1:])
    assert load(workspace.pipelines / "my_orders").spec.model.task == task


def test_a_new_pipeline_lands_rows(airloop, workspace):
    airloop("new", "my_orders")
    landed = airloop("land", "my_orders")
    assert landed.json["files"] == 120
    assert len(list(workspace.home.glob("data/my_orders/date=*/orders.parquet"))) == 120


def test_its_yaml_tells_editors_where_the_schema_is():
    from airloop.cli.new import _schema_hint

    hint = _schema_hint(PROJECT / "include" / "pipelines" / "churn")
    assert hint == "# yaml-language-server: $schema=../../../docs/pipeline.schema.json\n"


def test_a_taken_name_is_refused_and_left_alone(airloop, workspace):
    taken = workspace.pipelines / "churn"
    taken.mkdir()
    answer = airloop("new", "churn")
    assert (answer.code, answer.out) == (2, "")
    assert "pipelines/churn exists already; take another name or remove it" in answer.err
    assert list(taken.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "like", "message"),
    [
        ("My-Churn", "binary", r"'My-Churn' is not a name: a small letter, then at most 62 small letters"),
        ("../churn", "binary", r"'\.\./churn' is not a name"),
        (
            "churn",
            "regresion",
            r"unknown task 'regresion'\. Did you mean 'regression'\? Known: binary, multiclass, reg",
        ),
    ],
)
def test_a_wrong_name_or_task_is_refused(tmp_path, name, like, message):
    with pytest.raises(SpecError, match=message):
        write(name, tmp_path / "pipelines", like)
    assert not (tmp_path / "pipelines").exists()


def test_nothing_remains_when_it_cannot_be_written(tmp_path):
    (tmp_path / "pipelines").write_text("a file")
    with pytest.raises(SpecError, match="cannot be written"):
        write("churn", tmp_path / "pipelines", "binary")
    assert [path.name for path in tmp_path.iterdir()] == ["pipelines"]
