"""Loading the user's code and checking what it returns."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from airloop.errors import FeatureError
from airloop.features.code import FeatureCode
from airloop.spec.model import Features

ROWS = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": ["x", "y", "x"], "late": [0, 1, 0]}, index=[4, 7, 9])


def write(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    return folder


def load(folder: Path, body: str, inputs: tuple[str, ...] = ("a", "b")) -> FeatureCode:
    write(folder, features=f"import numpy as np\nimport pandas as pd\ndef build(frame):\n    {body}\n")
    return FeatureCode.load(folder, Features(build="features.py:build", inputs=inputs))


def test_only_the_inputs_reach_the_function(tmp_path):
    code = load(tmp_path, "return pd.DataFrame({'seen': [','.join(frame)] * len(frame)}, index=frame.index)")
    assert code.build(ROWS)["seen"].tolist() == ["a,b"] * 3


def test_the_function_cannot_change_the_rows_it_was_given(tmp_path):
    code = load(tmp_path, "frame['a'] = 0.0; return frame")
    before = ROWS.copy()
    assert code.build(ROWS)["a"].tolist() == [0, 0, 0]
    pd.testing.assert_frame_equal(ROWS, before)


def test_without_features_the_inputs_are_the_features(tmp_path):
    code = FeatureCode.load(tmp_path, None, ("b", "a"))
    assert list(code.build(ROWS)) == ["b", "a"]
    assert code.has_arrays


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return frame['a']", r"features.py:build returned Series; it must return a DataFrame"),
        ("return frame.head(2)", r"returned 2 rows for 3"),
        ("return frame.iloc[::-1]", r"another order or under another index"),
        ("return frame.reset_index(drop=True)", r"another order or under another index"),
        ("return pd.concat([frame, frame], axis=1)", r"columns \['a', 'b'\] more than once"),
        ("return frame.rename(columns={'a': 1})", r"not texts: \[1, 'b'\]"),
        ("return frame[[]]", r"returned no column"),
        ("return 1 / 0", r"features.py:build failed on 3 rows with columns \['a', 'b'\]: ZeroDivisionError"),
    ],
)
def test_what_is_not_features_is_refused(tmp_path, body, message):
    with pytest.raises(FeatureError, match=message):
        load(tmp_path, body).build(ROWS)


def test_a_missing_input_is_named_with_the_nearest_column(tmp_path):
    code = load(tmp_path, "return frame", inputs=("latte",))
    with pytest.raises(FeatureError, match=r"\['latte'\] are not in the data. Did you mean 'late'\?"):
        code.build(ROWS)


def test_a_missing_file_or_function_is_named_with_the_nearest(tmp_path):
    write(tmp_path, features="def build(frame): return frame")
    with pytest.raises(FeatureError, match=r"feature.py does not exist. Did you mean 'features.py'\?"):
        FeatureCode.load(tmp_path, Features(build="feature.py:build"))
    with pytest.raises(FeatureError, match=r"features.py: no function 'biuld'. Did you mean 'build'\?"):
        FeatureCode.load(tmp_path, Features(build="features.py:biuld"))


def test_code_that_cannot_be_imported_is_named(tmp_path):
    write(tmp_path, features="import no_such_library\ndef build(frame): return frame")
    with pytest.raises(FeatureError, match=r"features.py cannot be loaded: ModuleNotFoundError: .*no_such_library"):
        FeatureCode.load(tmp_path, Features(build="features.py:build"))
    write(tmp_path, features="def build(:")
    with pytest.raises(FeatureError, match=r"features.py is not Python: invalid syntax"):
        FeatureCode.load(tmp_path, Features(build="features.py:build"))


USES_SIBLINGS = """
import scale
from places import near
def build(frame):
    import late_import
    return frame[["a"]] * scale.FACTOR * near.FACTOR + late_import.SHIFT
"""


def with_siblings(folder: Path, factor: int) -> FeatureCode:
    write(folder, features=USES_SIBLINGS, scale=f"FACTOR = {factor}", late_import="SHIFT = 0", land="raise SystemExit")
    write(folder / "places", __init__="from . import near", near="from scale import FACTOR")
    return FeatureCode.load(folder, Features(build="features.py:build", inputs=("a",)))


def test_neighbours_are_imported_and_two_pipelines_never_share_them(tmp_path):
    path, modules = list(sys.path), set(sys.modules)
    two, three = with_siblings(tmp_path / "one", 2), with_siblings(tmp_path / "other", 3)
    assert two.build(ROWS)["a"].tolist() == [4, 8, 12]
    assert three.build(ROWS)["a"].tolist() == [9, 18, 27]
    assert sys.path == path
    assert {name.partition(".")[0].startswith("airloop_code_") for name in set(sys.modules) - modules} == {True}
    assert not list(tmp_path.rglob("__pycache__"))


def test_a_changed_file_is_loaded_anew_in_the_same_process(tmp_path):
    assert with_siblings(tmp_path, 2).build(ROWS)["a"].tolist() == [4, 8, 12]
    assert with_siblings(tmp_path, 3).build(ROWS)["a"].tolist() == [9, 18, 27]


def test_digest_and_saved_files_cover_the_code_and_no_neighbour(tmp_path):
    code = with_siblings(tmp_path / "a", 2)
    code.save(tmp_path / "saved")
    saved = sorted(path.relative_to(tmp_path / "saved").as_posix() for path in (tmp_path / "saved").rglob("*.py"))
    assert saved == ["features.py", "late_import.py", "places/__init__.py", "places/near.py", "scale.py"]
    again = FeatureCode.load(tmp_path / "saved", Features(build="features.py:build", inputs=("a",)))
    assert again.digest == code.digest
    assert again.build(ROWS)["a"].tolist() == [4, 8, 12]
    (tmp_path / "a" / "land.py").write_text("changed = True")
    assert FeatureCode.load(tmp_path / "a", Features(build="features.py:build")).digest == code.digest
    (tmp_path / "a" / "scale.py").write_text("FACTOR = 4")
    assert FeatureCode.load(tmp_path / "a", Features(build="features.py:build")).digest != code.digest


def test_arrays_are_checked_and_optional(tmp_path):
    text = "def build(f): return f[['a']]\ndef fast(c): return {'a': c['a']}\ndef slow(c): return {'a': c['a'][:1]}\n"
    write(tmp_path, features=text)
    columns = {"a": np.arange(3.0), "late": np.zeros(3)}
    fast = FeatureCode.load(tmp_path, Features(build="features.py:build", inputs=("a",), arrays="features.py:fast"))
    assert fast.arrays(columns)["a"].tolist() == [0, 1, 2]
    slow = FeatureCode.load(tmp_path, Features(build="features.py:build", inputs=("a",), arrays="features.py:slow"))
    with pytest.raises(FeatureError, match=r"features.py:slow returned 'a' with shape \(1,\); expected \(3,\)"):
        slow.arrays(columns)
    none = FeatureCode.load(tmp_path, Features(build="features.py:build", inputs=("a",)))
    assert none.arrays(columns) is None
    assert not none.has_arrays
