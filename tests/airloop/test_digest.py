from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airloop import digest

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), values, max_size=5))
def test_order_of_keys_does_not_change_the_digest(value):
    assert digest.of_value(value) == digest.of_value(dict(reversed(value.items())))


def test_known_digests_stay():
    assert digest.of_bytes(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert digest.of_value({"b": 1, "a": "é"}) == digest.of_bytes('{"a":"é","b":1}'.encode())


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {"a": [float("-inf")]}])
def test_values_that_json_cannot_hold_are_refused(value):
    with pytest.raises(ValueError, match="not JSON compliant"):
        digest.of_value(value)


def test_a_set_is_refused():
    with pytest.raises(TypeError, match="set is not JSON serializable"):
        digest.of_value({"a": {1}})


def test_folder_digest_sees_bytes_names_and_places(tmp_path):
    (tmp_path / "a").mkdir()
    file = tmp_path / "a" / "x.txt"
    file.write_text("one")
    first = digest.of_folder(tmp_path)
    assert digest.files_of(tmp_path) == {"a/x.txt": digest.of_bytes(b"one")}
    file.write_text("two")
    second = digest.of_folder(tmp_path)
    file.rename(tmp_path / "x.txt")
    third = digest.of_folder(tmp_path)
    assert len({first, second, third}) == 3
    assert digest.of_file(tmp_path / "x.txt") == digest.of_bytes(b"two")
