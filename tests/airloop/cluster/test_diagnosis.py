"""Pods that do not come up on a real cluster, each for a reason of its own, which is told in words."""

from __future__ import annotations

import pytest
from tests.kubernetes_cluster import plain_image

from airloop.cluster.diagnosis import trouble_of
from airloop.errors import ClusterRefused

from .conftest import is_running, pod, wait_for

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(240)]
LAST_WORDS = "import sys; print('reading the bundle', file=sys.stderr); sys.exit('bundle altered: model.ubj')"


@pytest.fixture
def started(cluster):
    """Give what applies a pod; it is gone afterwards."""
    names = []

    def start(name, *command, image="", **more):
        made = pod(name, image or plain_image(), *command, labels={"case": name}, **more)
        names.append(name)
        cluster.apply(made)
        return name

    yield start
    for name in names:
        cluster.delete("v1", "Pod", name, grace_s=0)


def final_trouble(cluster, of):
    def look():
        found = trouble_of(cluster, of)
        return found if found and found.is_final else None

    return wait_for(look, 90).reason


def trouble_with(cluster, of, *words):
    def look():
        found = trouble_of(cluster, of)
        return found if found and all(word in found.reason for word in words) else None

    return wait_for(look, 90)


def test_an_image_that_is_missing(cluster, started):
    name, _, _ = plain_image().partition("@")
    image = f"{name}@sha256:{'0' * 64}"
    pod_name = started("missing", image=image)
    said = final_trouble(cluster, pod_name)
    assert said.startswith(f"pod missing: image {image} cannot be pulled (") and "not found" in said
    assert final_trouble(cluster, {"case": "missing"}).startswith("pod missing: image ")
    assert trouble_of(cluster, {"case": "another"}) is None
    assert trouble_of(cluster, "another") is None


def test_an_image_whose_name_is_none(cluster, started):
    said = final_trouble(cluster, started("unnamed", image="NOT/a:NAME:"))
    assert said.startswith("pod unnamed: image NOT/a:NAME: cannot be pulled (InvalidImageName)")


def test_a_registry_that_does_not_answer_may_come_back(cluster, started):
    started("silent", image="127.0.0.1:403/none@sha256:" + "0" * 64)
    found = trouble_with(cluster, "silent", "cannot be pulled", "connection refused")
    assert not found.is_final


def test_a_crash_and_its_last_words(cluster, started):
    said = final_trouble(cluster, started("crashing", "python", "-c", LAST_WORDS))
    assert said.startswith("pod crashing: container main ended with exit code 1")
    assert said.endswith("It said last: reading the bundle\nbundle altered: model.ubj")
    looping = trouble_with(cluster, "crashing", "CrashLoopBackOff")
    assert "exit code 1, started again" in looping.reason and "times (CrashLoopBackOff)" in looping.reason
    assert looping.is_final and "bundle altered: model.ubj" in looping.reason


def test_a_container_that_needs_more_memory(cluster, started):
    used = "print('fitting', flush=True); x = bytearray(200_000_000); x[::4096] = b'x' * len(x[::4096])"
    limits = {"limits": {"memory": "64M"}}
    said = final_trouble(cluster, started("hungry", "python", "-c", used, resources=limits))
    assert "pod hungry: container main needs more memory than its limit, 64M (OOMKilled)" in said
    assert said.endswith("It said last: fitting")


def test_a_pod_that_no_node_takes(cluster, started):
    started("huge", "true", resources={"requests": {"cpu": "5k"}})
    found = trouble_with(cluster, "huge", "pod huge: no node takes it (Unschedulable): 0/")
    assert "Insufficient cpu" in found.reason and not found.is_final


def test_a_secret_that_is_missing(cluster, started):
    started("poor", "true", envFrom=[{"secretRef": {"name": "store-keys"}}])
    said = final_trouble(cluster, "poor")
    assert said == (
        'pod poor: container main cannot be made (CreateContainerConfigError): secret "store-keys" not found'
    )


def test_a_command_that_is_not_in_the_image(cluster, started):
    said = final_trouble(cluster, started("wrong", "no-such-program"))
    assert said.startswith("pod wrong: container main ") and "no-such-program" in said


def test_a_pod_that_does_not_answer_yet(cluster, started):
    probe = {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1}
    started("quiet", "sleep", "600", readinessProbe=probe)
    found = trouble_with(cluster, "quiet", "pod quiet: Unhealthy: Readiness probe failed")
    assert not found.is_final


def test_a_pod_that_is_well(cluster, started):
    started("well", "sleep", "600")
    wait_for(lambda: is_running(cluster, "well"))
    assert wait_for(lambda: trouble_of(cluster, "well") is None)


def test_a_quota_that_is_exceeded(cluster):
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}}
    cluster.apply(quota)
    try:
        wait_for(lambda: (cluster.get(quota) or {}).get("status", {}).get("hard"))
        cluster.apply(deployment("over", {"case": "over"}))
        said = final_trouble(cluster, {"case": "over"})
        assert "the cluster takes no pod of it: " in said and "exceeded quota: none" in said
        with pytest.raises(ClusterRefused, match="exceeded quota: none"):
            cluster.apply(pod("single", plain_image(), "true"))
    finally:
        cluster.delete("v1", "ResourceQuota", "none")
        cluster.delete("apps/v1", "Deployment", "over")


def test_a_pod_that_admission_refuses(cluster):
    limits = [{"type": "Container", "max": {"memory": "1M"}}]
    limit = {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "tiny"}, "spec": {"limits": limits}}
    cluster.apply(limit)
    try:
        cluster.apply(deployment("refused", {"case": "refused"}, resources={"limits": {"memory": "2M"}}))
        said = final_trouble(cluster, {"case": "refused"})
        assert "the cluster takes no pod of it: " in said and "maximum memory usage per Container is 1M" in said
    finally:
        cluster.delete("v1", "LimitRange", "tiny")
        cluster.delete("apps/v1", "Deployment", "refused")


def deployment(name, labels, **more):
    template = pod(name, plain_image(), "sleep", "600", labels=labels, **more)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": template["spec"]},
        },
    }
