from __future__ import annotations

from importlib import import_module

import numpy as np
import pandas as pd
import pytest

from airloop import clock
from airloop.data import read_partition, take
from airloop.data.rows import part_of

EXAMPLES = [("breast_cancer", "malignant", 569, 31), ("handwritten_digits", "digit", 1797, 65)]


@pytest.mark.parametrize(("name", "label", "rows", "columns"), EXAMPLES)
def test_an_example_without_time_lands_and_is_split(home, workspace, pipeline, name, label, rows, columns):
    land = import_module(f"pipelines.{name}.land").land
    assert (land(home), land(home)) == (True, False)
    example = pipeline(name)
    _, snapshot = take(workspace, example, clock.parse("2024-01-01"))
    assert [(each.rows, each.labelled) for each in snapshot.partitions] == [(rows, rows)]
    assert len(snapshot.columns) == columns
    assert list(snapshot.columns)[-1] == label
    frame = read_partition(workspace, snapshot.partitions[0])
    parts = part_of(example.spec, snapshot, frame)
    assert np.mean(parts == "holdout") == pytest.approx(0.3, abs=0.03)
    shares = frame.groupby(label)[label].count() / rows
    held_out = frame[parts == "holdout"].groupby(label)[label].count() / (parts == "holdout").sum()
    assert (shares - held_out).abs().max() < 0.05, "each class is in both parts"


def test_malignant_is_the_positive_class(home, workspace, pipeline):
    import_module("pipelines.breast_cancer.land").land(home)
    biopsies = pd.read_parquet(home / "data" / "breast_cancer" / "biopsies.parquet")
    assert biopsies["malignant"].sum() == 212
    means = biopsies.groupby("malignant")["mean_area"].mean()
    assert means[True] > means[False]


def test_column_names_are_words(home):
    import_module("pipelines.breast_cancer.land").land(home)
    names = pd.read_parquet(home / "data" / "breast_cancer" / "biopsies.parquet").columns
    assert all(name == name.lower() and name.isidentifier() for name in names)
    assert "worst_fractal_dimension" in names
