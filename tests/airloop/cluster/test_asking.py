"""A silent API server is asked again for as long as patience lasts."""

from __future__ import annotations

from typing import Any

import pytest
from urllib3.exceptions import ProtocolError

from airloop.cluster.asking import Counted


class Pool:
    """Connections that break ``silent`` times."""

    def __init__(self, silent: int) -> None:
        self.silent = silent

    def request(self, *_given: Any, **_more: Any) -> str:
        self.silent -= 1
        if self.silent >= 0:
            raise ProtocolError("Connection aborted.")
        return "answered"


def test_it_is_asked_again_while_patience_lasts() -> None:
    pool = Counted(Pool(silent=1), patience_s=5)
    assert (pool.request("GET", "/"), pool.calls) == ("answered", 2)


def test_without_patience_the_first_silence_is_told() -> None:
    pool = Counted(Pool(silent=1))
    with pytest.raises(ProtocolError, match=r"Connection aborted"):
        pool.request("GET", "/")
    assert pool.calls == 1
