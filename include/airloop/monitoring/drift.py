"""Scoring a window's drift: the frozen window against the reference in its bundle, kept under the digest of both."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec

from airloop import digest
from airloop.errors import DataError
from airloop.monitoring import drift_record, wording_of_drift
from airloop.monitoring.drift_record import DriftRecord
from airloop.monitoring.drifting import Natural, Rules, WindowDrift, decide
from airloop.monitoring.significance import FEWEST_STRETCHES
from airloop.refs import DriftRef, Level, WindowRef
from airloop.reports import wording

if TYPE_CHECKING:
    from airloop.profiles import Profile
    from airloop.profiles.reference import Reference
    from airloop.spec import Pipeline
    from airloop.workspace import Workspace

KIND = "drifts"
FILE = "drift.json"
FORMAT = 1
"""Of what is computed: raised with it, so that what was kept before is computed again."""


def score(workspace: Workspace, pipeline: Pipeline, *, window: WindowRef) -> DriftRef:
    """Return the verdict on a window, computed once for the same window, reference and rules.

    A window without rows, or whose bundle has no reference, is INCONCLUSIVE. Raises Unreachable, and BundleError for a
    bundle that was changed.
    """
    rules = Rules.of(pipeline.spec.monitor)
    name = digest.of_value(
        {
            "format": FORMAT,
            "window": window.digest,
            "bundle": window.bundle,
            "rules": msgspec.to_builtins(drift_record.rules_record(rules)),
        }
    )
    if not workspace.store.has(KIND, name):
        record = _record(_score(workspace, window, rules), window, rules)
        with workspace.store.writing(KIND, name) as folder:
            (folder / FILE).write_bytes(drift_record.encode(record))
    record = _load(workspace, name)
    return DriftRef(
        digest=name,
        uri=workspace.store.uri(KIND, name),
        level=record.level,
        reasons=record.reasons,
        missing_rows=record.missing_rows or 0,
        distance=largest_distance(record),
    )


def largest_distance(record: DriftRecord) -> float | None:
    """Return the largest distance of a prediction, or of a column that the model uses; None where nothing has one.

    One that is far, and yet not for sure farther than unchanged windows are, does not count: so what is at ``warn`` or
    beyond has moved.
    """
    used = [one for one in record.columns if one.is_prediction or one.importance > 0]
    counting = [one for one in used if one.level != Level.OK or one.effect < record.rules.warn]
    return max((one.distance for one in counting if math.isfinite(one.distance)), default=None)


def load_drift(workspace: Workspace, ref: DriftRef) -> DriftRecord:
    """Return what ``score`` wrote. Raises DataError when it is not in the store or cannot be read."""
    return _load(workspace, ref.digest)


def _load(workspace: Workspace, name: str) -> DriftRecord:
    try:
        folder = workspace.store.folder(KIND, name)
        return drift_record.decode((folder / FILE).read_bytes())
    except FileNotFoundError:
        raise DataError(f"drift {name[:12]} is not in the store; run score_drift again") from None
    except msgspec.DecodeError as error:
        raise DataError(f"drift {name[:12]}: {FILE} cannot be read: {error}") from error


@dataclass(frozen=True)
class Verdict:
    """What was found in a window, and what natural variation it was held against."""

    found: WindowDrift
    reasons: tuple[str, ...]
    natural: Natural = "unknown"
    stretches: int = 0


def compare(reference: Reference, inputs: Profile, answers: Profile, length: timedelta, rules: Rules) -> Verdict:
    """Return the verdict on ``inputs`` and ``answers``, the profiles of a window of that length."""
    from airloop.monitoring.comparing import measure, nature

    natural, stretches = nature(reference, length)
    columns = measure(reference, inputs, answers, rules.method, length)
    found = decide(columns, rules, rows=inputs.rows, natural=natural)
    reasons = wording_of_drift.reasons(found, rules, rows=inputs.rows, natural=natural, stretches=stretches)
    return Verdict(found, reasons, natural, stretches)


def _score(workspace: Workspace, window: WindowRef, rules: Rules) -> Verdict:
    if not window.rows:
        nothing = WindowDrift(Level.INCONCLUSIVE, (), rules.min_rows)
        reasons = wording_of_drift.reasons(nothing, rules, rows=0, natural="known", stretches=FEWEST_STRETCHES)
        return Verdict(nothing, reasons)
    from airloop.bundle import open_bundle
    from airloop.monitoring.frozen import open_window
    from airloop.profiles.reference import FOLDER, Reference

    folder = open_bundle(workspace, window.bundle).folder / FOLDER
    if not folder.is_dir():
        advice = (
            f"version {window.version} is older than monitoring: its bundle does not say what it was trained on. "
            "Train and release again"
        )
        return Verdict(WindowDrift(Level.INCONCLUSIVE, (), None), (advice,))
    frozen = open_window(workspace, window)
    reference, length = Reference.load(folder), window.end - window.start
    verdict = compare(reference, frozen.profile, frozen.prediction, length, rules)
    unseen = sorted(name for name in frozen.facts.left_out if reference.importance.get(name, 0.0) > 0)
    more = [f"not in the prediction log, so not looked at: {wording.listed(unseen)}"] if unseen else []
    return replace(verdict, reasons=(*verdict.reasons, *more, *frozen.facts.reasons))


def _record(verdict: Verdict, window: WindowRef, rules: Rules) -> DriftRecord:
    return DriftRecord(
        window=window.digest,
        level=verdict.found.level,
        reasons=verdict.reasons,
        missing_rows=verdict.found.missing_rows,
        rows=window.rows,
        rules=drift_record.rules_record(rules),
        natural=verdict.natural,
        stretches=verdict.stretches,
        column_level=verdict.found.column_level,
        columns=drift_record.column_records(verdict.found),
    )
