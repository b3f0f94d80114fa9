"""What keys say together: checks that need more than one key, or the files that a spec names."""

from __future__ import annotations

import shlex
import string
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from airloop.errors import closest, nearest
from airloop.spec.code import functions_in
from airloop.spec.gates import LimitGate, SliceGate
from airloop.spec.model import Spec
from airloop.spec.pods import check_pods
from airloop.spec.problems import KeyPath
from airloop.spec.words import METRICS, NOTIFIERS, TRAINERS

Found = Iterator[tuple[KeyPath, str]]
"""Where, and what is wrong there."""

PARTITION_LENGTHS = {"hour": timedelta(hours=1), "day": timedelta(days=1)}


def check(spec: Spec, folder: Path) -> Found:
    """Give every contradiction in ``spec``, and every file or function that is not in ``folder``."""
    if spec.name != folder.name:
        yield ("name",), f"{spec.name!r} must be the name of the folder, {folder.name!r}"
    yield from _windows(spec)
    yield from _source(spec)
    yield from _columns(spec)
    yield from _gates(spec)
    yield from _monitor(spec)
    yield from _model_and_people(spec)
    yield from _scan(spec)
    yield from check_pods(spec)
    yield from _files(spec, folder)


def _windows(spec: Spec) -> Found:
    data = spec.data
    step = PARTITION_LENGTHS.get(data.partition)
    for key, length in (("train_window", data.train_window), ("holdout_window", data.holdout_window)):
        if step is None:
            break
        if not length or length % step:
            yield ("data", key), f"must be a multiple of a partition ({data.partition}), and not 0"
    try:
        ZoneInfo(data.timezone)
    except (OSError, ValueError, ZoneInfoNotFoundError):
        near = closest(data.timezone, available_timezones()) or "Europe/Berlin"
        yield ("data", "timezone"), f"unknown time zone {data.timezone!r}. Did you mean {near!r}?"


def _source(spec: Spec) -> Found:
    path = spec.data.source.path
    if path is None:
        return
    allowed = {"none": (), "day": ("date",), "hour": ("date", "hour")}[spec.data.partition]
    try:
        names = [name for _, name, _, _ in string.Formatter().parse(path) if name is not None]
    except ValueError as error:
        yield ("data", "source", "path"), f"{path!r}: {error}"
        return
    for name in dict.fromkeys(names):
        if name not in allowed:
            hint = nearest(name, allowed) if allowed else " Files without partitions have none."
            yield ("data", "source", "path"), f"unknown placeholder {{{name}}}.{hint}"


def _columns(spec: Spec) -> Found:
    data, label = spec.data, spec.data.label
    late = {label.column: "the label", label.known_at: "the time of the label", data.recorded_at: "`recorded_at`"}
    for key, columns in (("key", data.key), ("private", data.private)):
        if label.column in columns:
            yield ("data", key), f"{label.column!r} is the label and cannot be here"
    for column in spec.features.inputs if spec.features else ():
        if column in late:
            yield ("features", "inputs"), f"{column!r} is {late[column]}: unknown when a prediction is asked for"
    if data.event_time == label.column:
        yield ("data", "event_time"), f"{label.column!r} is the label; a column with an instant is needed"
    if label.known_at == label.column:
        yield ("data", "label", "known_at"), f"{label.column!r} is the label; a column with an instant is needed"


def _gates(spec: Spec) -> Found:
    seen: dict[str, int] = {}
    for number, gate in enumerate(spec.gates):
        if isinstance(gate, SliceGate) and gate.slices == spec.data.label.column:
            yield ("gates", number, "slices"), f"{gate.slices!r} is the label; slices are made of a column of the rows"
        same = seen.setdefault(gate.model_dump_json(), number)
        if same != number:
            yield ("gates", number), f"the same gate as gates[{same}]"
        if isinstance(gate, LimitGate):
            if gate.image_mb is not None and spec.release.target == "local":
                yield ("gates", number, "image_mb"), "there is no image to measure where `release.target` is local"
            continue
        yield from _metric(spec, ("gates", number, "metric"), gate.metric)


def _monitor(spec: Spec) -> Found:
    monitor = spec.monitor
    length = monitor.window
    if not length or length % timedelta(hours=1):
        yield ("monitor", "window"), "must be a multiple of an hour, and not 0"
    elif length > timedelta(days=1) and length % timedelta(days=1):
        yield ("monitor", "window"), "must be a multiple of a day where it is longer than one"
    if monitor.drift.warn > monitor.drift.act:
        yield ("monitor", "drift", "warn"), f"{monitor.drift.warn:g} must not be above act, {monitor.drift.act:g}"
    for number, decay in enumerate(monitor.performance):
        path = ("monitor", "performance", number)
        yield from _metric(spec, (*path, "metric"), decay.metric)
        if decay.warn > decay.act:
            yield (*path, "warn"), f"{decay.warn:g} must not be above act, {decay.act:g}"
        if decay.slices == spec.data.label.column:
            yield (*path, "slices"), f"{decay.slices!r} is the label; slices are made of a column of the rows"
        elif decay.slices in spec.data.private:
            yield (*path, "slices"), f"{decay.slices!r} is private (data.private): it is not in the prediction log"


def _metric(spec: Spec, path: KeyPath, name: str) -> Found:
    fitting = [known for known, metric in METRICS.items() if spec.model.task in metric.tasks]
    if name not in METRICS:
        yield path, f"unknown metric {name!r}.{nearest(name, fitting)}"
    elif name not in fitting:
        yield path, f"{name!r} is not for task {spec.model.task!r}.{nearest(name, fitting)}"


def _model_and_people(spec: Spec) -> Found:
    trainer, release = spec.model.trainer, spec.release
    if not {".", ":"} & set(trainer) and trainer not in TRAINERS:
        yield (
            ("model", "trainer"),
            f"unknown trainer {trainer!r}.{nearest(trainer, TRAINERS)} Or give file.py:Class of this folder.",
        )
    if release.approvers and release.approval == "none":
        yield ("release", "approvers"), "are given, but `approval` is none: nobody would be asked"
    for number, notify in enumerate(spec.notify):
        if "." not in notify.notifier and notify.notifier not in NOTIFIERS:
            hint = f"{nearest(notify.notifier, NOTIFIERS)} Or give a dotted path, for example package.Class."
            yield ("notify", number, "notifier"), f"unknown notifier {notify.notifier!r}.{hint}"
        needed = NOTIFIERS.get(notify.notifier, ())
        if needed and len([key for key in needed if notify.args.get(key)]) != 1:
            one = " or ".join(f"`{key}`" for key in needed)
            yield ("notify", number, "args"), f"notifier {notify.notifier!r} needs {one}"


def _scan(spec: Spec) -> Found:
    path, command = ("release", "scan"), spec.release.scan
    if command is None:
        return
    if spec.release.target == "local":
        yield path, "there is no image to look at where `target` is local"
    try:
        words = shlex.split(command)
    except ValueError as error:
        yield path, f"{command!r} cannot be split into words ({error})"
        return
    if not any("{image}" in word for word in words[1:]):
        yield path, f"{command!r} does not say where the image goes; write for example 'trivy image {{image}}'"


def _files(spec: Spec, folder: Path) -> Found:
    named = ((("data", "source", "sql"), spec.data.source.sql), (("data", "expectations"), spec.data.expectations))
    for path, relative in named:
        if relative is not None:
            yield from ((path, message) for message in _missing(folder, relative))
    features = spec.features
    parsed: dict[str, list[str]] = {}
    for key, reference in (("build", features.build), ("arrays", features.arrays)) if features else ():
        if reference is not None:
            yield from ((("features", key), message) for message in _named(folder, reference, parsed))
    if ":" in spec.model.trainer:
        found = _named(folder, spec.model.trainer, parsed, "class")
        yield from ((("model", "trainer"), message) for message in found)


def _missing(folder: Path, relative: str) -> Iterator[str]:
    target = folder / relative
    if ".." in target.parts or Path(relative).is_absolute():
        yield f"{relative!r} lies outside the pipeline's folder"
    elif not target.is_file():
        files = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if _is_source(path)]
        yield f"there is no file {relative!r}.{nearest(relative, files)}"


def _is_source(path: Path) -> bool:
    return path.is_file() and "__pycache__" not in path.parts and not path.name.startswith(".")


def _named(
    folder: Path, reference: str, parsed: dict[str, list[str]], kind: Literal["function", "class"] = "function"
) -> Iterator[str]:
    file, colon, name = reference.partition(":")
    if not (colon and file.endswith(".py") and name.isidentifier()):
        yield f"{reference!r} is not of the form file.py:{kind if kind == 'function' else 'Class'}"
        return
    if missing := list(_missing(folder, file)):
        yield from missing
        return
    try:
        if file not in parsed:
            parsed[file] = functions_in((folder / file).read_text(encoding="utf-8"))
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        yield f"{file}{f':{line}' if line else ''} is not Python: {getattr(error, 'msg', error)}"
        return
    if name not in parsed[file]:
        yield f"{file} has no {kind} {name!r}.{nearest(name, parsed[file])}"
