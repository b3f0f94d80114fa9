"""A stack's data as one folder: each database, and each volume that cannot be made again.

The databases come first: all that they name was written before, so what is copied after them holds it.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from airloop import digest
from airloop.compose import settings, stack
from airloop.compose.engine import ComposeFailed, Engine
from airloop.compose.stack import Report
from airloop.laptop.secret_files import write_private

DATABASES = ("airflow", "airloop", "mlflow")
VOLUMES = ("home", "store", "predictions", "journals", "mlflow", "registry")
"""Not the task logs, which are large and tell of the past only; not the gateway's, which is made of the ledger."""
KEPT = (*settings.SECRETS, "AIRLOOP_SIGNING_KEY", "AIRLOOP_TRUSTED_KEYS", "AIRLOOP_REGISTRY_PORT")
"""What a restore takes from the backup: secrets, whose signatures count, and what is part of every image's name."""
SETTINGS = "env"
FILES = (*(f"{name}.dump" for name in DATABASES), *(f"{name}.tar" for name in VOLUMES), SETTINGS)
SUMS = "SHA256SUMS"
"""Written last, as ``sha256sum --check`` reads it."""


def backup(engine: Engine, target: Path, report: Report) -> Path:
    """Write a backup to the new folder ``target`` (mode 700) while the stack runs, and return it. Raises ComposeFailed.

    It holds the secrets as well: without them Airflow's connections could not be read.
    """
    scratch = target.with_name(f".{target.name}.part")
    shutil.rmtree(scratch, ignore_errors=True)
    if target.exists():
        raise ComposeFailed(f"{target} is there already; name a new folder")
    scratch.mkdir(parents=True, mode=0o700)
    try:
        _write(engine, scratch, report)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)  # it holds secrets
        raise
    scratch.rename(target)
    return target


def _write(engine: Engine, folder: Path, report: Report) -> None:
    for name in DATABASES:
        report(f"database {name}")
        with (folder / f"{name}.dump").open("wb") as file:
            engine.compose("exec", "-T", "postgres", *_postgres("pg_dump", name), "--format=custom", stdout=file)
    for name in VOLUMES:
        report(f"volume {name}")
        with (folder / f"{name}.tar").open("wb") as file:
            engine.docker(*_with_volume(engine, name, ":ro"), "tar", "-C", "/volume", "-cf", "-", ".", stdout=file)
    write_private(folder / SETTINGS, engine.env_file.read_text(encoding="utf-8"))
    write_sums(folder)


def write_sums(folder: Path) -> None:
    """Write down what the files of a backup are, for ``restore`` to compare."""
    lines = "".join(f"{digest.of_file(folder / name)}  {name}\n" for name in FILES)
    (folder / SUMS).write_text(lines, encoding="utf-8")


def restore(engine: Engine, source: Path, report: Report) -> None:
    """Put the backup ``source`` in the place of the stack's data, then start it.

    Secrets and the registry's port come from the backup; names and other ports stay this stack's. Raises
    ComposeFailed, with nothing changed, where the backup is not whole.
    """
    report("checking the backup")
    _check(source)
    report("building the images")
    engine.compose("build", *stack.BUILT)  # before anything goes: it may need a network
    stack.down(engine, report, erase=True)
    _take_over_secrets(engine, source)
    report("starting the database")
    engine.compose("up", "--detach", "--no-build", "postgres")
    _wait_for_postgres(engine)
    for name in DATABASES:
        report(f"database {name}")
        with (source / f"{name}.dump").open("rb") as file:
            # Into the empty database that the first start of Postgres made.
            words = (*_postgres("pg_restore", name), "--no-owner", f"--role={name}", "--single-transaction")
            engine.compose("exec", "-T", "postgres", *words, stdin=file)
    for name in VOLUMES:
        report(f"volume {name}")
        engine.docker("volume", "create", *_labels(engine, name), f"{engine.prefix}-{name}")
        with (source / f"{name}.tar").open("rb") as file:
            engine.docker(
                *_with_volume(engine, name, ""), "tar", "-C", "/volume", "--numeric-owner", "-xpf", "-", stdin=file
            )
    stack.up(engine, report)
    report("starting the model servers that were live")
    engine.beside("airloop.compose", "heal", quietly=True)


def _check(source: Path) -> None:
    missing = [name for name in FILES if not (source / name).is_file()]
    if missing:
        raise ComposeFailed(f"{source} is no whole backup: {', '.join(missing)} missing. Nothing was changed")
    try:
        lines = (source / SUMS).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise ComposeFailed(
            f"{source} was made before backups had a {SUMS}, so nobody can say whether it is whole. Nothing was "
            f"changed. To take it as it is: (cd {source} && sha256sum {' '.join(FILES)} > {SUMS})"
        ) from None
    kept = {name.strip(" *"): found for found, _, name in (line.partition(" ") for line in lines)}
    altered = [name for name in FILES if kept.get(name) != digest.of_file(source / name)]
    if altered:
        raise ComposeFailed(
            f"{source} is no whole backup: {', '.join(altered)} cut short or altered since. Nothing was changed"
        )


def _take_over_secrets(engine: Engine, source: Path) -> None:
    """Write what the backup's settings must keep over this stack's; all else in them stays."""
    old = settings.read(source / SETTINGS)
    merged = engine.settings | {name: old[name] for name in KEPT if name in old}
    write_private(engine.env_file, "".join(f"{name}={value}\n" for name, value in merged.items()))
    engine.settings.update(merged)


def _wait_for_postgres(engine: Engine) -> None:
    deadline = time.monotonic() + stack.HEALTHY_S
    while True:
        try:
            engine.compose("exec", "-T", "postgres", "pg_isready", "-q", "-h", "127.0.0.1", "-U", "postgres")
        except ComposeFailed:
            if time.monotonic() > deadline:
                raise
            time.sleep(1)
        else:
            return


def _postgres(program: str, database: str) -> tuple[str, ...]:
    return (program, "--username=postgres", f"--dbname={database}")


def _with_volume(engine: Engine, name: str, mode: str) -> tuple[str, ...]:
    """Return the words that run a command, as root and without a network, in a container that has the volume."""
    image = engine.settings.get("AIRLOOP_PYTHON_IMAGE") or "python:3.11-slim-bookworm"
    mount = f"{engine.prefix}-{name}:/volume{mode}"
    return ("run", "--rm", "--interactive", "--network=none", "--user=0:0", f"--volume={mount}", image)


def _labels(engine: Engine, name: str) -> tuple[str, ...]:
    """Return what Compose would label the volume with: it warns of one that it did not make."""
    labels = {"com.docker.compose.project": engine.settings["COMPOSE_PROJECT_NAME"], "com.docker.compose.volume": name}
    return tuple(word for label, value in labels.items() for word in ("--label", f"{label}={value}"))
