"""Features of logged predictions, built again by the code of the version that answered them.

Private inputs are not in the log, so what is made from them cannot be built again. Which features these are is learned
from rows of the model's own training data: those that change when the private columns are blanked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from airloop import data
from airloop.bundle.frames import as_frame, parse_times
from airloop.bundle.golden import PLACEHOLDERS
from airloop.errors import FeatureError
from airloop.features.schema import Input, Schema
from airloop.monitoring import log
from airloop.profiles import Profile
from airloop.profiles.reference import kinds_of
from airloop.scoring import Scorer
from airloop.serving.compact import input_column

if TYPE_CHECKING:
    import pyarrow as pa

    from airloop.bundle import Bundle
    from airloop.features.code import FeatureCode
    from airloop.workspace import Workspace

SAMPLE = 1_000
"""Training rows from which it is learned what depends on private columns."""
_WHY = "is private, and so not in the log"


def rebuild(workspace: Workspace, bundle: Bundle, table: pa.Table) -> tuple[Profile, dict[str, str], list[str]]:
    """Return the profile of features and inputs, the columns that it lacks with why, and what is odd about the rows.

    ``table`` has rows of the log, of other versions too; those that lack an input that the bundle's code must have are
    left out. Raises BundleError and FeatureError where the code cannot be opened or fails.
    """
    schema, private = bundle.schema, set(bundle.facts.private)
    inputs = _inputs(table, schema, private)
    lacking = table.num_rows - len(inputs)
    notes = [f"{lacking:,} rows lack an input that version {bundle.version} needs"] if lacking else []
    code = Scorer.open(bundle.folder).code
    hidden = [column for column in schema.inputs if column.name in private]
    left_out = {column.name: _WHY for column in hidden}
    if not hidden:
        features = code.build(inputs)
    elif code.build_function is None:
        features = inputs
    else:
        features, lost = _without(workspace, bundle, code, inputs, hidden)
        left_out |= lost
    columns = {**inputs, **{str(name): features[name] for name in features}}
    kinds = {name: kind for name, kind in kinds_of(schema).items() if name not in left_out}
    return Profile.of(pd.DataFrame(columns, index=inputs.index), kinds), left_out, notes


def _inputs(table: pa.Table, schema: Schema, private: set[str]) -> pd.DataFrame:
    """Return the logged inputs under their own names, of the rows that have all that may not be missing."""
    import pyarrow.compute as pc

    public = [column for column in schema.inputs if column.name not in private]
    found = table.select([input_column(column.name, schema) for column in public])
    found = found.rename_columns([column.name for column in public])
    for column in public:
        if not column.nullable:
            found = found.filter(pc.is_valid(found[column.name]))
    return log.as_frame(found)


def _without(
    workspace: Workspace, bundle: Bundle, code: FeatureCode, inputs: pd.DataFrame, hidden: list[Input]
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return the features that do not depend on the hidden inputs, and why the others are not there."""
    names = [feature.name for feature in bundle.schema.features]
    named = ", ".join(column.name for column in hidden)
    try:
        dependent = _dependent(_sample(workspace, bundle), code, names, hidden)
        features = code.build(_blanked(inputs, hidden))
    except (FeatureError, FileNotFoundError) as error:
        return inputs, {name: f"{_WHY}: {named} ({error})" for name in names if name not in inputs}
    kept = features[[name for name in names if name not in dependent]]
    return kept, {name: f"is made from {named}, which is private and so not in the log" for name in dependent}


def _sample(workspace: Workspace, bundle: Bundle) -> pd.DataFrame:
    """Return rows that the model was trained on. Raises FileNotFoundError when they are no longer in the store."""
    snapshot = data.load_snapshot(workspace, bundle.facts.lineage["snapshot"])
    names = [column.name for column in bundle.schema.inputs]
    wanted = {name: snapshot.columns[name] for name in names}
    return data.read_partition(workspace, snapshot.partitions[0], wanted).head(SAMPLE)


def _dependent(sample: pd.DataFrame, code: FeatureCode, names: list[str], hidden: list[Input]) -> list[str]:
    """Return the features that change when the hidden columns are blanked."""
    whole, blanked = code.build(sample), code.build(_blanked(sample, hidden))
    return [name for name in names if not whole[name].astype(object).equals(blanked[name].astype(object))]


def _blanked(frame: pd.DataFrame, hidden: list[Input]) -> pd.DataFrame:
    """Return the rows with the hidden columns as golden rows have them: missing, or a placeholder."""
    blank = {column.name: [None if column.nullable else PLACEHOLDERS[column.kind]] for column in hidden}
    values = as_frame(
        Schema(tuple(hidden), (), "regression", ()),
        [parse_times(blank[column.name]) if column.kind == "time" else blank[column.name] for column in hidden],
    )
    columns = {str(name): values[name].repeat(len(frame)).set_axis(frame.index) for name in values}
    return frame.assign(**columns)
