"""What a server container is made of; nothing is started here."""

from __future__ import annotations

import hashlib
import os

import pytest

from airloop.engine import server_container
from airloop.engine.server_container import Server, arguments, name_of
from airloop.errors import ImageError
from airloop.serving import proof
from airloop.serving.tokens import Tokens
from airloop.spec.model import Serving
from airloop.workspace import Workspace

IMAGE = "registry.example/churn@sha256:" + "5a" * 32
TOKENS = Tokens("may infer", "may administer")
SERVER = Server("stack-churn-5a5a5a5a5a5a", "churn", "7", "b" * 64, IMAGE)


@pytest.fixture
def workspace(tmp_path) -> Workspace:
    (tmp_path / "store").mkdir()
    return Workspace.from_environment({"AIRLOOP_HOME": str(tmp_path), "AIRLOOP_PREFIX": "stack"})


def remote(workspace: Workspace) -> Workspace:
    return Workspace.from_environment(
        {"AIRLOOP_HOME": str(workspace.home), "AIRLOOP_PREFIX": "stack", "AIRLOOP_STORE": "memory://bucket"}
    )


def test_a_container_is_named_by_its_image(workspace):
    assert name_of(workspace, "churn", IMAGE) == SERVER.name
    assert name_of(workspace, "churn", "sha256:" + "5a" * 32) == SERVER.name
    with pytest.raises(ImageError, match="churn: image 'churn:latest' is not named by its digest"):
        name_of(workspace, "churn", "churn:latest")


def test_a_server_may_do_nothing_but_answer(workspace):
    given = arguments(workspace, Serving(cpus=0.5, memory="256MB"), SERVER, TOKENS, environ={})
    assert given["image"] == IMAGE and given["network_mode"] == "none" and given["read_only"]
    assert given["cap_drop"] == ["ALL"] and given["security_opt"] == ["no-new-privileges:true"]
    assert (given["nano_cpus"], given["mem_limit"], given["memswap_limit"]) == (500_000_000, 256_000_000, 256_000_000)
    assert given["restart_policy"] == {"Name": "always"}
    assert given["labels"] == {
        "dev.airloop.stack": "stack",
        "dev.airloop.role": "server",
        "dev.airloop.pipeline": "churn",
        "dev.airloop.version": "7",
        "dev.airloop.bundle": "b" * 64,
        "dev.airloop.image": IMAGE,
    }


def test_a_server_under_verification_differs_in_its_log_and_its_restarts_only(workspace):
    live = arguments(workspace, Serving(), SERVER, TOKENS, environ={})
    checked = arguments(workspace, Serving(), SERVER, TOKENS, role="verification", environ={})
    assert {name for name in live if live[name] != checked[name]} == {
        "command", "environment", "labels", "mounts", "restart_policy",
    }  # fmt: skip
    assert checked["command"] == [*live["command"], "--no-log"]
    assert [mount["Target"] for mount in checked["mounts"]] == ["/run/airloop"]


def test_what_anybody_may_inspect_has_no_secret(workspace):
    given = arguments(workspace, Serving(), SERVER, TOKENS, environ={})
    assert given["environment"]["AIRLOOP_ADMIN_TOKEN_SHA256"] == hashlib.sha256(b"may administer").hexdigest()
    assert "may administer" not in str(given) and "may infer" not in str(given)


def test_a_pipeline_s_servers_write_their_own_predictions_only(workspace):
    given = arguments(workspace, Serving(), SERVER, TOKENS, environ={})
    sockets, journals, log = given["mounts"]
    assert (sockets["Source"], sockets["Target"]) == ("stack-sockets", "/run/airloop")
    assert (journals["Source"], journals["Target"]) == ("stack-journals", "/var/lib/airloop")
    written = workspace.home / "store" / "predictions" / "churn"
    assert log == {"Type": "bind", "Source": str(written), "Target": "/opt/airloop/store/predictions/churn"}
    assert given["environment"]["AIRLOOP_STORE"] == "/opt/airloop/store"
    assert given["environment"]["AIRLOOP_HOME"] == "/var/lib/airloop/churn"
    assert written.stat().st_uid == int(given["user"].partition(":")[0])


def test_a_store_in_a_volume_lends_the_predictions_alone(workspace):
    given = arguments(workspace, Serving(), SERVER, TOKENS, environ={"AIRLOOP_DOCKER_STORE_VOLUME": "stack-store"})
    assert given["mounts"][-1] == {
        "Type": "volume",
        "Source": "stack-predictions",
        "Target": "/opt/airloop/store/predictions",
    }


def test_a_remote_store_needs_a_network(workspace):
    with pytest.raises(ImageError, match=r"memory://bucket is not on this machine.*set AIRLOOP_DOCKER_NETWORK"):
        arguments(remote(workspace), Serving(), SERVER, TOKENS, environ={})
    quiet = arguments(remote(workspace), Serving(log_predictions=False), SERVER, TOKENS, environ={})
    assert quiet["network_mode"] == "none"
    given = arguments(remote(workspace), Serving(), SERVER, TOKENS, environ={"AIRLOOP_DOCKER_NETWORK": "net"})
    assert (given["network_mode"], given["environment"]["AIRLOOP_STORE"]) == ("net", "memory://bucket")


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
def test_a_server_is_whoever_owns_the_store_but_never_root(workspace):
    store = workspace.home / "store"
    os.chown(store, 0, 0)
    assert server_container.user_of(workspace) == "10001:10001"
    os.chown(store, 4242, 2424)
    assert server_container.user_of(workspace) == "4242:2424"
    given = arguments(workspace, Serving(), SERVER, TOKENS, environ={})
    assert given["user"] == "4242:2424"
    assert (store / "predictions" / "churn").stat().st_uid == 4242


def test_a_server_is_told_which_shortcuts_were_proved(workspace):
    assert proof.VARIABLE not in arguments(workspace, Serving(), SERVER, TOKENS, environ={})["environment"]
    shown = proof.Proof(arrays=True, forest=True, rows=9)
    proof.keep(workspace.store, SERVER.bundle, shown)
    told = arguments(workspace, Serving(), SERVER, TOKENS, environ={})["environment"]
    assert proof.told(told, SERVER.bundle) == shown
    assert proof.told(told, "c" * 64) == proof.NONE
