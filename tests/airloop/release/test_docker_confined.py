"""What a server container may not do, tried from inside."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airloop.engine.server_container import WRITABLE
from airloop.release.target import State
from airloop.serving.tokens import read_or_make

from .docker_rig import DockerRig
from .test_conformance import placed

pytestmark = [pytest.mark.docker, pytest.mark.timeout(300)]

PROBE = r"""
import json, os, pathlib, socket, subprocess, sys
found = {"uid": os.getuid(), "gid": os.getgid()}
status = dict(line.split(":", 1) for line in pathlib.Path("/proc/self/status").read_text().splitlines())
found |= {name: status[name].strip() for name in ("CapEff", "CapPrm", "CapBnd", "NoNewPrivs", "Seccomp")}
def tried(act):
    try:
        act()
        return "done"
    except (OSError, subprocess.SubprocessError) as error:
        return type(error).__name__ + ": " + str(error)
def write(folder):
    return tried(lambda: pathlib.Path(folder, "probe").write_bytes(b"x"))
folders = [place for place, *_ in os.walk("/") if not place.startswith(("/proc", "/sys"))]
found["writable"] = sorted(place for place in folders if write(place) == "done")
found["become root"] = tried(lambda: os.setuid(0))
found["mount"] = tried(lambda: subprocess.run(["mount", "-t", "tmpfs", "x", "/mnt"], check=True, capture_output=True)
                       if os.path.exists("/bin/mount") else os.chroot("/tmp"))
found["run from /tmp"] = tried(lambda: (pathlib.Path("/tmp/run").write_text("#!/bin/sh\n"), os.chmod("/tmp/run", 0o755),
                                        subprocess.run(["/tmp/run"], check=True)))
found["reach"] = {}
for address in json.loads(sys.argv[1]):
    found["reach"][address[0]] = tried(lambda: socket.create_connection(tuple(address), timeout=2))
found["interfaces"] = sorted(name for _, name in socket.if_nameindex())
found["setuid files"] = [os.path.join(place, name) for place, _, names in os.walk("/usr") for name in names
                         if os.lstat(os.path.join(place, name)).st_mode & 0o6000]
found["modules"] = [name for name in ("pip", "airflow", "docker", "sqlalchemy", "pydantic")
                    if __import__("importlib.util").util.find_spec(name)]
found["environment"] = sorted(os.environ.values())
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def found(stack: DockerRig) -> dict[str, Any]:
    """What a program in the container of version 1 finds out."""
    stack.target.apply("flights", State(placed(stack.bundles[0])))
    (name,) = stack.containers("server")
    (gateway,) = stack.containers("gateway")
    networks = stack.engine.containers.get(gateway).attrs["NetworkSettings"]["Networks"].values()
    addresses = [(network["IPAddress"], 8080) for network in networks] + [(n["Gateway"], 22) for n in networks]
    command = ["python", "-c", PROBE, json.dumps([*addresses, ("192.0.2.1", 5432)])]
    code, said = stack.engine.containers.get(name).exec_run(command)
    assert code == 0, said
    found: dict[str, Any] = json.loads(said)
    return found


def test_it_is_not_root_and_cannot_become_it(found: dict[str, Any]) -> None:
    assert found["uid"] != 0 and found["gid"] != 0
    assert {found[name] for name in ("CapEff", "CapPrm", "CapBnd")} == {"0" * 16}
    assert (found["NoNewPrivs"], found["Seccomp"]) == ("1", "2")
    assert found["become root"].startswith("PermissionError")
    assert found["mount"] != "done"
    assert found["setuid files"] == []


def test_it_writes_only_where_it_must(found: dict[str, Any]) -> None:
    allowed = (*WRITABLE, "/dev/")
    assert found["writable"] and [place for place in found["writable"] if not f"{place}/".startswith(allowed)] == []
    assert found["run from /tmp"].startswith("PermissionError")


def test_it_reaches_nobody(found: dict[str, Any]) -> None:
    assert found["interfaces"] == ["lo"]
    assert found["reach"] and all("unreachable" in said for said in found["reach"].values()), found["reach"]


def test_it_has_nothing_to_install_or_connect_with(found: dict[str, Any]) -> None:
    assert found["modules"] == []


def test_nothing_secret_is_in_it_or_in_what_the_engine_tells_of_it(stack: DockerRig, found: dict[str, Any]) -> None:
    granted = read_or_make(stack.workspace.home)
    (name,) = stack.containers("server")
    told = json.dumps([found["environment"], stack.engine.containers.get(name).attrs])
    assert granted.infer not in told and granted.admin not in told


def test_its_limits_are_the_specs(stack: DockerRig, found: dict[str, Any]) -> None:
    (name,) = stack.containers("server")
    host = stack.engine.containers.get(name).attrs["HostConfig"]
    assert (host["Memory"], host["MemorySwap"], host["NanoCpus"]) == (512_000_000, 512_000_000, 1_000_000_000)
    assert host["PidsLimit"] == 64
    assert host["RestartPolicy"]["Name"] == "always"
    assert host["ReadonlyRootfs"] and host["NetworkMode"] == "none" and not host["Privileged"]
    assert host["LogConfig"]["Config"] == {"max-size": "10m", "max-file": "3"}
