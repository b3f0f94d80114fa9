"""What a server may do in its container, as a decision with its reasons."""

from __future__ import annotations

import msgspec
import pytest

from airloop.engine.server_container import SCRATCH, SOCKETS
from airloop.verification.confinement import Seen, problems

CONFINED = Seen(
    users=(10001,) * 4,
    capabilities=("0000000000000000",),
    gains_privileges=False,
    interfaces=(),
    writable=("/dev/mqueue", SOCKETS, SCRATCH),
)
ONLY = f"only {SOCKETS} and {SCRATCH} are allowed"


def test_a_confined_server_has_no_problems():
    assert problems(CONFINED) == ()


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        ({"users": (10001, 10001, 0, 10001)}, "the server runs as root"),
        ({"capabilities": ("0" * 16, "00a80425fb")}, "the server holds or could get capabilities (00a80425fb)"),
        ({"gains_privileges": True}, "the server could gain privileges by running a set-user-ID program"),
        ({"interfaces": ("eth0",)}, "the server reaches a network, by eth0"),
        ({"writable": ("/opt/airloop", SCRATCH)}, f"the server can write /opt/airloop; {ONLY}"),
        ({"writable": (f"{SCRATCH}files",)}, f"the server can write {SCRATCH}files; {ONLY}"),
        ({"writable": tuple("abcde")}, f"the server can write a, b, c and 2 more; {ONLY}"),
    ],
)
def test_each_freedom_is_a_problem(seen, said):
    assert problems(msgspec.structs.replace(CONFINED, **seen)) == (said,)
