"""A servable folder: written once, opened anywhere, the same answers from frames and arrays."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from airloop import digest
from airloop.errors import BundleError, DataError, FeatureError
from airloop.features.code import FeatureCode
from airloop.features.encode import encode
from airloop.features.schema import Feature, Input, Schema
from airloop.scoring import SavedHooks, Scorer, save_servable
from airloop.spec.model import Model
from airloop.trainers import find
from airloop.trainers.checkpoint import Checkpoints
from airloop.trainers.protocol import Rows, TrainingData

CODE = """
import numpy as np
def build(frame):
    return frame.assign(double=frame["x"] * FACTOR)[["double", "kind"]]
def arrays(columns):
    return {"double": columns["x"] * FACTOR, "kind": columns["kind"]}
"""
SCHEMA = Schema(
    (Input("x", "number", True), Input("kind", "text", True)),
    (Feature("double"), Feature("kind", ("a", "b"))),
    "binary",
    ("no", "yes"),
    "refuse",
)
ROWS = pd.DataFrame({"kind": ["a", "b", None, "a"], "x": [0.0, 3.0, np.nan, -2.0], "more": 1}, index=[3, 1, 0, 2])


def make(folder: Path, factor: int = 2) -> Path:
    (folder / "source").mkdir(parents=True)
    (folder / "source" / "features.py").write_text(CODE.replace("FACTOR", str(factor)))
    hooks = SavedHooks("features.py:build", ("x", "kind"), "features.py:arrays")
    code = FeatureCode.load(folder / "source", hooks)
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"x": random.normal(size=300), "kind": random.choice(["a", "b"], 300)})
    matrix = encode(SCHEMA, code.build(frame))
    label = ((matrix[:, 0] > 0) == (matrix[:, 1] > 0)).astype(np.float32)
    data = TrainingData(
        ("double", "kind"), (False, True), 2, Rows(matrix, label, np.arange(300, dtype=np.uint64)), None
    )
    settings = Model(task="binary", rounds=8, early_stopping=0)
    (folder / "model").mkdir()
    fitted = find("xgboost").fit(data, settings, Checkpoints(folder / "work"))
    save_servable(folder / "model", SCHEMA, code, hooks, fitted, "xgboost")
    return folder / "model"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("servable"))


def test_frames_and_arrays_get_the_same_answers_whatever_else_they_carry(folder):
    scorer = Scorer.open(folder)
    columns = {name: ROWS[name].to_numpy() for name in ROWS}
    assert scorer.schema == SCHEMA
    assert scorer.matrix(ROWS).tobytes() == scorer.matrix(columns).tobytes()
    answers = scorer.predict(ROWS)
    assert (answers.dtype, answers.shape) == (np.float64, (4,))
    np.testing.assert_array_equal(answers, scorer.predict(columns))
    np.testing.assert_array_equal(answers[2:3], scorer.predict(ROWS.iloc[2:3]))


def test_opening_and_predicting_leave_the_folder_as_it_was(folder):
    before = digest.files_of(folder)
    Scorer.open(folder).predict(ROWS)
    assert digest.files_of(folder) == before


def test_two_versions_side_by_side_keep_their_own_code(folder, tmp_path):
    old, new = Scorer.open(folder), Scorer.open(make(tmp_path, factor=5))
    assert old.matrix(ROWS)[1, 0] == 6
    assert new.matrix(ROWS)[1, 0] == 15


def test_unknown_categories_are_refused_or_missing(folder):
    scorer = Scorer.open(folder)
    unseen = ROWS.assign(kind="c")
    with pytest.raises(DataError, match=r"feature 'kind' has categories never seen in training: 'c'"):
        scorer.predict(unseen)
    np.testing.assert_array_equal(scorer.predict(unseen, "missing"), scorer.predict(ROWS.assign(kind=None)))


def test_a_missing_input_is_named(folder):
    with pytest.raises(FeatureError, match=r"features.py:build: input columns \['x'\] are not in the data"):
        Scorer.open(folder).predict(ROWS[["kind"]])


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("schema.json", r"schema.json is missing; the folder is not a model or bundle"),
        ("model/trainer.json", r"holds no model: trainer.json cannot be read"),
    ],
)
def test_an_incomplete_folder_is_refused(tmp_path, file, message):
    folder = make(tmp_path)
    (folder / file).unlink()
    with pytest.raises(BundleError, match=message):
        Scorer.open(folder)


def test_a_broken_model_or_schema_is_refused(tmp_path):
    folder = make(tmp_path)
    (folder / "model" / "model.ubj").write_bytes(b"{broken")
    with pytest.raises(BundleError, match=r"model.ubj cannot be read: "):
        Scorer.open(folder)
    (folder / "schema.json").write_text('{"inputs": 3}')
    with pytest.raises(BundleError, match=r"schema.json cannot be read: Expected `array`, got `int`"):
        Scorer.open(folder)


def test_predicting_from_arrays_needs_no_pandas_and_no_scikit_learn(folder):
    script = (
        "import sys; from pathlib import Path; import numpy as np; from airloop.scoring import Scorer\n"
        "columns = {'x': np.array([1.0]), 'kind': np.array(['a'], dtype=object)}\n"
        f"Scorer.open(Path({str(folder)!r})).predict(columns)\n"
        "print([name for name in ('sklearn', 'pandas', 'pydantic', 'mlflow', 'sqlalchemy') if name in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": "include"}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, check=True)
    assert done.stdout == b"[]\n"
