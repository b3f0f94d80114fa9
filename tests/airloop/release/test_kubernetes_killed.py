"""kill -9 at moments of a rollout on a cluster: the champion serves, and the next try makes one release of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from airloop.refs import BundleRef
from airloop.release import release
from airloop.release.target import State
from airloop.release.waiting import Pace
from airloop.spec import Pipeline
from airloop.workspace import Workspace

from .conftest import PASSED, PROMOTED, pipeline_with
from .kubernetes_rig import SMALL, KubernetesRig
from .test_conformance import requests_all_the_time
from .test_kubernetes import wait_until

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(600)]
RULES = {"steps": [50, 100], "min_requests": 300, "max_latency_ratio": 1000, "step_timeout": "300s"}


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubernetesRig]:
    with closing(KubernetesRig(tmp_path_factory.mktemp("killed"))) as rig:
        rig.target.apply("flights", State())
        assert try_again(rig, rig.bundles[0]) == "RELEASED"
        yield rig


def pipeline_of(rig: KubernetesRig) -> Pipeline:
    pipeline = pipeline_with(rig.workspace.pipelines, **RULES)
    on = pipeline.spec.release.model_copy(update={"target": "kubernetes"})
    return Pipeline(pipeline.spec.model_copy(update={"serving": SMALL, "release": on}), pipeline.folder)


def try_again(rig: KubernetesRig, bundle: BundleRef) -> str:
    return release(
        rig.workspace,
        pipeline_of(rig),
        bundle=bundle,
        verdict=PROMOTED,
        verification=PASSED.model_copy(update={"image": bundle.image}),
        run_id=f"run-{bundle.version}",
        report=print,
        pace=Pace(look_every_s=0.3, tell_every_s=1),
    ).outcome


def worker(rig: KubernetesRig, bundle: BundleRef) -> subprocess.Popen[str]:
    """Start a release of ``bundle`` in a process of its own; it prints what it reports."""
    given = {
        "spec": pipeline_of(rig).spec.model_dump(mode="json", exclude_unset=True),
        "bundle": bundle.model_dump(mode="json"),
        "verdict": PROMOTED.model_dump(mode="json"),
        "verification": PASSED.model_copy(update={"image": bundle.image}).model_dump(mode="json"),
        "run_id": f"run-{bundle.version}",
    }
    file = rig.home / f"given-{bundle.version}.json"
    file.write_text(json.dumps(given))
    command = [sys.executable, str(Path(__file__).with_name("kubernetes_dying.py")), str(file)]
    environment = {**os.environ, **settings(rig.workspace), "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def settings(workspace: Workspace) -> dict[str, str]:
    return {
        "AIRLOOP_HOME": str(workspace.home),
        "AIRLOOP_PREFIX": workspace.prefix,
        "AIRLOOP_REGISTRY": workspace.registry,
        "AIRLOOP_KUBERNETES_REGISTRY": workspace.kubernetes.registry,
        "AIRLOOP_KUBERNETES_NAMESPACE": workspace.kubernetes.namespace,
    }


def wait_for(rig: KubernetesRig, running: subprocess.Popen[str], bundle: BundleRef, moment: str) -> None:
    """Return when a worker has come to ``moment``: pods start, or it has said a line that begins like that."""
    if moment == "starting":
        wait_until(lambda: bundle.version in rig.deployments())
        return
    assert running.stdout is not None
    assert any(line.startswith(moment) for line in running.stdout), "it never said so"


@pytest.mark.parametrize(("number", "moment"), [(2, "starting"), (3, "50 %: "), (4, "committed")])
def test_a_killed_worker_leaves_a_champion_and_its_next_try_makes_one_release(
    rig: KubernetesRig, number: int, moment: str
) -> None:
    bundle = rig.packaged_anew(number)
    live = rig.workspace.ledger.live("flights", "kubernetes")
    assert live is not None
    with requests_all_the_time(rig) as answered:
        with worker(rig, bundle) as running:
            wait_for(rig, running, bundle, moment)
            running.kill()
        assert rig.send(20).total() == 20
        assert try_again(rig, bundle) == "RELEASED"
    assert set(answered) <= {live.version, bundle.version}
    assert rig.send(20) == {bundle.version: 20}
    now = rig.workspace.ledger.live("flights", "kubernetes")
    assert now is not None
    assert (now.version, now.generation) == (bundle.version, live.generation + 1)
