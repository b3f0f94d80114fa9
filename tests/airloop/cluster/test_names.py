"""Names and labels that Kubernetes takes, and that can be told apart."""

from __future__ import annotations

import re

import pytest

from airloop.cluster import annotations, labels, name_of, selector
from airloop.workspace import Workspace

LABEL = r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?"
VALUE = r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?"


def stack(prefix: str) -> Workspace:
    return Workspace.from_environment({"AIRLOOP_HOME": "/nowhere", "AIRLOOP_PREFIX": prefix})


def test_a_name_can_be_read():
    assert name_of(stack("airloop"), "flight_delays") == "airloop-flight-delays"
    assert name_of(stack("airloop"), "flight_delays", "champion") == "airloop-flight-delays--champion"
    assert name_of(stack("airloop"), "churn", "0f3a", "v-2") == "airloop-churn--0f3a--v-2"


@pytest.mark.parametrize(
    "given",
    [
        ("airloop", "a" * 60),
        ("airloop", "churn", "x" * 64),
        ("0dev", "churn"),
        ("Dev.Team", "churn"),
        ("dev-", "churn", "a_b"),
        ("---", "_"),
    ],
)
def test_what_no_name_may_be_ends_in_a_hash(given):
    prefix, *rest = given
    name = name_of(stack(prefix), *rest)
    assert re.fullmatch(LABEL, name) and len(name) <= 46
    assert re.search("-[0-9a-f]{10}$", name)


def test_different_things_have_different_names():
    given = [
        ("a-b", "c"),
        ("a", "b_c"),
        ("a", "b-c"),
        ("a", "b", "c"),
        ("a", "b__c"),
        ("a_b", "c"),
        ("a", "b", "c-d"),
        ("a", "b", "c", "d"),
        ("a", "b_c", "d"),
        ("a", "b", "c_d"),
        ("a", "b" * 60),
        ("a", "b" * 61),
        ("A", "b_c"),
    ]
    names = {name_of(stack(prefix), *rest) for prefix, *rest in given}
    assert len(names) == len(given)


def test_labels_are_those_that_kubernetes_recommends_and_ours():
    found = labels(stack("airloop"), "server", "flight_delays", version="7", server_name="x")
    assert found == {
        "app.kubernetes.io/name": "airloop",
        "app.kubernetes.io/instance": "airloop",
        "app.kubernetes.io/component": "server",
        "app.kubernetes.io/part-of": "airloop",
        "app.kubernetes.io/managed-by": "airloop",
        "app.kubernetes.io/version": "7",
        "airloop.dev/stack": "airloop",
        "airloop.dev/role": "server",
        "airloop.dev/pipeline": "flight_delays",
        "airloop.dev/version": "7",
        "airloop.dev/server-name": "x",
    }


def test_values_that_no_label_may_have_are_cut_and_still_differ():
    texts = ["b" * 64, "b" * 65, "registry/x@sha256:" + "5a" * 32, "2013-03-18T00:00:00+00:00", "…", "-", "_x_", "a b"]
    found = [labels(stack("s"), "server", bundle=text)["airloop.dev/bundle"] for text in texts]
    assert all(re.fullmatch(VALUE, value) and len(value) <= 63 for value in found)
    assert len(set(found)) == len(texts)
    assert annotations(bundle="b" * 64, image="", last_seen="…") == {
        "airloop.dev/bundle": "b" * 64,
        "airloop.dev/last-seen": "…",
    }


def test_a_selector_names_every_label():
    assert selector({"b": "2", "a": "1"}) == "a=1,b=2"
    assert selector({}) == ""
