"""The prediction log at once in the store, for whoever cannot wait for it."""

from __future__ import annotations

import asyncio
import logging

import pyarrow.parquet as pq
import pytest

pytestmark = pytest.mark.slow


FLUSH = "/admin/predictions/flush"


def ids(workspace) -> list[str]:
    """Return the request ids in the store, once per row."""
    paths = (workspace.home / "store" / "predictions").rglob("*.parquet")
    return sorted(one for path in paths for one in pq.read_table(path, partitioning=None)["request_id"].to_pylist())


def test_all_that_was_answered_is_in_the_store_once_it_answers(logging_server, workspace, kit):
    """Two at once wait for each other: each finds its own rows there."""
    logging_server.put(champion=kit.state_of(kit.write_bundle(workspace.store)))
    seen = []

    async def ask_and_flush(identity: str) -> int:
        body = kit.json.dumps(kit.body_of(identity=identity, pick=[0])).encode()
        await logging_server.answer("POST", "/v2/models/flights/infer", [body], kit.TOKENS.infer)
        answer = await logging_server.answer("POST", FLUSH, [b""], kit.TOKENS.admin)
        seen.append((identity, identity in ids(workspace)))
        return answer.status

    async def both() -> list[int]:
        return await asyncio.gather(ask_and_flush("first"), ask_and_flush("second"))

    assert logging_server.run(both()) == [200, 200]
    assert sorted(seen) == [("first", True), ("second", True)]
    assert ids(workspace) == ["first", "second"]


def test_a_store_that_refuses_is_told_and_nothing_is_lost(logging_server, workspace, kit, caplog):
    logging_server.put(champion=kit.state_of(kit.write_bundle(workspace.store)))
    logging_server.infer(kit.body_of(identity="kept", pick=[0]))
    blocked = workspace.home / "store" / "predictions"
    blocked.write_text("a file where a folder must be")
    with caplog.at_level(logging.ERROR):
        answer = logging_server.ask("POST", FLUSH, token=kit.TOKENS.admin)
    assert (answer.status, "the store does not take the prediction log" in answer.error) == (503, True)
    assert "the store does not take it" in caplog.text
    blocked.unlink()
    assert logging_server.ask("POST", FLUSH, token=kit.TOKENS.admin).json == {"flushed": True}
    assert ids(workspace) == ["kept"]


def test_it_is_for_administrators(logging_server, kit):
    assert logging_server.ask("POST", FLUSH, token=kit.TOKENS.infer).status == 403
    assert logging_server.ask("POST", FLUSH, token=None).status == 401
    assert logging_server.ask("GET", FLUSH, token=kit.TOKENS.admin).headers[b"allow"] == b"POST"


def test_a_server_without_a_log_says_so(server, kit):
    answer = server.ask("POST", FLUSH, token=kit.TOKENS.admin)
    assert (answer.status, answer.error) == (409, "this server keeps no prediction log")
