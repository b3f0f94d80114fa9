"""What a server may do in its container, as a decision with its reasons."""

from __future__ import annotations

import msgspec
import pytest

from airloop.engine.server_container import HOME, SCRATCH, SOCKETS
from airloop.verification.confinement import Seen, problems, problems_in_pod

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
        ({"has_account": True}, "the server could ask the cluster's API: it has a ServiceAccount's token"),
        ({"writable": ("/opt/airloop", SCRATCH)}, f"the server can write /opt/airloop; {ONLY}"),
        ({"writable": (f"{SCRATCH}files",)}, f"the server can write {SCRATCH}files; {ONLY}"),
        ({"writable": tuple("abcde")}, f"the server can write a, b, c and 2 more; {ONLY}"),
    ],
)
def test_each_freedom_is_a_problem(seen, said):
    assert problems(msgspec.structs.replace(CONFINED, **seen)) == (said,)


def test_a_pod_has_a_network_and_what_the_kubelet_puts_there_and_no_more():
    kubelets = ("/dev/mqueue", "/dev/shm", "/dev/termination-log", HOME, SCRATCH)  # noqa: S108
    in_pod = msgspec.structs.replace(CONFINED, interfaces=("eth0",), writable=kubelets)
    assert problems_in_pod(in_pod) == ()
    rooted = msgspec.structs.replace(in_pod, users=(0,) * 4, writable=(*kubelets, "/run"))
    assert problems_in_pod(rooted) == (
        "the server runs as root",
        f"the server can write /run; only {SCRATCH} and {HOME} are allowed",
    )
