from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import fsspec
import pytest

from airloop.errors import Unreachable
from airloop.store import MANIFEST, Store

NAME = "0123456789abcdef" * 4


@pytest.fixture(params=["folder", "memory"])
def store(request, tmp_path):
    """Return an empty store in a folder, and one at an fsspec URL."""
    if request.param == "folder":
        return Store(str(tmp_path / "store"))
    memory = fsspec.filesystem("memory")
    memory.store.clear()
    return Store("memory://airloop", cache=tmp_path / "cache")


def _write(store, text="hello"):
    with store.writing("models", NAME) as folder:
        (folder / "model").mkdir()
        (folder / "model" / "trees.json").write_text(text)


def _leftovers(tmp_path):
    return [path for scratch in tmp_path.rglob(".scratch") for path in scratch.iterdir()]


def test_what_is_written_is_read_back_whole(store, tmp_path):
    assert not store.has("models", NAME)
    _write(store)
    assert store.has("models", NAME)
    assert (store.folder("models", NAME) / "model" / "trees.json").read_text() == "hello"
    assert (store.folder("models", NAME) / "model" / "trees.json").read_text() == "hello"  # from the cache
    assert store.altered_files("models", NAME) == []
    assert _leftovers(tmp_path) == []


def test_json_is_written_once(store):
    uri = store.put_json("verdicts", NAME, {"b": [1, 2.5], "a": None})
    assert uri == store.put_json("verdicts", NAME, {"another": "value"})
    assert store.get_json("verdicts", NAME) == {"b": [1, 2.5], "a": None}
    assert uri.endswith(f"/verdicts/{NAME}")


def test_what_is_not_there_is_named(store):
    with pytest.raises(FileNotFoundError, match=f"models/{NAME} is not in the store"):
        store.folder("models", NAME)


def test_a_failed_block_leaves_nothing(store, tmp_path):
    with pytest.raises(ValueError, match="no good"), store.writing("models", NAME) as folder:
        (folder / "half").write_text("x")
        raise ValueError("no good")
    assert not store.has("models", NAME)
    assert _leftovers(tmp_path) == []


def test_the_first_of_two_writers_stays(store, tmp_path):
    with store.writing("models", NAME) as slow:
        (slow / "model").mkdir()
        (slow / "model" / "trees.json").write_text("slow")
        _write(store, "fast")
    assert (store.folder("models", NAME) / "model" / "trees.json").read_text() == "fast"
    assert store.altered_files("models", NAME) == []
    assert _leftovers(tmp_path) == []


def test_many_writers_at_once_leave_one_whole_artifact(tmp_path):
    store, start = Store(str(tmp_path / "store")), threading.Barrier(8)

    def write(number):
        with store.writing("models", NAME) as folder:
            for part in range(5):
                (folder / f"{part}.txt").write_text(str(number))
            start.wait()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    written = {path.read_text() for path in store.folder("models", NAME).glob("*.txt")}
    assert len(written) == 1
    assert store.altered_files("models", NAME) == []
    assert _leftovers(tmp_path) == []


def test_a_writer_killed_in_the_middle_leaves_no_artifact_and_a_retry_succeeds(tmp_path):
    code = (
        "import sys; from airloop.store import Store\n"
        f"with Store(sys.argv[1]).writing('models', {NAME!r}) as folder:\n"
        "    (folder / 'half').write_text('x'); print('written', flush=True); sys.stdin.read()\n"
    )
    store = Store(str(tmp_path / "store"))
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "include")}
    with subprocess.Popen(
        [sys.executable, "-c", code, store.url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"written\n"
        writer.send_signal(signal.SIGKILL)
    assert not store.has("models", NAME)
    _write(store)
    assert [path.name for path in store.folder("models", NAME).iterdir() if path.name != MANIFEST] == ["model"]


def test_changed_new_and_lost_files_are_named(tmp_path):
    store = Store(str(tmp_path / "store"))
    with store.writing("bundles", NAME) as folder:
        for name in ("same", "changed", "lost"):
            (folder / name).write_text(name)
    folder = store.folder("bundles", NAME)
    (folder / "changed").write_text("chanGed")
    (folder / "lost").unlink()
    (folder / "new").write_text("")
    assert store.altered_files("bundles", NAME) == ["changed", "lost", "new"]


def test_an_upload_without_its_list_does_not_count(tmp_path):
    memory = fsspec.filesystem("memory")
    memory.store.clear()
    memory.pipe_file(f"/airloop/models/{NAME}/model/trees.json", b"half")
    store = Store("memory://airloop", cache=tmp_path)
    assert not store.has("models", NAME)
    _write(store)
    assert (store.folder("models", NAME) / "model" / "trees.json").read_text() == "hello"


def test_a_place_that_cannot_be_written_says_what_to_do(tmp_path):
    (tmp_path / "file").write_text("")
    store = Store(str(tmp_path / "file" / "store"))
    advice = "Check AIRLOOP_STORE, free space and permissions, then retry; nothing was half-written"
    with pytest.raises(Unreachable, match=advice), store.writing("models", NAME):
        pass
    with pytest.raises(Unreachable, match=advice):
        store.work_folder("models", NAME)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_says_what_to_do(tmp_path):
    store = Store(str(tmp_path / "store"))
    with pytest.raises(Unreachable, match=rf"cannot reach models/{NAME}: .*No space left.*free space") as caught:
        with store.writing("models", NAME):
            Path("/dev/full").write_text("x")
    assert caught.value.retryable
    assert not store.has("models", NAME)
    assert _leftovers(tmp_path) == []


def test_other_errors_of_the_writer_keep_their_name(tmp_path):
    store = Store(str(tmp_path / "store"))
    with pytest.raises(IsADirectoryError), store.writing("models", NAME) as folder:
        folder.write_text("x")


def test_a_retry_finds_unfinished_work_again(store):
    (store.work_folder("models", NAME) / "checkpoint.json").write_text(json.dumps({"round": 50}))
    assert json.loads((store.work_folder("models", NAME) / "checkpoint.json").read_text()) == {"round": 50}
    assert not store.has("models", NAME)


def test_what_others_write_is_listed_with_what_changes_with_its_bytes(store):
    put(store, "predictions/a/date=2013-01-01/one.parquet", b"1")
    put(store, "predictions/a/date=2013-01-01/half.writing", b"2")
    put(store, "predictions/a/date=2013-01-02/two.parquet", b"3")
    assert store.folders("predictions/a") == ["date=2013-01-01", "date=2013-01-02"]
    before = store.listing("predictions/a/date=2013-01-01", ".parquet")
    assert list(before) == ["one.parquet"]
    put(store, "predictions/a/date=2013-01-01/one.parquet", b"longer")
    assert store.listing("predictions/a/date=2013-01-01", ".parquet") != before
    with store.opened("predictions/a/date=2013-01-01/one.parquet") as file:
        assert file.read() == b"longer"
    assert store.listing("predictions/a") == {}  # files of folders below are not of this one


def test_a_folder_that_is_not_there_has_nothing(store):
    assert store.folders("predictions/none") == []
    assert store.listing("predictions/none") == {}
    with pytest.raises(FileNotFoundError):
        store.opened("predictions/none/one.parquet")


def put(store, path, content):
    files, root = fsspec.url_to_fs(store.url)
    files.makedirs(f"{root}/{path}".rpartition("/")[0], exist_ok=True)
    files.pipe_file(f"{root}/{path}", content)
