"""Rolling back: the previous release, or one by name; checked first, and done once."""

from __future__ import annotations

import shutil

import pytest

from airloop.errors import BundleError, ReleaseRefused, Unreachable

from .conftest import Bench


@pytest.fixture
def three(bench: Bench) -> Bench:
    """A bench on which versions 1, 2 and 3 were released."""
    for number in (1, 2, 3):
        bench.release(bench.bundle(str(number), days=number))
    bench.lines.clear()
    return bench


def test_the_previous_release_is_put_back_with_who_and_why(three: Bench) -> None:
    ref = three.roll_back()
    assert (ref.outcome, ref.version, ref.generation) == ("ROLLED_BACK", "2", 4)
    assert ref.reasons[:2] == ("rolled back from version 3 to version 2", "wrong answers")
    assert three.serves() == "version 2"
    live = three.workspace.ledger.live("flights", "local")
    assert live is not None
    assert (live.kind, live.by, live.restores, live.bundle) == ("roll_back", "ann", 2, ref.digest)


def test_rolling_back_twice_goes_back_twice(three: Bench) -> None:
    three.roll_back(run="first")
    assert three.roll_back(run="second").version == "1"
    with pytest.raises(ReleaseRefused, match=r"version 1 \(generation 5, .* is the first release"):
        three.roll_back(run="third")


def test_a_retry_of_a_roll_back_goes_back_once(three: Bench) -> None:
    first = three.roll_back(run="one")
    assert three.roll_back(run="one") == first
    assert three.workspace.ledger.live("flights", "local").generation == 4  # type: ignore[union-attr]
    three.roll_back("3", run="two")
    with pytest.raises(ReleaseRefused, match=r"run 'one' already rolled back to .* A retry changes nothing"):
        three.roll_back(run="one")


def test_a_version_or_a_generation_can_be_named(three: Bench) -> None:
    assert three.roll_back("1", run="a").version == "1"
    assert three.roll_back("#3", run="b").version == "3"
    with pytest.raises(ReleaseRefused, match=r"version 3 \(generation 5, .*\) is live already"):
        three.roll_back("3", run="c")
    with pytest.raises(
        ReleaseRefused, match=r"version '33' was never live\. Did you mean '3'\? Known: #1, #2, #3, #4, #5, 1, 2, 3\."
    ):
        three.roll_back("33", run="d")


def test_nothing_released_means_nothing_to_go_back_to(bench: Bench) -> None:
    with pytest.raises(ReleaseRefused, match="flights on local: nothing was ever released"):
        bench.roll_back()


@pytest.mark.parametrize("harm", ["missing", "altered"])
def test_a_bundle_that_is_gone_or_altered_is_found_out_before_anything_is_touched(three: Bench, harm: str) -> None:
    bundle = three.workspace.ledger.champions("flights")[1].bundle
    folder = three.workspace.store.folder("bundles", bundle)
    if harm == "missing":
        shutil.rmtree(folder)
    else:
        (folder / "schema.json").write_text("[]")
    said = {"missing": "is not in the store", "altered": "altered schema.json"}[harm]
    with pytest.raises(BundleError, match=rf"cannot go back to version 2 .*{said}.*Nothing was changed"):
        three.roll_back()
    assert three.serves() == "version 3"
    assert len(three.workspace.ledger.champions("flights")) == 3


def test_a_dead_target_leaves_everything_as_it_was(three: Bench) -> None:
    three.target.is_up = False
    with pytest.raises(Unreachable):
        three.roll_back()
    assert len(three.workspace.ledger.champions("flights")) == 3


def test_what_was_rolled_back_comes_back_only_by_name(three: Bench) -> None:
    three.roll_back()
    again = three.bundle("3", days=3)
    ref = three.release(again, run="the next scheduled run")
    assert ref.outcome == "REFUSED"
    assert (
        "version 3 was rolled back in generation 4 (rolled back from version 3 to version 2; wrong answers)"
        in ref.reasons[0]
    )
    assert three.roll_back("3", run="by hand").version == "3"


def test_after_a_roll_back_newer_data_is_released_as_ever(three: Bench) -> None:
    three.roll_back()
    assert three.release(three.bundle("4", days=4)).outcome == "RELEASED"
    assert three.roll_back(run="again").version == "2"


def test_a_late_retry_of_the_release_that_was_rolled_back_is_refused(three: Bench) -> None:
    three.roll_back()
    late = three.release(three.bundle("3", days=3), run="run-3")
    assert late.outcome == "REFUSED"
    assert "run 'run-3' already put version 3 live as generation 3" in late.reasons[0]
    assert three.serves() == "version 2"
