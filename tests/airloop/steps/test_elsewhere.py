from __future__ import annotations

import io
import json
import tarfile
from datetime import UTC, datetime

import pytest

from airloop import errors
from airloop.errors import StepFailed, StepInterrupted, ValidationBlocked
from airloop.refs import SnapshotRef, ValidationRef
from airloop.spec import find
from airloop.steps import elsewhere
from airloop.steps.elsewhere import Errand
from airloop.workspace import Workspace

SNAPSHOT = SnapshotRef(digest="s1", uri="x", as_of=datetime(2013, 3, 18, tzinfo=UTC), partitions=3, rows=30)
SPEC = """\
name: parcels
data: {source: {path: "p/{date}.csv"}, event_time: sent_at, label: {column: late}}
model: {task: binary}
"""


@pytest.fixture
def pipeline(tmp_path):
    """A pipeline with files that matter, and some that do not."""
    folder = tmp_path / "pipelines" / "parcels"
    (folder / "queries").mkdir(parents=True)
    (folder / "pipeline.yaml").write_text(SPEC)
    (folder / "queries" / "all.sql").write_text("select 1")
    for noise in ("__pycache__/features.pyc", ".git/HEAD", ".env"):
        (folder / noise).parent.mkdir(exist_ok=True)
        (folder / noise).write_text("noise")
    return find("parcels", Workspace.from_environment({"AIRLOOP_PIPELINES": str(tmp_path / "pipelines")}))


def contents(archive: bytes) -> dict[str, str]:
    """Return path → text of a tar's files."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        files = [entry for entry in tar.getmembers() if entry.isfile()]
        return {entry.name: tar.extractfile(entry).read().decode() for entry in files}


def test_a_step_is_called_like_by_hand(pipeline):
    errand = Errand("train_model", pipeline.released_to("docker"), {"snapshot": SNAPSHOT})
    assert " ".join(errand.command) == (
        "python -m airloop train_model parcels --result /tmp/result.json --target docker --refs @/airloop/refs.json"
    )
    taking = Errand("take_snapshot", pipeline, {"as_of": datetime(2013, 3, 18, 6, 0, 0, 250, tzinfo=UTC)})
    assert taking.command[-2:] == ["--as-of", "2013-03-18T06:00:00.000250Z"] and "--refs" not in taking.command


def test_the_pipelines_files_the_refs_and_the_settings_are_handed_in(pipeline):
    files = contents(Errand("train_model", pipeline, {"snapshot": SNAPSHOT}).archive({"AIRLOOP_HOME": "/h"}))
    assert set(files) == {
        "pipelines/parcels/pipeline.yaml",
        "pipelines/parcels/queries/all.sql",
        "refs.json",
        "settings.json",
    }
    assert json.loads(files["settings.json"]) == {"AIRLOOP_HOME": "/h"}
    assert SnapshotRef.model_validate(json.loads(files["refs.json"])["snapshot"]) == SNAPSHOT


def test_an_errand_is_the_same_while_refs_and_files_are(pipeline):
    def digest(**given) -> str:
        return Errand("train_model", pipeline, {"snapshot": SNAPSHOT, **given}).digest

    first = digest()
    (pipeline.folder / ".env").write_text("other noise")
    assert digest() == first
    assert digest(snapshot=SNAPSHOT.model_copy(update={"digest": "s2"})) != first
    (pipeline.folder / "queries" / "all.sql").write_text("select 2")
    assert digest() != first


def test_settings_from_a_file_join_the_environment(tmp_path):
    (tmp_path / "settings.json").write_text(json.dumps({"AIRLOOP_LEDGER": "postgresql://u:secret@db/airloop"}))
    environ = {"HOME": "/h", elsewhere.SETTINGS: str(tmp_path / "settings.json")}
    elsewhere.take_settings(environ)
    assert environ == {"HOME": "/h", "AIRLOOP_LEDGER": "postgresql://u:secret@db/airloop"}
    elsewhere.take_settings(environ)
    assert elsewhere.SETTINGS not in environ


def brought_back(file, *, raising: Exception | None = None, heals: bool = False):
    """Leave a result, or an error, in ``file`` and bring it back."""
    ref = ValidationRef(digest="v", uri="x", quarantined=2, warnings=("w",))
    try:
        with elsewhere.leaving(file) as leave:
            if raising:
                raise raising
            leave(ref)
    except Exception as error:
        assert error is raising
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    return ValidationRef.model_validate(elsewhere.result(file.read_text(), lambda kinds: heals)) == ref


def test_a_ref_comes_back(tmp_path):
    assert brought_back(tmp_path / "result.json")


@pytest.mark.parametrize("kind", [errors.DataError, errors.SourceChanged, errors.Unreachable, errors.LostRace])
def test_an_error_comes_back_as_what_it_was(tmp_path, kind):
    with pytest.raises(errors.AirloopError, match="what is wrong") as caught:
        brought_back(tmp_path / "result.json", raising=kind("what is wrong"))
    assert type(caught.value) is kind


def test_refused_data_comes_back_with_its_docs(tmp_path):
    with pytest.raises(ValidationBlocked, match="too few rows") as caught:
        brought_back(tmp_path / "result.json", raising=ValidationBlocked("too few rows", docs="file:///d/index.html"))
    assert caught.value.docs == "file:///d/index.html"


def test_an_error_derived_from_one_of_ours_comes_back_as_that(tmp_path):
    class OddRows(errors.DataError):
        """Not among the errors that everybody knows."""

    with pytest.raises(errors.DataError, match="odd") as caught:
        brought_back(tmp_path / "result.json", raising=OddRows("odd"))
    assert type(caught.value) is errors.DataError


@pytest.mark.parametrize(("heals", "kind"), [(False, StepFailed), (True, StepInterrupted)])
def test_somebody_elses_error_keeps_its_name_and_whether_it_heals(tmp_path, heals, kind):
    with pytest.raises(StepFailed, match=r"^json\.decoder\.JSONDecodeError: bad: line 1") as caught:
        brought_back(tmp_path / "result.json", raising=json.JSONDecodeError("bad", "x", 0), heals=heals)
    assert type(caught.value) is kind and caught.value.retryable is heals


def test_whether_an_error_heals_is_asked_of_all_its_kinds(tmp_path):
    asked = []
    with pytest.raises(TimeoutError), elsewhere.leaving(tmp_path / "result.json"):
        raise TimeoutError("slow")
    with pytest.raises(StepInterrupted, match=r"^TimeoutError: slow$"):
        elsewhere.result((tmp_path / "result.json").read_text(), lambda kinds: asked.extend(kinds) or True)
    assert asked == [
        "builtins.TimeoutError",
        "builtins.OSError",
        "builtins.Exception",
        "builtins.BaseException",
        "builtins.object",
    ]


def test_one_file_is_taken_out_of_a_tar():
    with io.BytesIO() as stream:
        with tarfile.open(fileobj=stream, mode="w") as tar:
            entry = tarfile.TarInfo("result.json")
            entry.size = 2
            tar.addfile(entry, io.BytesIO(b"{}"))
        whole = stream.getvalue()
    assert elsewhere.unpacked(iter([whole[:700], whole[700:]])) == "{}"
    assert elsewhere.unpacked(None) is None


@pytest.fixture
def termination_message(tmp_path, monkeypatch):
    """A file as pods have it for their result: it cannot be replaced, and takes 4096 bytes."""
    monkeypatch.setenv(elsewhere.ROOM, "4096")
    monkeypatch.setenv("AIRLOOP_STORE", str(tmp_path / "store"))
    file = tmp_path / "message"
    file.touch()
    return file


def test_a_small_result_is_written_into_the_file_that_is_there(termination_message):
    inode = termination_message.stat().st_ino
    with elsewhere.leaving(termination_message) as leave:
        leave(ValidationRef(digest="v", uri="x", quarantined=2))
    assert termination_message.stat().st_ino == inode
    assert elsewhere.result(termination_message.read_text(), lambda kinds: False)["quarantined"] == 2


def test_a_result_for_which_there_is_no_room_goes_by_the_store(termination_message, tmp_path):
    ref = ValidationRef(digest="v", uri="x", quarantined=2, warnings=("é" * 5000,))
    with elsewhere.leaving(termination_message) as leave:
        leave(ref)
    text = termination_message.read_text()
    assert json.loads(text).keys() == {"stored"}
    store = Workspace.from_environment().store
    assert ValidationRef.model_validate(elsewhere.result(elsewhere.whole(text, store), lambda kinds: False)) == ref
    assert elsewhere.whole('{"ref": {}}', store) == '{"ref": {}}'


def test_an_error_for_which_there_is_no_room_is_cut(termination_message):
    with pytest.raises(errors.TrainingError), elsewhere.leaving(termination_message):
        raise errors.TrainingError("é" * 5000)
    assert len(termination_message.read_bytes()) <= 4096
    with pytest.raises(errors.TrainingError, match=r"^é{400,} … \(the log has all of it\)$"):
        elsewhere.result(termination_message.read_text(), lambda kinds: False)
