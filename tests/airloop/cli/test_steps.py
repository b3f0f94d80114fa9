from __future__ import annotations

import inspect
import json
import logging
import os

import pytest

from airloop import steps
from airloop.cli.screen import log_to_stderr
from airloop.cli.steps import NEEDS, opened
from airloop.refs import SnapshotRef

SNAPSHOT = {"digest": "d", "uri": "u", "as_of": "2013-03-18T00:00:00Z", "partitions": 1, "rows": 2}
VERDICT = {"digest": "v", "uri": "u", "outcome": "HOLD", "reasons": ["120 more labelled rows"], "report": "r"}
MODEL = {"digest": "m", "uri": "u", "version": "1", "run_id": "r"}


@pytest.fixture
def churn(airloop):
    airloop("new", "churn")
    return airloop


def test_every_step_has_a_command_with_the_refs_it_takes():
    for step, needs in NEEDS.items():
        parameters = inspect.signature(getattr(steps, step)).parameters
        keywords = [name for name, p in parameters.items() if p.kind is p.KEYWORD_ONLY and p.default is p.empty]
        assert [name for name in keywords if name != "run_id"] == list(needs)


def test_missing_refs_are_named(churn):
    answer = churn("train_model", "churn", "--refs", json.dumps({"snapshot": SNAPSHOT}))
    assert (answer.code, answer.out) == (2, "")
    assert "--refs needs snapshot, validation; missing: validation" in " ".join(answer.err.replace("│", " ").split())


@pytest.mark.parametrize(
    ("refs", "message"),
    [
        ("{", "--refs cannot be read: Expecting property name"),
        ("[]", "--refs must be an object of refs by name"),
        ("@nowhere.json", "--refs cannot be read: [Errno 2] No such file"),
        (
            json.dumps({"snapshot": {**SNAPSHOT, "rows": "many"}}),
            "--refs snapshot.rows: Input should be a valid integer",
        ),
    ],
)
def test_refs_that_cannot_be_read_are_refused(churn, refs, message):
    answer = churn("validate_data", "churn", "--refs", refs)
    assert answer.code == 2
    assert message in " ".join(answer.err.replace("│", " ").split())


def test_refs_are_read_from_a_file(churn, tmp_path):
    (tmp_path / "refs.json").write_text(json.dumps({"snapshot": SNAPSHOT, "model": MODEL, "verdict": VERDICT}))
    answer = churn("package_bundle", "churn", "--refs", "@refs.json")
    assert answer.code == 2
    assert "churn: the verdict is HOLD, not PROMOTE: 120 more labelled rows" in answer.err


def test_a_ref_whose_artifact_is_gone_says_which_step_makes_it(churn):
    answer = churn("validate_data", "churn", "--refs", json.dumps({"snapshot": SNAPSHOT}))
    assert answer.code == 2
    assert "run take_snapshot again, it makes what is missing" in answer.err


def test_an_instant_that_is_none_is_refused(churn):
    answer = churn("take_snapshot", "churn", "--as-of", "tomorrow")
    assert answer.code == 2
    assert "as_of 'tomorrow' is not ISO 8601" in answer.err


def test_an_unknown_pipeline_is_one_message_without_a_traceback(churn):
    answer = churn("take_snapshot", "chrun", "--as-of", "2024-04-01")
    assert (answer.code, answer.out) == (2, "")
    assert "Did you mean 'churn'?" in answer.err
    assert "Traceback" not in answer.err


def test_a_step_prints_its_ref_as_one_line(churn):
    churn("land", "churn")
    ref = churn("take_snapshot", "churn", "--as-of", "2024-01-20").json
    assert (ref["partitions"], ref["as_of"]) == (19, "2024-01-20T00:00:00Z")
    again = churn("take_snapshot", "churn", "--as-of", "2024-01-20T00:00:00+00:00").json
    assert again == ref


def test_a_result_file_gets_the_ref_and_stdout_stays_empty(churn, tmp_path):
    churn("land", "churn")
    answer = churn("take_snapshot", "churn", "--as-of", "2024-01-20", "--result", "result.json")
    assert (answer.code, answer.out) == (0, "")
    taken = json.loads((tmp_path / "result.json").read_text())["ref"]
    assert SnapshotRef.model_validate(taken).partitions == 19
    answer = churn("validate_data", "churn", "--refs", json.dumps({"snapshot": taken}), "--result", "checked.json")
    assert (answer.code, answer.out) == (0, "")
    assert list(json.loads((tmp_path / "checked.json").read_text())) == ["ref"]


def test_a_result_file_gets_the_error_too(churn, tmp_path):
    refs = json.dumps({"snapshot": SNAPSHOT})
    answer = churn("validate_data", "churn", "--refs", refs, "--result", "result.json")
    assert answer.code == 2 and "run take_snapshot again" in answer.err
    error = json.loads((tmp_path / "result.json").read_text())["error"]
    assert error["kinds"][0] == "airloop.errors.DataError" and "run take_snapshot again" in error["message"]


def test_a_step_takes_another_target_than_the_specs(churn):
    answer = churn("take_snapshot", "churn", "--as-of", "2024-01-20", "--target", "dokcer")
    assert answer.code == 2
    assert "churn: unknown target 'dokcer'. Did you mean 'docker'? Known: docker, kubernetes, local." in answer.err
    assert opened("churn", "docker")[1].spec.release.target == "docker"
    assert opened("churn")[1].spec.release.target == "local"


def test_settings_that_were_handed_in_by_a_file_count(churn, tmp_path, monkeypatch):
    (tmp_path / "settings.json").write_text(json.dumps({"AIRLOOP_PIPELINES": str(tmp_path / "others")}))
    monkeypatch.setattr("os.environ", os.environ.copy() | {"AIRLOOP_SETTINGS": str(tmp_path / "settings.json")})
    answer = churn("take_snapshot", "churn", "--as-of", "2024-01-20")
    assert answer.code == 2 and "there is no folder of pipelines at others" in answer.err


def test_a_line_of_the_log_says_its_level_where_it_is_more_than_information(airloop, capsys):
    log_to_stderr(logging.INFO)
    logging.getLogger("airloop.test").info("all is well")
    logging.getLogger("airloop.test").warning("the window is not in MLflow")
    assert capsys.readouterr().err == "all is well\nWARNING: the window is not in MLflow\n"


@pytest.mark.parametrize("command", ["run", "monitor"])
def test_an_instant_that_may_be_left_out_is_read_like_any_other(airloop, command):
    answer = airloop(command, "orders", "--as-of", "tomorrow")
    assert answer.code == 2
    assert "'tomorrow' is not ISO 8601" in answer.err
