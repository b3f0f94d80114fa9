from __future__ import annotations

import itertools

import pyarrow as pa
import pyarrow.parquet as pq

from airloop.data.content import of_table

TIME = pa.timestamp("us", tz="UTC")


def test_the_same_content_has_the_same_digest_in_any_layout(tmp_path):
    table = pa.table(
        {
            "a": pa.array([1.5, None, 2.0]),
            "b": pa.array(["x", "", None]),
            "c": pa.array([True, None, False]),
            "d": pa.array([1, 2, None], TIME),
            "e": pa.nulls(3),
        }
    )
    chunked = pa.concat_tables([table.slice(0, 1), table.slice(1)])
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=1, compression="none")
    longer = pa.concat_tables([table, table]).slice(3)
    for other in (chunked, pq.read_table(tmp_path / "a.parquet"), longer):
        assert of_table(other) == of_table(table)


def test_whatever_differs_has_another_digest():
    tables = [
        pa.table({"a": pa.array([1, 2])}),
        pa.table({"b": pa.array([1, 2])}),
        pa.table({"a": pa.array([2, 1])}),
        pa.table({"a": pa.array([1.0, 2.0])}),
        pa.table({"a": pa.array([1, None])}),
        pa.table({"a": pa.array([1, 0])}),
        pa.table({"a": pa.array(["1", "2"])}),
        pa.table({"a": pa.array(["12", ""])}),
        pa.table({"a": pa.array(["", "12"])}),
        pa.table({"a": pa.array([None, "12"])}),
        pa.table({"a": pa.array([True, False])}),
        pa.table({"a": pa.array([1, 2], TIME)}),
        pa.table({"a": pa.nulls(2)}),
        pa.table({"a": pa.nulls(3)}),
        pa.table({"a": pa.array([1, 2]), "b": pa.array([1, 2])}),
    ]
    digests = [of_table(table) for table in tables]
    assert all(one != other for one, other in itertools.combinations(digests, 2))


def test_the_digest_never_changes():
    """Data versions outlive releases: where this fails, all partitions get new names."""
    table = pa.table({"at": pa.array([1_363_586_400_000_000], TIME), "x": [1.5], "name": ["äb"], "y": [True]})
    assert of_table(table) == "54cc066d9cbac618c7ff2812bf285b49521efe042442fd15d10c32d23cec12f5"
