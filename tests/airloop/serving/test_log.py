"""The prediction log: everything that was answered, nothing that is private, and never in the way."""

from __future__ import annotations

import logging
import os
import time
from datetime import UTC, datetime

import pyarrow.parquet as pq
import pytest

from airloop.serving import journal as journals
from airloop.serving.compact import compact
from airloop.serving.journal import Journal, read

pytestmark = pytest.mark.slow


SECRET = "P-1234567-very-private"


@pytest.fixture
def rows(kit):
    return kit.ROWS | {"passport": [SECRET] * 5}


def tables(workspace) -> list:
    """Return the tables of the log."""
    paths = sorted((workspace.home / "store" / "predictions").rglob("*.parquet"))
    return [pq.read_table(path, partitioning=None) for path in paths]


def segments(workspace) -> list:
    return sorted((workspace.home / "serving" / "journal").glob("*.journal"))


def stored(workspace, server) -> list:
    server.process.journal.close_segment()
    compact(workspace.home / "serving" / "journal", workspace.store_url)
    return tables(workspace)


def test_the_log_has_id_time_version_inputs_and_output(logging_server, workspace, kit, rows):
    bundle = kit.write_bundle(workspace.store)
    logging_server.put(champion=kit.state_of(bundle))
    before = datetime.now(UTC)
    logging_server.infer(kit.body_of(rows, identity="first"))
    logging_server.infer(kit.body_of(rows, identity="second", pick=[2]))
    logging_server.infer(b"{}")
    (table,) = stored(workspace, logging_server)
    assert table.column_names == [
        "request_id", "request_row", "answered_at", "version", "bundle", "distance", "carrier", "stops", "direct", "at",
        "probability",
    ]  # fmt: skip
    found = table.to_pydict()
    assert found["request_id"] == ["first"] * 5 + ["second"]
    assert found["request_row"] == [0, 1, 2, 3, 4, 0]
    assert found["version"] == ["1"] * 6
    assert found["bundle"] == [bundle.digest] * 6
    assert found["probability"] == [*bundle.golden.expected, bundle.golden.expected[2]]
    assert found["distance"] == [*rows["distance"], rows["distance"][2]]
    assert found["carrier"][:3] == ["AA", "B6", None]
    assert found["at"][2] == datetime(2013, 12, 31, 23, 59, 59, 500000, UTC)
    assert all(before <= moment <= datetime.now(UTC) for moment in found["answered_at"])
    assert segments(workspace) == []
    path = next((workspace.home / "store" / "predictions").rglob("*.parquet"))
    assert path.parent.name == f"date={before.date()}"
    assert path.parent.parent.name == "flights"


def test_private_columns_are_nowhere_on_the_disk(logging_server, workspace, kit, rows):
    bundle = kit.write_bundle(workspace.store)
    logging_server.put(champion=kit.state_of(bundle))
    logging_server.infer(kit.body_of(rows))
    assert len(segments(workspace)) == 1
    assert not files_with(workspace.home, SECRET)
    (table,) = stored(workspace, logging_server)
    assert "passport" not in table.column_names
    assert not files_with(workspace.home, SECRET)
    assert files_with(workspace.home, "passport")  # the search finds what is there


def files_with(folder, text: str) -> list:
    return [path for path in folder.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


def test_nothing_is_logged_where_the_spec_says_so(logging_server, workspace, kit):
    logging_server.put(champion=kit.state_of(kit.write_bundle(workspace.store, facts={"log_predictions": False})))
    logging_server.infer(kit.body_of())
    assert segments(workspace) == []


def test_classes_have_a_column_each_and_names_do_not_clash(logging_server, workspace, kit):
    inputs = (kit.Input("version", "number", True), *kit.SCHEMA.inputs[1:])
    features = (kit.Feature("version"), *kit.SCHEMA.features[1:])
    schema = kit.Schema(inputs, features, "multiclass", ("a", "b"))
    rows = {"version": kit.ROWS["distance"]} | {name: kit.ROWS[name] for name in list(kit.ROWS)[1:]}
    logging_server.put(champion=kit.state_of(kit.write_bundle(workspace.store, schema=schema, rows=rows)))
    assert logging_server.infer(kit.body_of(rows, schema)).status == 200
    (table,) = stored(workspace, logging_server)
    assert {"version", "input_version", "probability_a", "probability_b"} <= set(table.column_names)


def test_segments_are_written_once_even_when_the_first_try_was_cut_off(logging_server, workspace, kit):
    logging_server.put(champion=kit.state_of(kit.write_bundle(workspace.store)))
    logging_server.infer(kit.body_of())
    logging_server.process.journal.close_segment()
    (segment,) = segments(workspace)
    copy = segment.read_bytes()
    folder = workspace.home / "serving" / "journal"
    assert compact(folder, workspace.store_url) == 5
    segment.write_bytes(copy)  # as if the process had been killed before it deleted the segment
    assert compact(folder, workspace.store_url) == 5
    assert [table.num_rows for table in tables(workspace)] == [5]


def test_a_torn_end_loses_only_itself(logging_server, workspace, kit, caplog):
    logging_server.put(champion=kit.state_of(kit.write_bundle(workspace.store)))
    for _ in range(3):
        logging_server.infer(kit.body_of())
    logging_server.process.journal.close_segment()
    (segment,) = segments(workspace)
    segment.write_bytes(segment.read_bytes()[:-7])
    with caplog.at_level(logging.WARNING):
        (table,) = stored(workspace, logging_server)
    assert table.num_rows == 10
    assert "were cut short by a crash" in caplog.text


def test_a_segment_that_a_server_writes_is_left_alone(logging_server, workspace, kit):
    logging_server.put(champion=kit.state_of(kit.write_bundle(workspace.store)))
    logging_server.infer(kit.body_of())
    assert compact(workspace.home / "serving" / "journal", workspace.store_url) == 0
    assert len(segments(workspace)) == 1


def test_a_full_disk_drops_entries_and_answers_go_on(logging_server, workspace, kit, caplog):
    bundle = kit.write_bundle(workspace.store)
    logging_server.put(champion=kit.state_of(bundle))
    logging_server.infer(kit.body_of())
    journal = logging_server.process.journal
    real, journal._descriptor = journal._descriptor, os.open("/dev/full", os.O_WRONLY)
    with caplog.at_level(logging.ERROR):
        answers = [logging_server.infer(kit.body_of()) for _ in range(3)]
    os.close(journal._descriptor)
    journal._descriptor = real
    assert [answer.predictions for answer in answers] == [bundle.golden.expected] * 3
    assert (journal.entries, journal.dropped) == (1, 3)
    assert (
        caplog.text.count("prediction log: 1 entries dropped so far: [Errno 28] No space left on device. Answers go on")
        == 1
    )
    assert "airloop_log_dropped_total 3.0" in logging_server.ask("GET", "/metrics").body.decode()
    logging_server.infer(kit.body_of())
    (table,) = stored(workspace, logging_server)
    assert table.num_rows == 10


def test_a_long_backlog_drops_entries(tmp_path, workspace, kit, caplog):
    journal = Journal(tmp_path / "journal", most_backlog=10)
    loaded = kit.open_loaded(kit.write_bundle(workspace.store), kit.proof.Proof(True, True))
    for _ in range(3):
        journal.add(loaded, "x", [[1]] * 6, [0.5])
    assert (journal.entries, journal.dropped) == (1, 2)
    assert "more than 0 MB wait for the store" in caplog.text
    journal.close_segment()
    assert sum(isinstance(entry, journals.Answered) for entry in read(next((tmp_path / "journal").iterdir()))) == 1


def test_a_store_that_refuses_keeps_the_segments(logging_server, workspace, kit):
    logging_server.put(champion=kit.state_of(kit.write_bundle(workspace.store)))
    logging_server.infer(kit.body_of())
    logging_server.process.journal.close_segment()
    (workspace.home / "store" / "predictions").write_text("a file where a folder must be")
    with pytest.raises(OSError, match="predictions"):
        compact(workspace.home / "serving" / "journal", workspace.store_url)
    assert len(segments(workspace)) == 1


@pytest.mark.slow
def test_a_killed_server_loses_nothing_and_a_stopped_one_writes_everything(start, workspace, kit):
    bundle = kit.write_bundle(workspace.store)
    served = start("--no-recall")
    served.client().put_state("flights", {"champion": kit.state_of(bundle)})
    client = served.http()
    for number in range(20):
        assert (
            client.post("/v2/models/flights/infer", json=kit.body_of(identity=f"a{number}", pick=[0])).status_code
            == 200
        )
    served.process.kill()
    served.process.wait()
    assert tables(workspace) == []
    again = start("--no-recall")
    again.client().put_state("flights", {"champion": kit.state_of(bundle)})
    again.http().post("/v2/models/flights/infer", json=kit.body_of(identity="b"))
    deadline = time.monotonic() + 20
    while not tables(workspace) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert again.stop() == 0
    ids = [identity for table in tables(workspace) for identity in table["request_id"].to_pylist()]
    assert sorted(ids) == sorted([f"a{number}" for number in range(20)] + ["b"] * 5)
    assert segments(workspace) == []
