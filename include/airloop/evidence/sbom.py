"""What is in an image, as a CycloneDX document: system, interpreter, Python packages with their hashes, and bundle."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from airloop import digest
from airloop.bundle import open_bundle
from airloop.errors import EvidenceError
from airloop.evidence.inside import Inside, inside

if TYPE_CHECKING:
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component

    from airloop.images import Image
    from airloop.workspace import Workspace

KIND = "sboms"
FILE = "bom.cdx.json"
MEDIA_TYPE = "application/vnd.cyclonedx+json"
ROOT = "image"
"""How the document refers to the image itself."""


def record_sbom(workspace: Workspace, image: Image, *, on_cluster: bool = False) -> str:
    """Write what is in ``image`` as CycloneDX 1.6 JSON and return the document's SHA-256, which is its name.

    The same image gives the same bytes: its instant is the data's cut-off. Raises BundleError when the image's bundle
    is gone or altered, ImageError when it cannot be looked into, Unreachable when store or engine does not answer. With
    ``on_cluster`` it is looked into by the cluster, which may raise ClusterRefused, and not by an engine.
    """
    from cyclonedx.output.json import JsonV1Dot6

    content = f"{JsonV1Dot6(_document(workspace, image, on_cluster=on_cluster)).output_as_string(indent=1)}\n".encode()
    name = digest.of_bytes(content)
    if not workspace.store.has(KIND, name):
        with workspace.store.writing(KIND, name) as folder:
            (folder / FILE).write_bytes(content)
    return name


def check_sbom(workspace: Workspace, name: str, image: str, bundle: str) -> int:
    """Check that the document is unaltered and of this image and bundle; return how many components it lists.

    Raises EvidenceError saying what is not so.
    """
    which = f"the SBOM {name[:12] or 'of nothing'}"
    try:
        content = (workspace.store.folder(KIND, name) / FILE).read_bytes()
    except FileNotFoundError:
        raise EvidenceError(f"{which} of image {image} is not in the store: package the bundle again") from None
    if digest.of_bytes(content) != name:
        raise EvidenceError(f"{which} of image {image} is altered: its bytes are {digest.of_bytes(content)[:12]}")
    document = json.loads(content)
    said = document["metadata"]["component"]["name"]
    if said != image:
        raise EvidenceError(f"{which} is of image {said}, not of {image}")
    bundles = [_sha256(one) for one in document["components"] if one["type"] == "machine-learning-model"]
    if bundles != [bundle]:
        raise EvidenceError(f"{which} lists bundle {', '.join(one[:12] for one in bundles)}, not {bundle[:12]}")
    return len(document["components"])


def _sha256(component: dict[str, Any]) -> str:
    return next((str(one["content"]) for one in component.get("hashes", ()) if one["alg"] == "SHA-256"), "none")


def _document(workspace: Workspace, image: Image, *, on_cluster: bool) -> Bom:
    from cyclonedx.model.bom import Bom, BomMetaData
    from cyclonedx.model.component import Component, ComponentType

    bundle = open_bundle(workspace, image.bundle)
    root = Component(
        name=image.reference,
        type=ComponentType.CONTAINER,
        bom_ref=ROOT,
        version=bundle.version,
        hashes=_hashes(image.reference.rpartition("sha256:")[2]),
    )
    base = Component(name=image.base, type=ComponentType.CONTAINER, bom_ref="base")
    model = Component(
        name=bundle.pipeline,
        version=bundle.version,
        type=ComponentType.MACHINE_LEARNING_MODEL,
        bom_ref="bundle",
        hashes=_hashes(bundle.digest),
    )
    below = [*_packages(image), *_of_base(inside(workspace, image, on_cluster=on_cluster))]
    document = Bom(
        components=[base, model, *below],
        metadata=BomMetaData(component=root, timestamp=bundle.data_cut_off),
        serial_number=uuid.uuid5(uuid.NAMESPACE_URL, image.reference),
    )
    document.register_dependency(root, [base, model])
    document.register_dependency(base, below)
    return document


def _packages(image: Image) -> list[Component]:
    from cyclonedx.model.component import Component, ComponentType
    from packageurl import PackageURL

    return [
        Component(
            name=package.name,
            version=package.version,
            type=ComponentType.LIBRARY,
            bom_ref=f"pypi:{package.name}",
            purl=PackageURL("pypi", None, package.name, package.version),
            hashes=_hashes(package.sha256),
        )
        for package in image.packages
    ]


def _of_base(found: Inside) -> Iterator[Component]:
    from cyclonedx.model.component import Component, ComponentType
    from packageurl import PackageURL

    system, version = found.system
    yield Component(name=system, version=version, type=ComponentType.OPERATING_SYSTEM, bom_ref="system")
    yield Component(
        name="python",
        version=found.python,
        type=ComponentType.APPLICATION,
        bom_ref="python",
        purl=PackageURL("generic", None, "python", found.python),
        cpe=f"cpe:2.3:a:python:python:{found.python}:*:*:*:*:*:*:*",
    )
    for name, its_version, machine in found.packages:
        told = {"arch": machine, "distro": f"{system}-{version}"}
        purl = PackageURL("deb", system, name, its_version, told)
        kind = ComponentType.LIBRARY
        yield Component(name=name, version=its_version, type=kind, bom_ref=f"deb:{name}:{machine}", purl=purl)


def _hashes(sha256: str) -> list[Any]:
    from cyclonedx.model import HashAlgorithm, HashType

    return [HashType(alg=HashAlgorithm.SHA_256, content=sha256)] if sha256 else []
