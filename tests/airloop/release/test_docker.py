"""The Docker target beyond what every target must do: healing, adopting, ending, and saying why."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time

import pytest

from airloop.errors import BundleError
from airloop.refs import BundleRef
from airloop.release import set_right
from airloop.release.target import Placed, State
from airloop.spec.model import Serving

from .docker_rig import DockerRig
from .test_conformance import placed, requests_all_the_time

pytestmark = [pytest.mark.docker, pytest.mark.timeout(300)]


@pytest.fixture
def rig(stack: DockerRig) -> DockerRig:
    """A stack that serves version 1."""
    stack.target.apply("flights", State(placed(stack.bundles[0])))
    return stack


def both(rig: DockerRig, percent: int = 50) -> State:
    return State(placed(rig.bundles[0]), placed(rig.bundles[1]), percent)


def one_server(rig: DockerRig) -> str:
    (name,) = rig.containers("server")
    return name


def test_the_endpoint_is_the_gateways(rig: DockerRig) -> None:
    assert rig.target.endpoint("flights") == f"{rig.workspace.gateway_url}/v2/models/flights/infer"


def test_a_version_runs_in_one_container_named_after_its_image(rig: DockerRig) -> None:
    name = one_server(rig)
    image = rig.bundles[0].image.partition("sha256:")[2]
    assert name.startswith(f"{rig.workspace.prefix}-flights-{image[:12]}-")
    container = rig.engine.containers.get(name)
    told = {key.removeprefix("dev.airloop."): value for key, value in container.labels.items()}
    assert (told["pipeline"], told["version"], told["bundle"]) == ("flights", "1", rig.bundles[0].digest)
    assert told["image"] == rig.bundles[0].image


def test_what_no_state_names_any_more_is_ended(rig: DockerRig) -> None:
    rig.target.apply("flights", both(rig))
    assert len(rig.containers("server")) == 2
    rig.target.apply("flights", State(placed(rig.bundles[1])))
    assert rig.engine.containers.get(one_server(rig)).labels["dev.airloop.version"] == "2"
    rig.target.apply("flights", State())
    assert rig.containers("server") == {}


@pytest.mark.parametrize("how", ["removed", "killed", "paused"])
def test_a_container_that_is_gone_is_not_served_and_applying_the_same_heals_it(rig: DockerRig, how: str) -> None:
    rig.target.apply("flights", both(rig))
    rig.send(10)
    counted = rig.target.observe("flights").champion.requests
    name = next(
        n for n in rig.containers("server") if rig.engine.containers.get(n).labels["dev.airloop.version"] == "2"
    )
    container = rig.engine.containers.get(name)
    {"removed": lambda: container.remove(force=True), "killed": container.kill, "paused": container.pause}[how]()
    if how != "paused":  # a paused one takes requests, and time
        assert rig.target.observe("flights").state == State(placed(rig.bundles[0]))
        assert rig.send(10) == {"1": 10}  # the champion stands in for it
        counted += 10
    rig.target.apply("flights", both(rig))
    seen = rig.target.observe("flights")
    assert seen.state == both(rig)
    assert seen.champion.requests == counted
    assert set(rig.send(40)) == {"1", "2"}


def test_a_container_that_dies_says_why_and_nothing_changes(rig: DockerRig) -> None:
    """Its image holds another bundle than the one that was verified."""
    other = Placed(rig.bundles[2].digest, "3", rig.bundles[1].image)
    with pytest.raises(
        BundleError, match=r"(?s)version 3 cannot be served: container .* ended with exit code 1.*last"
    ) as told:
        rig.target.apply("flights", State(placed(rig.bundles[0]), other, 10))
    assert rig.bundles[2].digest[:12] in str(told.value)
    assert rig.target.observe("flights").state == State(placed(rig.bundles[0]))
    assert len(rig.containers("server")) == 1


def test_a_champion_that_cannot_run_any_more_keeps_no_other_from_its_place(rig: DockerRig) -> None:
    """Its container is gone, its image, and what is known of that."""
    gone = rig.packaged_anew(4)
    rig.target.apply("flights", State(placed(gone)))
    rig.engine.containers.get(one_server(rig)).remove(force=True)
    rig.engine.images.remove(gone.image, force=True)
    shutil.rmtree(rig.home / "store" / "images" / gone.image.removeprefix("sha256:"))
    with pytest.raises(BundleError, match="Nothing was changed"):
        rig.target.apply("flights", State(placed(gone)))
    rig.target.apply("flights", State(placed(gone), placed(rig.bundles[0]), 0))
    rig.target.apply("flights", State(placed(rig.bundles[0])))
    assert rig.send(5) == {"1": 5}


def test_another_limit_comes_into_force_without_a_gap(rig: DockerRig) -> None:
    before = one_server(rig)
    smaller = rig.opened_anew(Serving(memory="300MB"))
    with requests_all_the_time(rig) as answered:
        smaller.apply("flights", State(placed(rig.bundles[0])))
    assert answered.total() > 0
    after = one_server(rig)
    assert after != before
    assert rig.engine.containers.get(after).attrs["HostConfig"]["Memory"] == 300_000_000


def test_a_limit_that_it_cannot_live_with_changes_nothing(rig: DockerRig) -> None:
    before = one_server(rig)
    with pytest.raises(BundleError, match=r"version 1 cannot be served: container .* used more than its 8MB of memory"):
        rig.opened_anew(Serving(memory="8MB")).apply("flights", State(placed(rig.bundles[0])))
    assert one_server(rig) == before
    assert rig.send(5) == {"1": 5}


def test_gateway_and_servers_that_start_anew_are_adopted(rig: DockerRig) -> None:
    rig.target.apply("flights", both(rig))
    (gateway,) = rig.containers("gateway")
    rig.engine.containers.get(gateway).restart(timeout=5)
    assert rig.opened_anew().observe("flights").state == both(rig)
    rig.restart()
    names = rig.containers("server")
    rig.opened_anew().apply("flights", both(rig))
    assert rig.containers("server") == names
    assert set(rig.send(40)) == {"1", "2"}
    rig.engine.containers.get(gateway).remove(force=True)
    assert rig.opened_anew().observe("flights").state == both(rig)
    assert rig.send(5).total() == 5


def test_two_pipelines_at_once_do_not_disturb_each_other(rig: DockerRig) -> None:
    other = rig.packaged_anew(2, pipeline="trains")
    failed: list[BaseException] = []

    def act(pipeline: str, bundle: BundleRef, candidate: BundleRef) -> None:
        try:
            for percent in (0, 30, 60):
                rig.opened_anew().apply(pipeline, State(placed(bundle), placed(candidate), percent))
        except BaseException as error:
            failed.append(error)

    third = rig.packaged_anew(3, pipeline="trains")
    pairs = [("flights", rig.bundles[0], rig.bundles[1]), ("trains", other, third)]
    threads = [threading.Thread(target=act, args=pair) for pair in pairs]
    with requests_all_the_time(rig) as answered:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failed == [] and answered.total() > 0
    for pipeline, bundle, candidate in pairs:
        assert rig.target.observe(pipeline).state == State(placed(bundle), placed(candidate), 60)
    rig.target.apply("trains", State())
    assert len(rig.containers("server")) == 2


@pytest.mark.parametrize("after_s", [0.05, 0.6, 1.2])
def test_a_run_that_is_killed_while_it_applies_leaves_nothing_that_the_next_does_not_mend(
    rig: DockerRig, after_s: float
) -> None:
    child = os.fork()
    if not child:
        try:
            rig.opened_anew().apply("flights", State(placed(rig.bundles[2]), placed(rig.bundles[1]), 30))
        finally:
            os._exit(0)
    time.sleep(after_s)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert rig.send(20).total() == 20
    rig.target.apply("flights", both(rig, 30))
    assert rig.target.observe("flights").state == both(rig, 30)
    assert len(rig.containers("server")) == 2


def promoted(rig: DockerRig, pipeline: str, *bundles: BundleRef) -> None:
    """Write into the ledger that these went live, one after the other."""
    for generation, bundle in enumerate(bundles):
        rig.workspace.ledger.promote(
            pipeline,
            "docker",
            bundle=bundle.digest,
            version=bundle.version,
            data_cut_off=bundle.data_cut_off,
            expected_generation=generation,
            run_id=f"run-{generation}",
            reasons=(),
            image=bundle.image,
        )


def test_monitoring_finds_a_champion_that_is_gone_and_starts_it_again(stack: DockerRig) -> None:
    bundle = stack.packaged_anew(3, "mended")
    promoted(stack, "mended", bundle)
    stack.target.apply("mended", State(placed(bundle)))
    assert set_right(stack.workspace, "mended", stack.target, run_id="monitor") == []
    next(one for one in stack.engine.containers.list() if "-mended-" in one.name).remove(force=True)
    said = set_right(stack.workspace, "mended", stack.target, run_id="monitor")
    assert said == [
        f"the ledger says {stack.workspace.ledger.live('mended', 'docker')} is live, the target serves no champion",
        "the target serves the ledger's champion alone again",
    ]
    assert stack.target.observe("mended").state == State(placed(bundle))
    stack.target.apply("mended", State())


def test_images_that_cannot_go_live_any_more_are_removed(stack: DockerRig) -> None:
    """Versions 2 and 4 of this pipeline were live, 1 was older than both; 5 is newer and may be waiting."""
    pipeline = "kept"
    one, two, four, five = (stack.packaged_anew(number, pipeline) for number in (1, 2, 4, 5))
    promoted(stack, pipeline, two, four)
    assert stack.target.keep(pipeline, {two.digest, four.digest}) == (one.digest,)
    assert stack.target.keep(pipeline, {four.digest}) == (two.digest,)
    assert stack.target.keep(pipeline, {four.digest}) == ()
    there = {image["Id"] for image in stack.engine.api.images()}
    assert {one.image, two.image} & there == set()
    assert {four.image, five.image} <= there
    stack.target.apply(pipeline, State(placed(two)))  # a roll back far into the past: made again of its bundle
    stack.target.apply(pipeline, State())
