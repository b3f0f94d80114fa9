"""A real cluster: objects are applied, found, changed and deleted; commands run; rights that are missing are named."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from kubernetes import client, config
from tests.kubernetes_cluster import kubeconfig, plain_image, workspace_on

from airloop.cluster import answering, connected, labels
from airloop.cluster.reaching import close_connections
from airloop.errors import ClusterRefused, Unreachable

from .conftest import is_running, pod, wait_for

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(180)]


def settings(workspace, name, **data):
    about = labels(workspace, "test", "churn", name=name)
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": about}, "data": data}


def test_an_object_is_applied_found_and_deleted(cluster, workspace):
    wanted = settings(workspace, "one", a="1")
    assert cluster.get(wanted) is None
    made = cluster.apply(wanted)
    assert made["metadata"]["namespace"] == cluster.namespace
    assert made["metadata"]["managedFields"][0]["manager"] == "airloop"
    assert cluster.get("v1", "ConfigMap", "one")["data"] == {"a": "1"}
    assert cluster.delete("v1", "ConfigMap", "one") is True
    assert cluster.delete("v1", "ConfigMap", "one", grace_s=0) is False


def test_what_others_set_stays_and_what_is_not_said_any_more_goes(cluster, workspace):
    cluster.apply(settings(workspace, "two", a="1", b="2"))
    cluster.core.patch_namespaced_config_map("two", cluster.namespace, {"data": {"theirs": "3", "a": "edited"}})
    assert cluster.apply(settings(workspace, "two", a="1"))["data"] == {"a": "1", "theirs": "3"}
    assert cluster.patch("v1", "ConfigMap", "two", {"data": {"theirs": None}})["data"] == {"a": "1"}


def test_a_list_has_what_all_labels_are_on_and_nothing_else(cluster, workspace):
    for name in ("b", "a", "c"):
        cluster.apply(settings(workspace, name))
    found = cluster.list("v1", "ConfigMap", {"airloop.dev/stack": workspace.prefix, "airloop.dev/pipeline": "churn"})
    assert {"a", "b", "c"} <= {one["metadata"]["name"] for one in found}
    assert [one["metadata"]["name"] for one in found] == sorted(one["metadata"]["name"] for one in found)
    assert {(one["apiVersion"], one["kind"]) for one in found} == {("v1", "ConfigMap")}
    (only,) = cluster.list("v1", "ConfigMap", labels(workspace, "test", "churn", name="b"))
    assert only["metadata"]["name"] == "b"
    assert cluster.list("v1", "ConfigMap", {"airloop.dev/stack": "another"}) == []
    assert [one["metadata"]["name"] for one in cluster.list("v1", "ConfigMap", {}, {"metadata.name": "c"})] == ["c"]


def test_the_newest_version_that_the_server_offers_is_taken(cluster):
    assert cluster.offers("v1", "Pod") and cluster.offers("v1", "ReplicationController")
    assert not cluster.offers("v1", "Nonsense") and not cluster.offers("nobody.example/v1", "Nonsense")
    newest = cluster.newest("policy", "PodDisruptionBudget", ["v1", "v1beta1"])
    assert newest in ("policy/v1", "policy/v1beta1") and cluster.offers(newest, "PodDisruptionBudget")
    assert cluster.newest("autoscaling", "HorizontalPodAutoscaler", ["v9", "v1"]) == "autoscaling/v1"
    assert cluster.newest("", "Pod", ["v1"]) == "v1"
    assert cluster.newest("gateway.nobody.example", "HTTPRoute", ["v1", "v1beta1"]) is None


def test_every_request_is_counted_once(cluster):
    before = cluster.calls
    cluster.get("v1", "Pod", "nobody")
    cluster.core.list_namespaced_pod(cluster.namespace)
    cluster.offers("v1", "Pod")
    assert cluster.calls == before + 2


def test_what_lies_outside_the_namespace_is_not_touched(cluster):
    with pytest.raises(ClusterRefused, match="the cluster offers no Namespace of v1 in namespaces"):
        cluster.get("v1", "Namespace", "default")
    elsewhere = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "here", "namespace": "default"}}
    assert cluster.apply(elsewhere)["metadata"]["namespace"] == cluster.namespace


def test_an_invalid_object_and_a_missing_namespace_are_refused(cluster, tmp_path):
    with pytest.raises(ClusterRefused, match=r"the cluster refuses it: .*field not declared in schema"):
        cluster.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "nonsense": 1})
    with pytest.raises(ClusterRefused, match=r"the cluster refuses it: .*NOT_A_NAME"):
        cluster.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "NOT_A_NAME"}})
    with connected(workspace_on(tmp_path, "airloop-test-nowhere")) as other:
        with pytest.raises(ClusterRefused, match='namespaces "airloop-test-nowhere" not found'):
            other.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}})


def test_a_command_runs_in_a_container(cluster):
    cluster.apply(pod("sleeper", plain_image(), "sleep", "600"))
    wait_for(lambda: is_running(cluster, "sleeper"))
    before = cluster.calls
    assert cluster.run("sleeper", "main", ["python", "-c", "print('it is', 1 + 1)"]) == (0, "it is 2\n")
    assert cluster.calls == before + 1
    code, said = cluster.run("sleeper", "main", ["sh", "-c", "echo out; echo err >&2; exit 3"])
    assert (code, said) == (3, "out\nerr\n")
    with pytest.raises(Unreachable, match="sleep was not done within 1 s"):
        cluster.run("sleeper", "main", ["sleep", "30"], timeout_s=1)
    with pytest.raises(ClusterRefused, match="nobody"):
        cluster.run("sleeper", "nobody", ["true"])
    assert cluster.delete("v1", "Pod", "sleeper", grace_s=0)


def test_the_last_lines_of_a_log_are_read(cluster):
    cluster.apply(pod("talker", plain_image(), "python", "-c", "for n in range(50): print(n)\ninput()", stdin=True))
    assert wait_for(lambda: is_running(cluster, "talker") and cluster.logs("talker", lines=2)) == "48\n49"
    cluster.delete("v1", "Pod", "talker", grace_s=0)


def test_a_right_that_is_missing_is_named(cluster, workspace):
    with _as_nobody(cluster) as api:
        stranger = replace(workspace, kubernetes=replace(workspace.kubernetes, client=lambda: api))
        with connected(stranger) as other:
            who = f"system:serviceaccount:{cluster.namespace}:nobody has no right to"
            with pytest.raises(ClusterRefused, match=f"{who} get pods in namespace {cluster.namespace}: grant the"):
                other.get("v1", "Pod", "x")
            with pytest.raises(ClusterRefused, match=f"{who} patch deployments.apps"):
                other.apply({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x"}})
            with pytest.raises(ClusterRefused, match=f"{who} get pods/proxy"):
                other.door("x", "token").ready()
            with pytest.raises(ClusterRefused, match=f"{who} (get|create) pods/exec"):
                other.run("x", "main", ["true"])
            with pytest.raises(ClusterRefused, match=f"{who} list pods"), answering():
                other.core.list_namespaced_pod(cluster.namespace)


def test_a_pod_that_is_not_there_does_not_answer(cluster):
    assert not cluster.door("nobody", "token").ready()
    with pytest.raises(Unreachable, match=r'no model server at .*: pods "nobody" not found. `kubectl describe pod`'):
        cluster.door("nobody", "token").get_state("churn")


def test_the_client_is_left_as_it_was(workspace):
    with config.new_client_from_config(kubeconfig()) as api:
        pool = api.rest_client.pool_manager
        given = replace(workspace, kubernetes=replace(workspace.kubernetes, client=lambda: api))
        for _ in range(2):
            with connected(given) as cluster:
                assert cluster.get("v1", "Pod", "nobody") is None
        assert api.rest_client.pool_manager is pool
        close_connections(api)


@contextmanager
def _as_nobody(cluster) -> Iterator[client.ApiClient]:
    """Give a client with the token of a ServiceAccount that nobody gave any right."""
    cluster.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "nobody"}})
    about = {"name": "nobody-token", "annotations": {"kubernetes.io/service-account.name": "nobody"}}
    cluster.apply(
        {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token", "metadata": about}
    )
    secret = wait_for(lambda: (cluster.get("v1", "Secret", "nobody-token") or {}).get("data", {}).get("token"))
    made = client.Configuration()
    made.host, made.ssl_ca_cert = cluster.api.configuration.host, cluster.api.configuration.ssl_ca_cert
    made.api_key = {"BearerToken": f"Bearer {base64.b64decode(secret).decode()}"}
    with client.ApiClient(made) as api:
        yield api
        close_connections(api)
