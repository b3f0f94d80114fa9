"""What a new model's image costs: ``python benchmarks/images.py [--rounds 3] [--without-peers] [--peers FOLDER]``.

The model is that of ``benchmarks/serving.py``: 200 trees of depth 6. The base is there already, as it is for every
model but the first. Compared, in turns:

- ``engine`` and ``registry``: the bundle as one layer on the base, loaded into the engine or put into a registry;
- ``plain``: a Dockerfile that installs the same locked packages and copies code and bundle, as one writes it by hand.
  Its wheels lie beside it, so it is spared the download.

Then the packages to serve this model, without bytecode: in the image, and what ``mlflow models build-docker`` would
install (``mlflow`` and ``xgboost`` with what they need), installed below ``--peers``. Needs a Docker engine.
"""

from __future__ import annotations

import argparse
import dataclasses
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import serving as served

from airloop import images
from airloop.bundle import Bundle, open_bundle
from airloop.engine import connected
from airloop.images import archive, bases, building, code
from airloop.images.packages import python_image
from airloop.images.wheelhouse import wheelhouse
from airloop.workspace import Workspace

if TYPE_CHECKING:
    from docker.models.containers import Container

PIPELINE = "flights"
PLAIN = """\
FROM {python}
LABEL {label}
COPY requirements.txt /tmp/
COPY wheels /tmp/wheels
RUN pip install --quiet --no-cache-dir --no-index --find-links /tmp/wheels --require-hashes -r /tmp/requirements.txt
COPY opt /opt
ENV PYTHONPATH=/opt/airloop/include
ENTRYPOINT ["python", "-m", "airloop.serving"]
"""
SIZE = "find /opt/airloop/packages -type f ! -name '*.pyc' -printf '%s\\n' | awk '{s += $1} END {print s / 1e6}'"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--without-peers", action="store_true", help="install nothing to compare with")
    parser.add_argument("--peers", type=Path, help="where the peers' packages are kept (default: a folder that goes)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="airloop-bench-") as home:
        settings = {"AIRLOOP_HOME": home, "AIRLOOP_PREFIX": f"airloop-b-{secrets.token_hex(4)}"}
        workspace = Workspace.from_environment(settings)
        began = time.perf_counter()
        images.base(workspace)
        print(f"base: {time.perf_counter() - began:.1f} s (half a minute where the engine has no such packages yet)\n")
        with registry(workspace) as with_registry:
            report(compare(workspace, with_registry, given.rounds))
        packages(workspace, None if given.without_peers else given.peers or Path(home) / "peers")


def compare(workspace: Workspace, with_registry: Workspace, rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Return seconds and megabytes added beyond the bundle of each way, one pair a round; each has a new bundle."""
    images.build(with_registry, PIPELINE, bundle(workspace, 0))  # pushes the base
    ways: dict[str, Callable[[Bundle], float]] = {
        "engine": lambda made: on_engine(workspace, made),
        "registry": lambda made: in_registry(with_registry, made),
        "plain": lambda made: plain(workspace, made),
    }
    measured: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for number in range(1, rounds + 1):
        made = bundle(workspace, number)
        for name, build in ways.items():
            began = time.perf_counter()
            megabytes = build(made)
            measured[name].append((time.perf_counter() - began, megabytes - made.megabytes))
    return measured


def bundle(workspace: Workspace, number: int) -> Bundle:
    """Return a bundle of its own: its golden rows are others."""
    with tempfile.TemporaryDirectory() as folder:
        schema, matrix = served.schema_and_model(Path(folder))
        rows = served.values_of(matrix[number:])
        return open_bundle(workspace, served.write_bundle(workspace.store, schema, rows, Path(folder) / "model.ubj"))


def on_engine(workspace: Workspace, made: Bundle) -> float:
    """Build; return the megabytes by which the image is larger than its base."""
    image = images.build(workspace, PIPELINE, made)
    with connected() as client:
        size = {name: client.images.get(name).attrs["Size"] for name in (image.reference, image.base)}
    return float(size[image.reference] - size[image.base]) / 1e6


def in_registry(workspace: Workspace, made: Bundle) -> float:
    """Build; return the megabytes by which the registry's folder grew."""
    with connected() as client:
        kept = client.containers.get(f"{workspace.prefix}-registry")
        before, _ = (held(kept), images.build(workspace, PIPELINE, made))
        return (held(kept) - before) / 1e6


def held(container: Container) -> int:
    """Return the bytes that a registry keeps."""
    return int(container.exec_run(["du", "-sb", "/var/lib/registry"]).output.split()[0])


def plain(workspace: Workspace, made: Bundle) -> float:
    """Build as one would by hand, nothing of it cached; return the megabytes beyond the Python image."""
    wanted = bases.pins_of(with_pandas=False)
    tag = f"{workspace.prefix}/plain:{made.digest[:12]}"
    with connected(bases.BUILD_S) as client:
        python = client.images.get(python_image())
        house = wheelhouse(workspace.home / "cache" / "wheelhouse", wanted, python.attrs["Architecture"])
        files: dict[str, archive.Content] = {f"wheels/{path.name}": path for path in house.folder.glob("*.whl")}
        files |= archive.below(made.folder, "opt/airloop/bundle") | code.of_server()
        files["requirements.txt"] = "".join(f"{pin.line}\n" for pin in wanted).encode()
        # The label is new, so that no step is found in the engine's cache.
        text = PLAIN.format(python=python_image(), label=f"{building.BUILT_FOR}={made.digest}")
        image = client.images.get(building.build(client, text, files, tag=tag, key=made.digest))
        size = float(image.attrs["Size"] - python.attrs["Size"]) / 1e6
        client.images.remove(tag, force=True)
        return size


@contextmanager
def registry(workspace: Workspace) -> Iterator[Workspace]:
    """Give the workspace with a registry of its own; it and all images of the benchmark go at the end."""
    with connected() as client:
        name = f"{workspace.prefix}-registry"
        with closing(socket.create_server(("127.0.0.1", 0))) as free:
            port = free.getsockname()[1]
        ports = {"5000/tcp": ("127.0.0.1", port)}
        container = client.containers.run("registry:2", detach=True, name=name, ports=ports)
        try:
            time.sleep(2)
            yield dataclasses.replace(workspace, registry=f"127.0.0.1:{port}/models")
        finally:
            container.remove(force=True, v=True)
            for image in client.images.list():
                for named in image.tags:
                    if named.startswith((workspace.prefix, f"127.0.0.1:{port}/")):
                        client.images.remove(named, force=True)


def report(measured: dict[str, list[tuple[float, float]]]) -> None:
    """Print medians, and how many times slower the plain way is in the same round."""
    print(f"{'new model':<12}{'seconds':>10}{'plain / it':>12}{'MB beside the bundle':>24}")
    for name, rounds in measured.items():
        times = [other[0] / mine[0] for mine, other in zip(rounds, measured["plain"], strict=True)]
        seconds, megabytes = (statistics.median(values) for values in zip(*rounds, strict=True))
        print(f"{name:<12}{seconds:>10.2f}{statistics.median(times):>12.1f}{megabytes:>24.3f}")
    print()


def packages(workspace: Workspace, peers: Path | None) -> None:
    """Print the size of the packages that serve a model, without bytecode."""
    print(f"{'packages':<34}{'number':>8}{'MB':>8}{'share':>8}")
    sizes = {}
    for title, with_pandas in (("image", False), ("image for feature code (pandas)", True)):
        base = images.base(workspace, with_pandas=with_pandas)
        with connected() as client:
            asked = client.containers.create(base.reference, ["-c", SIZE], entrypoint="sh", network_mode="none")
            try:
                asked.start()
                asked.wait(timeout=120)
                sizes[title] = (len(base.packages), float(asked.logs()))
            finally:
                asked.remove(force=True)
    if peers:
        sizes["mlflow models build-docker"] = of_mlflow(peers)
    largest = max(size for _, size in sizes.values())
    for title, (number, size) in sizes.items():
        print(f"{title:<34}{number:>8}{size:>8.0f}{size / largest:>8.2f}")


def of_mlflow(folder: Path) -> tuple[int, float]:
    """Install what an MLflow image of this model would have; return how many packages that are and their megabytes."""
    wanted = [f"mlflow=={metadata.version('mlflow-skinny')}", f"xgboost=={metadata.version('xgboost-cpu')}"]
    command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--target", str(folder), *wanted]
    subprocess.run(command, check=True)
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    return len(list(folder.glob("*.dist-info"))), sum(path.stat().st_size for path in files) / 1e6


if __name__ == "__main__":
    main()
