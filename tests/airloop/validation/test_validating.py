from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from airloop.data import read_partition
from airloop.errors import SpecError, ValidationBlocked
from airloop.validation import load_validation, validate
from airloop.workspace import PROJECT

GOOD = """\
- {expect: ExpectTableRowCountToBeBetween, min_value: 1, max_value: 100}
- {expect: ExpectColumnValuesToBeBetween, column: price, min_value: 0, max_value: 1000}
- {expect: ExpectColumnValuesToBeInSet, column: country, value_set: [DE, FR, PL], severity: quarantine}
- {expect: ExpectColumnMeanToBeBetween, column: price, max_value: 100, severity: warn}
"""


def test_good_data_passes_and_gives_small_json(orders):
    orders.lands()
    pipeline = orders.expects(GOOD)
    name, validation = validate(orders.workspace, pipeline, orders.snapshot(pipeline))
    assert (validation.expectations, len(validation.partitions), validation.quarantined) == (4, 4, 0)
    assert validation.warnings == validation.failures == ()
    assert validation == load_validation(orders.workspace, name)
    assert len(validation.model_dump_json()) < 1_500


def test_block_stops_the_run_and_says_what_where_and_for_example(orders):
    orders.lands({1: orders.day(1, price=[-1.0, -1.0, 5.0, 6.0, -3.0, 1.0])})
    pipeline = orders.expects(GOOD)
    snapshot = orders.snapshot(pipeline)
    with pytest.raises(ValidationBlocked) as caught:
        validate(orders.workspace, pipeline, snapshot)
    first, problem, docs = str(caught.value).splitlines()
    assert first == "orders as of 2024-05-05T00:00:00Z: the data is not used, 1 expectation not met."
    assert problem.endswith(
        "expectations.yaml:2 [1] expect_column_values_to_be_between price: "
        "3 rows in 1 of 4 partitions (2024-05-02: 3), for example -1 (2 times), -3"
    )
    page = Path(docs.removeprefix("Data Docs: "))
    assert "blocked" in page.read_text(encoding="utf-8")
    assert caught.value.retryable is False


def test_blocked_data_stays_blocked_without_being_checked_again(orders):
    orders.lands({1: orders.day(1, price=-1.0)})
    pipeline = orders.expects(GOOD)
    snapshot = orders.snapshot(pipeline)
    with pytest.raises(ValidationBlocked) as first:
        validate(orders.workspace, pipeline, snapshot)
    kept = orders.kept()
    with pytest.raises(ValidationBlocked) as second:
        validate(orders.workspace, pipeline, snapshot)
    assert str(first.value) == str(second.value)
    assert kept == orders.kept()


def test_quarantine_sets_rows_aside_and_keeps_them_with_the_reason(orders):
    wrong = orders.day(0, country=["DE", "XX", "FR", "YY", "PL", "XX"])
    orders.lands({0: wrong, 2: orders.day(2, country="ZZ", rows=3)})
    pipeline = orders.expects(GOOD)
    snapshot = orders.snapshot(pipeline)
    _, validation = validate(orders.workspace, pipeline, snapshot)
    first, _, third, _ = snapshot.partitions
    excluded = {name: positions.tolist() for name, positions in validation.excluded_positions().items()}
    assert excluded == {first.digest: [1, 3, 5], third.digest: [0, 1, 2]}
    assert validation.warnings == (
        "[2] expect_column_values_to_be_in_set country: 6 rows in 2 of 4 partitions (2024-05-01: 3, 2024-05-03: 3), "
        "for example 'ZZ' (3 times), 'XX' (2 times), 'YY'; set aside",
    )
    folder = orders.workspace.store.folder("validations", validation.partitions[first.digest])
    rows = pd.read_parquet(folder / "quarantined.parquet")
    assert rows["airloop_partition"].unique().tolist() == [first.digest]
    assert rows["airloop_position"].tolist() == [1, 3, 5]
    assert set(rows["airloop_reasons"]) == {"expect_column_values_to_be_in_set country"}
    source = read_partition(orders.workspace, first).iloc[[1, 3, 5]].reset_index(drop=True)
    pd.testing.assert_frame_equal(rows[source.columns], source)


def test_a_row_with_several_reasons_is_set_aside_once(orders):
    orders.lands({3: orders.day(3, price=-1.0, country="XX", rows=1)})
    pipeline = orders.expects(GOOD.replace("max_value: 1000", "max_value: 1000, severity: quarantine"))
    _, validation = validate(orders.workspace, pipeline, orders.snapshot(pipeline))
    (partition,) = validation.excluded
    folder = orders.workspace.store.folder("validations", validation.partitions[partition])
    assert pd.read_parquet(folder / "quarantined.parquet")["airloop_reasons"].tolist() == [
        "expect_column_values_to_be_between price; expect_column_values_to_be_in_set country"
    ]
    assert validation.quarantined == 1


def test_warn_says_so_and_goes_on(orders):
    orders.lands({1: orders.day(1, price=500.0), 3: orders.day(3, price=400.0)})
    pipeline = orders.expects(GOOD)
    _, validation = validate(orders.workspace, pipeline, orders.snapshot(pipeline))
    assert validation.warnings == (
        "[3] expect_column_mean_to_be_between price: not met in 2 of 4 partitions (2024-05-02: 500, 2024-05-04: 400)",
    )
    assert validation.failures == () and validation.quarantined == 0


def test_mostly_forgives_as_long_as_it_holds_in_a_partition(orders):
    one, two = ([-1.0] * broken + [1.0] * (10 - broken) for broken in (1, 2))
    orders.lands({1: orders.day(1, rows=10, price=one), 2: orders.day(2, rows=10, price=two)})
    pipeline = orders.expects(
        "- {expect: ExpectColumnValuesToBeBetween, column: price, min_value: 0, mostly: 0.9, severity: quarantine}\n"
    )
    snapshot = orders.snapshot(pipeline)
    _, validation = validate(orders.workspace, pipeline, snapshot)
    assert validation.excluded == {snapshot.partitions[2].digest: (0, 1)}


def test_without_expectations_the_outcome_says_that_nothing_was_checked(orders):
    orders.lands()
    pipeline = orders.expects(None)
    _, validation = validate(orders.workspace, pipeline, orders.snapshot(pipeline))
    assert validation.expectations == 0
    assert validation.warnings == ("nothing was checked: the pipeline names no expectations (data.expectations)",)
    assert "nothing was checked" in Path(validation.docs).read_text(encoding="utf-8")


def test_a_column_that_is_not_there_blocks_and_names_the_nearest(orders):
    orders.lands()
    pipeline = orders.expects("- {expect: ExpectColumnValuesToBeUnique, column: pric, severity: quarantine}\n")
    with pytest.raises(
        ValidationBlocked,
        match=r"could not be checked in 4 of 4 partitions: there is no column 'pric'. Did you mean 'price'",
    ):
        validate(orders.workspace, pipeline, orders.snapshot(pipeline))


def test_what_great_expectations_cannot_check_is_a_failure_of_its_own(orders):
    orders.lands()
    pipeline = orders.expects(
        "- {expect: ExpectColumnValuesToBeBetween, column: country, min_value: 0, max_value: 3}\n"
    )
    with pytest.raises(ValidationBlocked, match=r"could not be checked in 4 of 4 partitions: .*of the same type"):
        validate(orders.workspace, pipeline, orders.snapshot(pipeline))


def test_arguments_that_great_expectations_refuses_are_a_spec_error(orders):
    orders.lands()
    pipeline = orders.expects(
        "- {expect: ExpectColumnToExist, column: id}\n- {expect: ExpectColumnValuesToBeBetween, column: price}\n"
        "- {expect: ExpectColumnValuesToBeBetween, column: price, min_value: [1]}\n"
    )
    with pytest.raises(SpecError) as caught:
        validate(orders.workspace, pipeline, orders.snapshot(pipeline))
    second, third = str(caught.value).splitlines()
    assert "expectations.yaml:2 [1]: expect_column_values_to_be_between refuses its arguments: " in second
    assert "min_value and max_value cannot both be None" in second
    assert third.endswith(
        "expectations.yaml:3 [2]: expect_column_values_to_be_between refuses its arguments: "
        "min_value: value is not a valid float"
    )


def test_only_new_partitions_are_checked_and_results_merge(orders):
    orders.lands({0: orders.day(0, country="XX")})
    pipeline = orders.expects(GOOD)
    before = orders.snapshot(pipeline, "2024-05-04")
    _, earlier = validate(orders.workspace, pipeline, before)
    kept = orders.kept()
    _, later = validate(orders.workspace, pipeline, orders.snapshot(pipeline, "2024-05-05"))
    assert kept.items() < orders.kept().items()
    assert earlier.partitions.items() < later.partitions.items()
    assert earlier.excluded == later.excluded
    new = {Path(path).parent.name for path in orders.kept().keys() - kept.keys()}
    assert len(new) == 2  # one partition and the merged outcome


def test_a_changed_expectation_is_checked_anew(orders):
    orders.lands()
    pipeline = orders.expects(GOOD)
    snapshot = orders.snapshot(pipeline)
    first, _ = validate(orders.workspace, pipeline, snapshot)
    changed = orders.expects(GOOD.replace("max_value: 100,", "max_value: 1,"))
    second, validation = validate(orders.workspace, changed, snapshot)
    assert first != second
    assert len(validation.warnings) == 1


AGAIN = """\
import sys
from airloop import clock
from airloop.data import take
from airloop.spec import find
from airloop.validation import validate
from airloop.workspace import Workspace

workspace = Workspace.from_environment()
pipeline = find("orders", workspace)
for as_of in sys.argv[1:]:
    validate(workspace, pipeline, take(workspace, pipeline, clock.parse(as_of))[1])
    print(as_of, sorted({"great_expectations", "jinja2"} & set(sys.modules)))
"""


def test_great_expectations_is_not_imported_when_every_partition_is_known(orders):
    orders.lands()
    pipeline = orders.expects(GOOD)
    validate(orders.workspace, pipeline, orders.snapshot(pipeline))
    environ = {
        "PYTHONPATH": str(PROJECT / "include"),
        "AIRLOOP_HOME": str(orders.workspace.home),
        "AIRLOOP_PIPELINES": str(orders.workspace.pipelines),
    }
    same, fewer = "2024-05-05", "2024-05-04"
    done = subprocess.run(
        [sys.executable, "-c", AGAIN, same, fewer], env=environ, capture_output=True, text=True, check=True, timeout=60
    )
    # Nothing at all for the same snapshot; only the first page is new for one with fewer of the same partitions.
    assert done.stdout.splitlines() == [f"{same} []", f"{fewer} ['jinja2']"]


def test_private_columns_are_never_written(orders):
    orders.lands({1: orders.day(1, price=-1.0, email="secret-dup@example.org")})
    pipeline = orders.expects(
        "- {expect: ExpectColumnValuesToBeUnique, column: email, severity: quarantine}\n"
        "- {expect: ExpectColumnValuesToMatchRegex, column: email, regex: 'nothing'}\n"
        "- {expect: ExpectColumnDistinctValuesToBeInSet, column: email, value_set: [a], severity: warn}\n"
        "- {expect: ExpectColumnValuesToBeBetween, column: email, min_value: 3}\n"
        "- {expect: ExpectColumnPairValuesToBeEqual, column_A: country, column_B: email}\n"
        "- {expect: ExpectColumnValuesToBeBetween, column: price, min_value: 0, severity: quarantine}\n",
        private="email",
    )
    with pytest.raises(ValidationBlocked) as caught:
        validate(orders.workspace, pipeline, orders.snapshot(pipeline))
    assert "24 rows in 4 of 4 partitions" in str(caught.value)
    assert "its message is withheld because the column is private" in str(caught.value)
    written = [Path(path) for path in orders.kept()]
    assert sum(path.name == "quarantined.parquet" for path in written) == 1
    for path in written:
        assert b"secret" not in path.read_bytes(), path
        if path.suffix == ".parquet":
            assert "email" not in pd.read_parquet(path).columns
    assert "secret" not in str(caught.value)


def test_columns_made_private_later_hide_what_was_shown(orders):
    orders.lands({1: orders.day(1, country="XX")})
    pipeline = orders.expects(GOOD)
    _, before = validate(orders.workspace, pipeline, orders.snapshot(pipeline))
    hidden = orders.expects(GOOD, private="country")
    _, after = validate(orders.workspace, hidden, orders.snapshot(hidden))
    assert "'XX'" in before.warnings[0] and "XX" not in after.warnings[0]
    assert before.excluded == after.excluded


def test_texts_are_instants_where_the_column_holds_instants(orders):
    orders.lands()
    pipeline = orders.expects(
        "- {expect: ExpectColumnValuesToBeBetween, column: at, min_value: 2024-05-02, severity: quarantine}\n"
        "- {expect: ExpectColumnMaxToBeBetween, column: at, max_value: '2024-05-04T00:00:00+02:00', severity: warn}\n"
    )
    snapshot = orders.snapshot(pipeline)
    _, validation = validate(orders.workspace, pipeline, snapshot)
    assert validation.excluded == {snapshot.partitions[0].digest: (0, 1, 2, 3, 4, 5)}
    assert "(2024-05-04: '2024-05-04T12:05:00+00:00')" in validation.warnings[1]


KILLED = """\
import os, signal, sys, threading, time
from pathlib import Path

def kill_at_the_first_artifact(root):
    while not any(root.glob("*/page.html")):
        time.sleep(0.001)
    os.kill(os.getpid(), signal.SIGKILL)

threading.Thread(target=kill_at_the_first_artifact, args=[Path(sys.argv[1])], daemon=True).start()
sys.argv[1:] = sys.argv[2:]
"""


@pytest.mark.slow
def test_a_killed_check_leaves_whole_partitions_only_and_a_retry_goes_on(orders):
    orders.lands({1: orders.day(1, country="XX")})
    pipeline = orders.expects(GOOD)
    snapshot = orders.snapshot(pipeline)
    environ = {
        "PYTHONPATH": str(PROJECT / "include"),
        "AIRLOOP_HOME": str(orders.workspace.home),
        "AIRLOOP_PIPELINES": str(orders.workspace.pipelines),
    }
    root = Path(orders.workspace.store_url) / "validations"
    code = KILLED + AGAIN
    done = subprocess.run([sys.executable, "-c", code, root, "2024-05-05"], env=environ, check=False, timeout=60)
    assert done.returncode == -9
    kept = {path.name for path in root.iterdir()}
    assert 1 <= len(kept) < 5
    before = orders.kept()
    _, validation = validate(orders.workspace, pipeline, snapshot)
    assert before.items() < orders.kept().items()
    assert kept < {*validation.partitions.values()}
    assert [orders.workspace.store.altered_files("validations", path.name) for path in root.iterdir()] == [[]] * 5
    fresh = read_partition(orders.workspace, snapshot.partitions[1])
    assert validation.excluded == {snapshot.partitions[1].digest: tuple(range(len(fresh)))}


def test_rows_that_cannot_be_read_leave_nothing_half_written(orders):
    orders.lands()
    pipeline = orders.expects(GOOD)
    snapshot = orders.snapshot(pipeline)
    third = orders.workspace.store.folder("partitions", snapshot.partitions[2].digest)
    third.rename(third.with_name("away"))
    with pytest.raises(FileNotFoundError):
        validate(orders.workspace, pipeline, snapshot)
    assert orders.kept() == {}
    assert list((Path(orders.workspace.store_url) / ".scratch").iterdir()) == []
