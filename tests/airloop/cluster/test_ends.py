"""Containers that end and are started again on a real cluster, in pods that go on."""

from __future__ import annotations

import pytest
from tests.kubernetes_cluster import plain_image

from airloop.cluster.ends import ends_of

from .conftest import pod, wait_for

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(240)]
WORN = {"case": "worn"}
WEARS_OUT = "import sys, time; print('serving', file=sys.stderr); time.sleep(2); sys.exit(3)"


def is_again(cluster, name):
    (container,) = cluster.get("v1", "Pod", name)["status"]["containerStatuses"]
    return container["restartCount"] == 1 and "running" in container["state"]


@pytest.fixture
def worn(cluster):
    cluster.apply(pod("worn", plain_image(), "python", "-c", WEARS_OUT, labels=WORN))
    yield "worn"
    cluster.delete("v1", "Pod", "worn", grace_s=0)


def test_an_end_is_told_while_the_pod_runs_again_and_stays_the_same_one(cluster, worn):
    first = wait_for(lambda: ends_of(cluster, WORN))
    assert list(first.values()) == ["pod worn: container main ended with exit code 3. It said last: serving"]
    wait_for(lambda: is_again(cluster, worn))
    assert ends_of(cluster, WORN) == first
    another = wait_for(lambda: ends_of(cluster, WORN).keys() - first.keys(), 90)
    assert len(another) == 1


def test_pods_that_are_well_or_leave_tell_of_none(cluster, worn):
    wait_for(lambda: ends_of(cluster, WORN))
    assert ends_of(cluster, {"case": "another"}) == {}
    cluster.delete("v1", "Pod", worn, grace_s=0)
    assert wait_for(lambda: ends_of(cluster, WORN) == {})
