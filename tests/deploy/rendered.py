"""What ``kustomize build`` makes of ``deploy/kubernetes``, as far as its files go: resources and a namespace."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

Manifest = dict[str, Any]

PROJECT = Path(__file__).resolve().parents[2]
FOLDER = PROJECT / "deploy" / "kubernetes"
OVERLAYS = ("base", "overlays/dev", "overlays/prod")


def manifests(folder: Path) -> list[Manifest]:
    """Return the manifests of a kustomization; raise ValueError for a field that is not understood here."""
    told = yaml.safe_load((folder / "kustomization.yaml").read_text(encoding="utf-8"))
    if unknown := set(told) - {"apiVersion", "kind", "namespace", "resources"}:
        raise ValueError(f"{folder}: {', '.join(sorted(unknown))} of kustomize is not understood by the tests")
    found = [manifest for name in told["resources"] for manifest in _read(folder / name)]
    return [_moved(manifest, told["namespace"], found) for manifest in found] if "namespace" in told else found


def into(namespace: str, overlay: str) -> list[Manifest]:
    """Return an overlay's manifests, with another namespace in the place of its own."""
    found = manifests(FOLDER / overlay)
    return [_moved(manifest, namespace, found) for manifest in found]


def named(found: list[Manifest], kind: str, name: str) -> Manifest:
    """Return the one manifest of ``kind`` and ``name``."""
    (one,) = [each for each in found if (each["kind"], each["metadata"]["name"]) == (kind, name)]
    return one


def _read(path: Path) -> list[Manifest]:
    if path.is_dir():
        return manifests(path)
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


def _moved(manifest: Manifest, namespace: str, found: list[Manifest]) -> Manifest:
    """Return the manifest in another namespace; accounts of other namespaces that it names stay there."""
    key = "name" if manifest["kind"] == "Namespace" else "namespace"
    moved = manifest | {"metadata": manifest["metadata"] | {key: namespace}}
    if "subjects" in manifest:
        own = {
            (each["metadata"]["name"], each["metadata"]["namespace"])
            for each in found
            if each["kind"] == "ServiceAccount"
        }
        moved["subjects"] = [
            each | {"namespace": namespace} if (each["name"], each["namespace"]) in own else each
            for each in manifest["subjects"]
        ]
    return moved
