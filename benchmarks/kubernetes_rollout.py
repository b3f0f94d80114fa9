"""What a change of versions costs on Kubernetes: ``python benchmarks/kubernetes_rollout.py [--rounds 3]``.

The model is that of ``benchmarks/serving.py``, in two images in a registry, in pods with the same limits and probes:

- ``airloop``: ``Target.apply``, from the call until all requests go to the new version and every node knows; that
  with a step at 50 % before it, which waits for no requests; and the way back, to pods that were kept. What a release
  does beside it (signatures, the ledger, requests on each step) is not timed;
- ``kubectl``: what ``set image`` does (and the bundle's digest, which our server wants to hear), and ``rollout undo``,
  each with ``rollout status``, of a Deployment of the same pods.

Both have their images on the node. It needs the cluster that KUBECONFIG names, ``AIRLOOP_REGISTRY`` (127.0.0.1:5000/…
by default), a Docker engine for the base image, and kubectl. The namespace is made, and deleted.
"""

from __future__ import annotations

import argparse
import json
import secrets
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import serving as served

from airloop import digest, images
from airloop.bundle import open_bundle
from airloop.release.kubernetes import KubernetesTarget, manifests
from airloop.release.target import Placed, State
from airloop.serving.tokens import read_or_make
from airloop.spec import find
from airloop.spec.model import Release, Serving, Spec
from airloop.store import Store
from airloop.workspace import Workspace

SERVING = Serving(cpus=0.5, memory=256_000_000, replicas=2, log_predictions=False)
PIPELINE = "flights"
Action = Callable[[], None]


@dataclass
class Counting:
    """A pool of connections that counts the requests that go through it, of all clients that it is given to."""

    calls: int = 0

    def client(self) -> Any:
        """Return a new client of the cluster."""
        from kubernetes import config

        api = config.new_client_from_config()
        inner, request = api.rest_client.pool_manager, api.rest_client.pool_manager.request

        def counted(*given: Any, **more: Any) -> Any:
            self.calls += 1
            return request(*given, **more)

        inner.request = counted
        return api


def two_bundles(store: Store, scratch: Path) -> list[tuple[str, str]]:
    """Return digest and version of two bundles that differ in nothing but their version."""
    schema, matrix = served.schema_and_model(scratch)
    first = served.write_bundle(store, schema, served.values_of(matrix), scratch / "model.ubj")
    folder = scratch / "bundle"
    facts = json.loads((folder / "bundle.json").read_text()) | {"version": "2"}
    (folder / "bundle.json").write_text(json.dumps(facts))
    second = digest.of_folder(folder)
    with store.writing("bundles", second) as target:
        for path in sorted(folder.rglob("*")):
            copy = target / path.relative_to(folder)
            copy.mkdir() if path.is_dir() else copy.write_bytes(path.read_bytes())
    served.proof.keep(store, second, served.prove(served.open_folder(store.folder("bundles", second), second)))
    return [(first, "1"), (second, "2")]


@contextmanager
def namespace() -> Iterator[str]:
    """Give a new namespace."""
    name = f"airloop-bench-{secrets.token_hex(4)}"
    kubectl("create", "namespace", name)
    try:
        until = time.monotonic() + 30
        while not kubectl("-n", name, "get", "serviceaccounts", "-o", "name") and time.monotonic() < until:
            time.sleep(0.2)
        yield name
    finally:
        kubectl("delete", "namespace", name, "--wait=false")


def kubectl(*words: str, told: str | None = None) -> str:
    """Return what kubectl prints."""
    return subprocess.run(["kubectl", *words], input=told, check=True, capture_output=True, text=True).stdout


def by_airloop(workspace: Workspace, spec: Spec, one: Placed, two: Placed) -> dict[str, Action]:
    """Return what is measured of Airloop, in the order in which it comes."""
    target = KubernetesTarget(workspace, spec)

    def climb() -> None:
        target.apply(PIPELINE, State(one).with_candidate(two, 50))
        target.apply(PIPELINE, State(two))

    def afresh() -> None:
        target.apply(PIPELINE, State(one))
        target.keep(PIPELINE, [one.bundle])
        time.sleep(10)  # until the pods before are gone, too

    afresh()
    return {
        "all at once": lambda: target.apply(PIPELINE, State(two)),
        "back": lambda: target.apply(PIPELINE, State(one)),
        "": afresh,
        "by a step of 50 %": climb,
        " ": afresh,
    }


def by_kubectl(workspace: Workspace, one: Placed, two: Placed) -> dict[str, Action]:
    """Return the same of kubectl, on a Deployment of its own of the same pods."""
    granted, prefix = read_or_make(workspace.home), ("-n", workspace.kubernetes.namespace)
    first, second = (
        manifests.deployment(
            workspace,
            SERVING,
            manifests.server_of(workspace, SERVING, "peer", placed, granted),
            granted,
            replicas=SERVING.replicas,
        )
        for placed in (one, two)
    )
    first["spec"]["strategy"] = {"type": "RollingUpdate"}
    kubectl(*prefix, "apply", "-f", "-", told=json.dumps(first))
    (container,) = second["spec"]["template"]["spec"]["containers"]
    change = [
        {"op": "replace", "path": f"/spec/template/spec/containers/0/{name}", "value": container[name]}
        for name in ("image", "args", "env")
    ]
    deployment = f"deployment/{first['metadata']['name']}"

    def done() -> None:
        kubectl(*prefix, "rollout", "status", deployment, "--timeout=120s")

    def set_image() -> None:
        kubectl(*prefix, "patch", deployment, "--type=json", "-p", json.dumps(change))
        done()

    def undo() -> None:
        kubectl(*prefix, "rollout", "undo", deployment)
        done()

    done()
    return {"all at once": set_image, "back": undo}


def measure(sides: dict[str, dict[str, Action]], counting: Counting, rounds: int) -> dict[tuple[str, str], list[Any]]:
    """Return (what, whose) → seconds and requests to the API server, of each round; the first round is not counted."""
    found = defaultdict(list)
    for round_ in range(-1, rounds):
        for whose, actions in sides.items():
            for what, act in actions.items():
                before, started = counting.calls, time.perf_counter()
                act()
                if round_ >= 0 and what.strip():
                    found[what, whose].append((time.perf_counter() - started, counting.calls - before))
    return found


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--registry", default="127.0.0.1:5000/airloop")
    given, counting = parser.parse_args(), Counting()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # the namespace is deleted all the same
    with tempfile.TemporaryDirectory(prefix="airloop-benchmark-") as scratch, namespace() as name:
        environ = {
            "AIRLOOP_HOME": f"{scratch}/home",
            "AIRLOOP_REGISTRY": given.registry,
            "AIRLOOP_KUBERNETES_NAMESPACE": name,
        }
        workspace = Workspace.from_environment(environ)
        workspace = replace(workspace, kubernetes=replace(workspace.kubernetes, client=counting.client))
        placed = []
        for bundle, version in two_bundles(workspace.store, Path(scratch)):
            image = images.build(workspace, PIPELINE, open_bundle(workspace, bundle))
            placed.append(Placed(bundle, version, image.reference))
        told = find("breast_cancer", workspace).spec
        spec = told.model_copy(update={"serving": SERVING, "release": Release(target="kubernetes")})
        sides = {"airloop": by_airloop(workspace, spec, *placed), "kubectl": by_kubectl(workspace, *placed)}
        for (what, whose), runs in measure(sides, counting, given.rounds).items():
            seconds, calls = (statistics.median(values) for values in zip(*runs, strict=True))
            asked = f"{calls:4.0f} requests to the API server" if whose == "airloop" else ""
            print(f"{what:20} {whose:8} {seconds:6.1f} s  {asked}")


if __name__ == "__main__":
    main()
