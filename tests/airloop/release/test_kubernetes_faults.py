"""What befalls a rollout on a cluster: edits by others, evictions, images that nodes lost; the champion serves."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import psutil
import pytest
from tests.kubernetes_cluster import REGISTRY, REGISTRY_OF_NODES
from tests.kubernetes_door import FrontDoor

from airloop.cluster import diagnosis
from airloop.errors import Unreachable
from airloop.refs import BundleRef, ReleaseRef
from airloop.release import roll_back
from airloop.release.kubernetes import KubernetesTarget, manifests
from airloop.release.kubernetes.conditions import is_ready
from airloop.release.target import State
from airloop.release.waiting import Pace
from airloop.spec import Pipeline

from .conftest import pipeline_with
from .kubernetes_rig import SMALL, KubernetesRig
from .rigs import released
from .test_conformance import placed, requests_all_the_time
from .test_kubernetes import edit, wait_until, wrong_image

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(600)]

RULES = {"steps": [50, 100], "min_requests": 200, "max_latency_ratio": 1000, "step_timeout": "120s"}
PACE = Pace(look_every_s=0.3, tell_every_s=0.2, silence_s=1)
NUMBERS = itertools.count(4)


@pytest.fixture(scope="module")
def registry() -> Iterator[FrontDoor]:
    """A door to the registry, by which nodes alone go: the names that they pull by are ones they have never seen."""
    if REGISTRY_OF_NODES or not REGISTRY.startswith("127.0.0.1:"):
        pytest.skip("nodes on other machines do not reach a door on this one")
    port = REGISTRY.partition("/")[0].partition(":")[2]
    with closing(FrontDoor(("127.0.0.1", int(port)))) as door:
        yield door


@pytest.fixture(scope="module")
def stack(registry: FrontDoor, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubernetesRig]:
    nodes_name = f"127.0.0.1:{registry.port}/{REGISTRY.partition('/')[2]}"
    home = tmp_path_factory.mktemp("faults")
    with closing(KubernetesRig(home, settings={"registry": nodes_name})) as rig:
        assert run_release(rig, rig.bundles[0]).outcome == "RELEASED"
        yield rig


@pytest.fixture
def rig(stack: KubernetesRig, registry: FrontDoor) -> Iterator[KubernetesRig]:
    """The stack; afterwards the ledger's champion is served, another version at most is warm, nothing else is there."""
    yield stack
    registry.open()
    state = stack.target.observe("flights").state
    assert state.champion is not None and state.candidate is None
    assert state.champion.version == champion_of(stack)
    assert len(stack.deployments()) <= 2


def pipeline_of(rig: KubernetesRig, *, keep: int = 3, is_direct: bool = False) -> Pipeline:
    """Return the pipeline; ``is_direct``: without a step that waits for requests."""
    pipeline = pipeline_with(rig.workspace.pipelines, **RULES | ({"steps": [100]} if is_direct else {}))
    kept = pipeline.spec.release.model_copy(update={"keep": keep})
    return Pipeline(pipeline.spec.model_copy(update={"release": kept}), pipeline.folder)


def run_release(
    rig: KubernetesRig,
    bundle: BundleRef,
    report: Callable[[str], None] = print,
    target: KubernetesTarget | None = None,
    **how: Any,
) -> ReleaseRef:
    return released(rig, bundle, pipeline_of(rig, **how), PACE, report=report, target=target)


def released_while(rig: KubernetesRig, bundle: BundleRef, act: Callable[[], None]) -> list[str]:
    """Release ``bundle`` and ``act`` on the step of 50 %, requests all the time; return what was reported."""
    lines: list[str] = []

    def report(line: str) -> None:
        if line.startswith("50 %: ") and not any(one.startswith("50 %: ") for one in lines):
            act()
        lines.append(line)

    live = champion_of(rig)
    with requests_all_the_time(rig) as answered:
        assert run_release(rig, bundle, report).outcome == "RELEASED", lines
    assert set(answered) == {live, bundle.version}
    assert rig.send(20) == {bundle.version: 20}
    return lines


def champion_of(rig: KubernetesRig) -> str:
    live = rig.workspace.ledger.live("flights", "kubernetes")
    assert live is not None
    return live.version


@pytest.mark.parametrize(
    ("whose", "how"),
    [("champion", "edited"), ("champion", "scaled to nothing"), ("candidate", "edited"), ("candidate", "deleted")],
)
def test_a_deployment_that_somebody_changes_on_a_step_is_put_back(rig: KubernetesRig, whose: str, how: str) -> None:
    bundle, live = rig.packaged_anew(next(NUMBERS)), champion_of(rig)
    version = live if whose == "champion" else bundle.version

    def meddle() -> None:
        if how == "edited":
            edit(rig, version, wrong_image(rig))
        elif how == "deleted":
            rig.cluster.delete("apps/v1", "Deployment", rig.deployments()[version]["metadata"]["name"])
        else:
            edit(rig, version, {"spec": {"replicas": 0}})

    lines = released_while(rig, bundle, meddle)
    assert any("50 %: the target serves" in line and "back" in line for line in lines), lines


@pytest.mark.parametrize("whose", ["champion", "candidate"])
def test_a_pod_that_is_evicted_on_a_step_is_replaced(rig: KubernetesRig, whose: str) -> None:
    bundle, live = rig.packaged_anew(next(NUMBERS)), champion_of(rig)
    evicted: list[str] = []

    def meddle() -> None:
        evicted.append(evict(rig, live if whose == "champion" else bundle.version))

    released_while(rig, bundle, meddle)
    assert not {pod["metadata"]["name"] for pod in rig.pods() if is_ready(pod)} & set(evicted)
    wait_until(lambda: sum(map(is_ready, rig.pods())) == sum(d["spec"]["replicas"] for d in rig.deployments().values()))


def evict(rig: KubernetesRig, version: str) -> str:
    """Ask for the eviction of a version's pod, as a drain of its node does; return its name."""
    server = rig.deployments()[version]["metadata"]["name"]
    name = next(p["metadata"]["name"] for p in rig.pods() if p["metadata"]["labels"][manifests.SERVER] == server)
    wait_until(lambda: is_evicted(rig, name))
    return str(name)


def is_evicted(rig: KubernetesRig, name: str) -> bool:
    """Ask once; a disruption budget may want some time first."""
    from kubernetes.client import ApiException

    try:
        body = {"metadata": {"name": name, "namespace": rig.cluster.namespace}}
        rig.cluster.core.create_namespaced_pod_eviction(name, rig.cluster.namespace, body)
    except ApiException as error:
        assert error.status == 429, error
        return False
    return True


def test_an_image_that_cannot_be_pulled_now_is_told_and_comes_by_the_next_try(
    rig: KubernetesRig, registry: FrontDoor
) -> None:
    bundle, live = rig.packaged_anew(next(NUMBERS)), champion_of(rig)
    impatient = KubernetesTarget(rig.workspace, rig_spec(rig), ready_s=4)
    registry.shut()
    told = r"cannot be served by \S+ within 4 s: pod \S+: image \S+ cannot be pulled .*connection refused.*Retry"
    with requests_all_the_time(rig) as answered, pytest.raises(Unreachable, match=told) as caught:
        run_release(rig, bundle, target=impatient)
    assert caught.value.retryable and set(answered) == {live}
    registry.open()
    assert run_release(rig, bundle, is_direct=True).outcome == "RELEASED"
    assert rig.send(10) == {bundle.version: 10}


def rig_spec(rig: KubernetesRig) -> Any:
    return pipeline_of(rig).spec.model_copy(update={"serving": SMALL})


def test_an_image_that_vanished_from_its_node_is_pulled_again_once_the_registry_answers(
    rig: KubernetesRig, registry: FrontDoor
) -> None:
    bundle = rig.packaged_anew(next(NUMBERS))
    doubled = rig.opened_anew(replicas=2)
    assert run_release(rig, bundle, target=doubled, is_direct=True).outcome == "RELEASED"
    with requests_all_the_time(rig) as answered:
        forget(rig, bundle)
        registry.shut()
        evict(rig, bundle.version)
        wait_until(lambda: "cannot be pulled" in trouble(rig), 30)
        assert f"image 127.0.0.1:{registry.port}/" in trouble(rig)
        assert doubled.observe("flights").state == State(placed(bundle))
        registry.open()
        wait_until(lambda: sum(map(is_ready, rig.pods())) == 2 + (len(rig.deployments()) - 1))
    assert set(answered) == {bundle.version}


def trouble(rig: KubernetesRig) -> str:
    found = diagnosis.trouble_of(rig.cluster, manifests.of_pipeline(rig.workspace, "flights"))
    return found.reason if found else ""


def forget(rig: KubernetesRig, bundle: BundleRef) -> None:
    """Have the node forget an image, as its kubelet does when the disk is full; skip where the node is out of reach."""
    socket = next(filter(None, (runtime_of(process) for process in psutil.process_iter(["name", "cmdline"]))), "")
    if not socket or not shutil.which("ctr"):
        why = "no kubelet and ctr on this machine: its node's images cannot be removed"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(why)
    image = f"{rig.workspace.kubernetes.registry}/flights@{bundle.image.partition('@')[2]}"
    command = ["ctr", "--address", socket, "--namespace", "k8s.io", "images"]
    listed = subprocess.run([*command, "list", "-q"], capture_output=True, text=True, check=True).stdout.split()
    assert image in listed
    same = [line for line in listed if line.endswith(image.partition("@")[2])]
    subprocess.run([*command, "remove", "--sync", *same], capture_output=True, check=True)


def runtime_of(process: psutil.Process) -> str:
    """Return the socket of the runtime that a kubelet uses, "" for any other process."""
    words = process.info["cmdline"] or [] if process.info["name"] == "kubelet" else []
    asked = [word.partition("=")[2] for word in words if word.startswith("--container-runtime-endpoint=")]
    return asked[0].removeprefix("unix://") if asked else ""


def test_old_versions_are_pruned_as_release_keep_says(rig: KubernetesRig) -> None:
    numbers = [next(NUMBERS) for _ in range(3)]
    for number in numbers:
        assert run_release(rig, rig.packaged_anew(number), is_direct=True).outcome == "RELEASED"
        assert len(rig.deployments()) <= 2, "the champion, and the one before for a roll back"
    _, middle, last = map(str, numbers)
    assert set(rig.deployments()) == {middle, last}
    go_back(rig, keep=3)
    assert set(rig.deployments()) == {middle, last}, "what was gone back from is one of three releases"
    go_back(rig, keep=1)
    assert champion_of(rig) in rig.deployments() and last not in rig.deployments()


@pytest.mark.parametrize("whose", ["somebody", "nobody"])
def test_going_back_from_a_version_whose_pods_no_node_takes_any_more_takes_seconds(
    rig: KubernetesRig, whose: str
) -> None:
    """Nobody's is as when a node went away: Airloop's own template cannot be scheduled, and nothing was edited."""
    for number in (next(NUMBERS), next(NUMBERS)):
        bundle, live = rig.packaged_anew(number), champion_of(rig)
        assert run_release(rig, bundle, is_direct=True).outcome == "RELEASED"
    name = rig.deployments()[bundle.version]["metadata"]["name"]
    nowhere = {"spec": {"nodeSelector": {"airloop.dev/nowhere": "yes"}}}
    change = {"spec": {"strategy": {"type": "Recreate", "rollingUpdate": None}, "template": nowhere}}
    if whose == "somebody":
        edit(rig, bundle.version, change)
    else:
        rig.cluster.patch("apps/v1", "Deployment", name, change)
    wait_until(lambda: "no node takes it" in trouble(rig), 60)
    began = time.monotonic()
    go_back(rig, keep=3, run_id=f"undo-{number}")
    took_s = time.monotonic() - began
    print(f"rolled back in {took_s:.1f} s")
    assert took_s < 20
    assert champion_of(rig) == live
    assert rig.send(20) == {live: 20}


def test_going_back_from_a_version_whose_image_is_gone_takes_seconds(rig: KubernetesRig, registry: FrontDoor) -> None:
    for number in (next(NUMBERS), next(NUMBERS)):
        bundle, live = rig.packaged_anew(number), champion_of(rig)
        assert run_release(rig, bundle, is_direct=True).outcome == "RELEASED"
    forget(rig, bundle)
    registry.shut()
    evict(rig, bundle.version)
    wait_until(lambda: "cannot be pulled" in trouble(rig), 30)
    began = time.monotonic()
    go_back(rig, keep=3, run_id=f"undo-{number}")
    assert time.monotonic() - began < 20
    assert rig.send(20) == {live: 20}


def go_back(rig: KubernetesRig, keep: int, run_id: str = "") -> None:
    roll_back(
        rig.workspace,
        pipeline_of(rig, keep=keep),
        to=None,
        reason="wrong",
        by="ann",
        run_id=run_id or f"undo-{keep}",
        report=print,
        target=rig.target,
        pace=PACE,
    )
