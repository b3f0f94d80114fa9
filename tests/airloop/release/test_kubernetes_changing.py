"""Which pods come and go, and who is led to them, when a champion is ill or a quota leaves no room."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from airloop.errors import Unreachable
from airloop.gateway.route import Route, Upstream
from airloop.release.kubernetes.changing import Changing
from airloop.release.kubernetes.fittings import Fittings
from airloop.release.kubernetes.servers import Servers
from airloop.release.kubernetes.traffic import ByPods
from airloop.release.target import Placed
from airloop.spec.model import Serving

from .cluster_in_memory import ClusterInMemory
from .conftest import workspace_in

pytestmark = pytest.mark.slow


class Place:
    """A pipeline with so many ``replicas`` in a cluster of its own."""

    def __init__(self, home: Path, replicas: int, *, ready_s: float = 3, **cluster: float) -> None:
        workspace = workspace_in(home, AIRLOOP_REGISTRY="registry.example.com/models")
        serving = Serving(replicas=replicas, log_predictions=False)
        self.cluster = ClusterInMemory(**cluster)
        common = (workspace, serving, "flights", self.cluster)
        servers = Servers(*common, ready_s=ready_s)
        self.changing = Changing(servers, ByPods(*common), Fittings(*common))
        self.one, self.two, self.three = (
            servers.upstream(Placed(digit * 64, digit, f"registry.example.com/models/flights@sha256:{digit * 64}"))
            for digit in "123"
        )

    def serve(self, champion: Upstream, candidate: Upstream | None = None, percent: int = 0) -> float:
        """Serve by such a route; return how many seconds that took."""
        began = time.monotonic()
        self.changing.change(Route(champion, candidate, percent))
        return time.monotonic() - began


def test_what_comes_beside_an_ill_champion_does_not_wait_for_it(tmp_path: Path) -> None:
    place = Place(tmp_path, replicas=2, ready_s=60)
    place.serve(place.one)
    place.serve(place.two)
    place.cluster.ill.add(place.two.server)
    assert place.serve(place.two, place.one) < 5
    assert place.serve(place.one) < 5
    assert place.cluster.answering() == {"1": 2}
    assert place.cluster.led[-1] == (place.one.server, {"1": 2})


def test_a_champion_that_lacks_a_pod_holds_nobody_up_either(tmp_path: Path) -> None:
    place = Place(tmp_path, replicas=3, ready_s=60)
    place.serve(place.one)
    place.cluster.ill.add(place.cluster.pods_of(place.one.server)[0])
    assert place.cluster.answering() == {"1": 2}
    assert place.serve(place.one, place.two) < 5
    assert place.cluster.answering() == {"1": 2, "2": 1}


def test_a_share_is_given_only_beside_a_champion_that_is_there(tmp_path: Path) -> None:
    place = Place(tmp_path, replicas=2, ready_s=1)
    place.serve(place.one)
    place.cluster.ill.add(place.one.server)
    place.serve(place.one, place.two)
    with pytest.raises(Unreachable, match=r"version 1 cannot be served by \S+ within 1 s: .*0/1 nodes are available"):
        place.serve(place.one, place.two, 50)
    assert place.cluster.led[-1][0] == place.one.server


def test_a_high_share_goes_back_to_pods_that_come_in_the_place_of_others(tmp_path: Path) -> None:
    place = Place(tmp_path, replicas=5)
    place.serve(place.one)
    place.serve(place.one, place.two)
    place.serve(place.one, place.two, 90)
    assert place.cluster.answering() == {"1": 1, "2": 9}
    assert place.serve(place.one) < 8
    assert place.cluster.led[-1] == (place.one.server, {"1": 5, "2": 5})
    time.sleep(place.cluster.ends_s)
    assert place.cluster.answering() == {"1": 5}


def test_a_champion_whose_pods_do_not_come_back_answers_with_those_it_has(tmp_path: Path) -> None:
    place = Place(tmp_path, replicas=5)
    place.serve(place.one)
    place.serve(place.one, place.two)
    place.serve(place.one, place.two, 90)
    place.cluster.starts_s = 20
    assert 10 < place.serve(place.one) < 15
    assert place.cluster.led[-1] == (place.one.server, {"1": 1, "2": 5})
    assert len(place.cluster.pods_of(place.one.server)) == 5


def test_a_champion_that_is_refused_pods_gets_them_when_the_candidate_is_gone(tmp_path: Path) -> None:
    place = Place(tmp_path, replicas=5, quota=10, ends_s=2)
    place.serve(place.one)
    place.serve(place.one, place.two)
    place.serve(place.one, place.two, 90)
    assert place.serve(place.one) < 8
    assert place.cluster.led[-1] == (place.one.server, {"1": 1, "2": 5})
    time.sleep(place.cluster.starts_s)
    assert place.cluster.answering() == {"1": 5}


def test_a_small_share_becomes_all_within_a_quota_that_has_no_room(tmp_path: Path) -> None:
    place = Place(tmp_path, replicas=5, quota=10, ready_s=8)
    place.serve(place.one)
    place.serve(place.one, place.two)
    place.serve(place.one, place.two, 10)
    assert place.cluster.answering() == {"1": 9, "2": 1}
    assert place.serve(place.two) < 8
    assert place.cluster.led[-1] == (place.two.server, {"1": 5, "2": 5})
