"""What a cluster's errors mean; nothing is asked here but a port at which nobody listens."""

from __future__ import annotations

import json
import socket

import pytest
import yaml

from airloop.cluster import connected
from airloop.cluster.answers import meaning_of
from airloop.errors import ClusterRefused, Unreachable
from airloop.workspace import Workspace

NO_RIGHT = (
    'deployments.apps is forbidden: User "system:serviceaccount:ml:airloop" cannot patch resource "deployments" in API '
    'group "apps" in the namespace "ml"'
)


def status(message: str) -> bytes:
    return json.dumps({"kind": "Status", "message": message}).encode()


def test_a_missing_right_is_named():
    meant = meaning_of(403, status(NO_RIGHT))
    assert isinstance(meant, ClusterRefused)
    assert str(meant) == (
        "system:serviceaccount:ml:airloop has no right to patch deployments.apps in namespace ml: grant the verb in "
        "its Role (deploy/kubernetes has one with all that Airloop needs)"
    )


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (403, 'pods "x" is forbidden: exceeded quota: small, requested: cpu=1, used: cpu=0, limited: cpu=0'),
        (422, 'Deployment.apps "x" is invalid: spec.replicas: Invalid value: -1'),
        (400, 'admission webhook "images.example" denied the request: not signed'),
        (404, 'namespaces "ml" not found'),
        (500, "failed to create typed patch object: .spec.foo: field not declared in schema"),
    ],
)
def test_what_asking_again_cannot_change_is_refused(code, said):
    meant = meaning_of(code, status(said))
    assert isinstance(meant, ClusterRefused) and not meant.retryable
    assert str(meant) == f"the cluster refuses it: {said}"


@pytest.mark.parametrize("code", [408, 409, 429, 500, 503, 504])
def test_what_heals_can_be_asked_again(code):
    meant = meaning_of(code, status("too many requests"))
    assert isinstance(meant, Unreachable) and meant.retryable
    assert str(meant) == "the Kubernetes API server does not do it now: too many requests"


def test_credentials_that_do_not_count_are_named():
    assert str(meaning_of(401, status("Unauthorized"))) == (
        "the cluster does not know who asks (Unauthorized): are the kubeconfig's credentials valid?"
    )


@pytest.mark.parametrize("body", ["b'%s'", "%s"])
def test_a_handshake_that_was_refused_says_why(body):
    said = f"Handshake status 403 Forbidden -+-+- {{'date': 'now'}} -+-+- {body % status(NO_RIGHT).decode()}"
    meant = meaning_of(0, said)
    assert isinstance(meant, ClusterRefused) and "has no right to patch deployments.apps" in str(meant)


def test_an_answer_that_is_no_status_is_quoted():
    assert str(meaning_of(502, b"<html>bad gateway</html>")).endswith("does not do it now: <html>bad gateway</html>")
    assert str(meaning_of(502, b"")).endswith("does not do it now: HTTP 502")


def test_a_kubeconfig_that_is_missing_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    with (
        pytest.raises(Unreachable, match=r"no Kubernetes cluster is named: .*Set KUBECONFIG to a kubeconfig"),
        connected(Workspace.from_environment({"AIRLOOP_HOME": str(tmp_path)})),
    ):
        pass


def test_an_api_server_that_does_not_answer_says_what_to_do(tmp_path, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    monkeypatch.setenv("KUBECONFIG", str(write_kubeconfig(tmp_path, f"http://127.0.0.1:{port}")))
    with connected(Workspace.from_environment({"AIRLOOP_HOME": str(tmp_path)})) as cluster:
        assert cluster.namespace == "ml"
        with pytest.raises(Unreachable) as caught:
            cluster.get("v1", "Pod", "x")
        assert not cluster.door("x", "token").ready()
        with pytest.raises(Unreachable, match=r"no model server at .*Connection refused.*describe pod"):
            cluster.door("x", "token").get_state("churn")
        with pytest.raises(Unreachable, match=r"does not do it now: .*Connection refused"):
            cluster.run("x", "server", ["true"])
    assert f"the Kubernetes API server at http://127.0.0.1:{port} does not answer" in str(caught.value)
    assert "does KUBECONFIG name it" in str(caught.value) and "what runs in the cluster goes on" in str(caught.value)


def write_kubeconfig(folder, server):
    value = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": {"token": "secret"}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u", "namespace": "ml"}}],
        "current-context": "x",
    }
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(value))
    return path
