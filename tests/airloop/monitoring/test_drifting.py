"""The drift decision, pure: each level, and what it takes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from airloop.monitoring.drift import Verdict, compare
from airloop.monitoring.drifting import Rules
from airloop.profiles import Profile, merge
from airloop.profiles.reference import PREDICTION, Reference
from airloop.refs import Level
from airloop.training.stretches import natural_distances

DAY = timedelta(days=1)
RULES = Rules(method="psi", warn=0.1, act=0.25, share=0.25, min_rows=500, level=0.0017)
KINDS = {"hour": "number", "price": "number", "shop": "category"}
IMPORTANCE = {"hour": 0.6, "price": 0.1, "shop": 0.3}


def rows_of(
    seed: int, rows: int = 2_000, *, hour: float = 0, price: float = 0, swing: float = 0.1, shop: str = "AB"
) -> dict[str, Any]:
    """Return a day's rows; each day's means differ by ``swing`` standard deviations, and by what is asked for."""
    rng = np.random.default_rng(seed)
    own = rng.normal(scale=swing, size=2)
    return {
        "hour": (rng.normal(size=rows) + own[0] + hour).round(2),
        "price": (rng.normal(size=rows) + own[1] + price).round(2),
        "shop": rng.choice(list(shop), rows),
    }


def profile(rows: dict[str, Any]) -> Profile:
    return Profile.of(rows, KINDS)


def answers(seed: int, rows: int = 2_000, shift: float = 0, swing: float = 0.1) -> Profile:
    rng = np.random.default_rng(1_000 + seed)
    values = (rng.normal(size=rows) + rng.normal(scale=swing) + shift).round(2)
    return Profile.of({PREDICTION: values}, {PREDICTION: "number"})


@pytest.fixture(scope="module")
def reference() -> Reference:
    days, said = [profile(rows_of(seed)) for seed in range(20)], [answers(seed) for seed in range(20)]
    natural, of_answers = natural_distances(days, []), natural_distances(said, [])
    return Reference(
        columns=merge(days),
        prediction=merge(said),
        kinds=dict(KINDS),
        importance=IMPORTANCE,
        window=DAY,
        natural={method: natural[method] | of_answers[method] for method in natural},
        usual_rows=2_000.0,
    )


def verdict(reference: Reference, *, shift: float = 0, rules: Rules = RULES, seed: int = 99, **changed: Any) -> Verdict:
    """Return what is said of a day with changed columns, or predictions shifted by standard deviations."""
    inputs = profile(rows_of(seed, **changed))
    return compare(reference, inputs, answers(seed, inputs.rows, shift), DAY, rules)


def level_of(found: Verdict, name: str) -> Level:
    return next(one.level for one in found.found.columns if one.column.name == name)


def test_an_ordinary_day_is_ok(reference: Reference) -> None:
    found = verdict(reference)
    assert found.found.level == Level.OK
    assert found.reasons == ("nothing that the model uses has moved by a PSI of 0.1 for sure",)
    assert found.found.columns[0].column.name == "prediction"


def test_an_important_column_that_moves_acts_and_is_named(reference: Reference) -> None:
    found = verdict(reference, hour=1)
    assert found.found.level == Level.ACT
    assert found.reasons[0].startswith("columns with 60 % of the importance moved: hour ")
    assert (level_of(found, "hour"), level_of(found, "price")) == (Level.ACT, Level.OK)


def test_an_unimportant_column_that_moves_warns(reference: Reference) -> None:
    found = verdict(reference, price=1)
    assert (found.found.level, level_of(found, "price")) == (Level.WARN, Level.ACT)
    assert "10 % of the importance moved, less than the 25 % that count for retraining" in found.reasons[0]


def test_predictions_act_alone(reference: Reference) -> None:
    found = verdict(reference, shift=1)
    assert (found.found.level, level_of(found, "prediction")) == (Level.ACT, Level.ACT)
    assert found.reasons[0].startswith("predictions moved: PSI ")


def test_a_lesser_effect_warns() -> None:
    # Days of this reference hardly differ, so half of `act` is for sure, and still no more than a warning.
    days, said = [profile(rows_of(seed, swing=0.01)) for seed in range(12)], answers(0, swing=0.0)
    calm = Reference(
        columns=merge(days), prediction=said, kinds=dict(KINDS), importance=IMPORTANCE, window=DAY,
        natural=natural_distances(days, []), usual_rows=2_000.0,
    )  # fmt: skip
    found = verdict(calm, hour=0.4, swing=0.01)
    assert (found.found.level, level_of(found, "hour")) == (Level.WARN, Level.WARN)
    assert found.reasons[0].startswith("moved a little, or less surely: hour ")


def test_a_trivial_shift_in_a_huge_window_does_not_act(reference: Reference) -> None:
    found = verdict(reference, rows=200_000, hour=0.1, swing=0)
    hour = next(one for one in found.found.columns if one.column.name == "hour")
    assert hour.weighed.noise_chance < 1e-9
    assert (found.found.level, hour.level) == (Level.OK, Level.OK)


def test_a_day_far_off_among_days_that_differ_as_much_does_not_act() -> None:
    days = [profile(rows_of(seed, swing=1.0)) for seed in range(20)]
    restless = Reference(
        columns=merge(days), prediction=answers(0), kinds=dict(KINDS), importance=IMPORTANCE, window=DAY,
        natural=natural_distances(days, []), usual_rows=2_000.0,
    )  # fmt: skip
    found = verdict(restless, hour=1.5, swing=0)
    hour = next(one for one in found.found.columns if one.column.name == "hour")
    assert hour.weighed.effect > RULES.act
    assert (found.found.level, hour.level) == (Level.OK, Level.OK)
    assert any("unchanged stretches of this length differ as well: hour " in reason for reason in found.reasons)


def test_a_small_window_does_not_act_and_says_how_many_rows_are_missing(reference: Reference) -> None:
    found = verdict(reference, rows=120, hour=1)
    assert (found.found.level, found.found.missing_rows) == (Level.INCONCLUSIVE, 380)
    assert found.reasons[0] == "120 rows are fewer than `monitor.drift.min_rows`: 380 more are needed"


def test_rows_too_few_to_tell_drift_from_noise_are_inconclusive_with_the_rows_missing(reference: Reference) -> None:
    rules = replace(RULES, min_rows=10)
    found = verdict(reference, rows=60, rules=rules)
    assert found.found.level == Level.INCONCLUSIVE
    missing = found.found.missing_rows
    assert missing is not None and 20 < missing < 200
    assert found.reasons[0].startswith("60 rows are too few to tell drift from chance in prediction, ")
    assert verdict(reference, rows=60 + missing, rules=rules).found.level == Level.OK
    assert verdict(reference, rows=59 + missing, rules=rules).found.level == Level.INCONCLUSIVE


def test_a_drift_that_is_sure_acts_though_other_columns_need_more_rows(reference: Reference) -> None:
    found = verdict(reference, rows=60, rules=replace(RULES, min_rows=10), hour=3)
    assert found.found.level == Level.ACT


def test_a_new_category_is_named_and_moves_its_column(reference: Reference) -> None:
    found = verdict(reference, shop="ABC")
    shop = next(one for one in found.found.columns if one.column.name == "shop")
    assert list(shop.column.facts["new"]) == ["C"]
    assert shop.column.facts["new"]["C"] == pytest.approx(1 / 3, abs=0.05)
    assert (found.found.level, shop.level) == (Level.ACT, Level.ACT)


def test_a_vanished_category_is_named(reference: Reference) -> None:
    found = verdict(reference, shop="A")
    shop = next(one for one in found.found.columns if one.column.name == "shop")
    assert list(shop.column.facts["vanished"]) == ["B"]
    assert shop.level == Level.ACT


@pytest.mark.parametrize("method", ["psi", "jensen_shannon", "wasserstein", "kolmogorov_smirnov"])
def test_a_column_without_a_value_acts_by_its_nulls(reference: Reference, method: Any) -> None:
    rows = rows_of(99)
    rows["hour"] = np.full(2_000, np.nan)
    found = compare(reference, profile(rows), answers(99), DAY, replace(RULES, method=method))
    hour = next(one for one in found.found.columns if one.column.name == "hour")
    assert (found.found.level, hour.level) == (Level.ACT, Level.ACT)
    assert hour.column.facts["nulls"] == [0.0, 1.0]


def test_a_share_of_nulls_that_jumps_acts_though_values_stay(reference: Reference) -> None:
    rows = rows_of(99)
    rows["hour"][::3] = np.nan
    found = compare(reference, profile(rows), answers(99), DAY, RULES)
    hour = next(one for one in found.found.columns if one.column.name == "hour")
    assert (found.found.level, hour.weighed.what) == (Level.ACT, "missing")
    assert "hour missing values " in found.reasons[0]


def test_values_that_the_reference_lacks_act_in_a_column_that_moves_much_by_itself(reference: Reference) -> None:
    restless = {**reference.natural, "wasserstein": {"hour": [90.0] * 20}}
    rows = rows_of(99)
    rows["hour"][::3] = 1_000.0
    found = compare(replace(reference, natural=restless), profile(rows), answers(99), DAY, RULES)
    hour = next(one for one in found.found.columns if one.column.name == "hour")
    assert (hour.level, hour.weighed.what, round(hour.weighed.distance, 2)) == (Level.ACT, "unseen", 0.33)
    assert "hour values never seen 0.33" in found.reasons[0]


@pytest.mark.parametrize("method", ["psi", "jensen_shannon", "wasserstein", "kolmogorov_smirnov"])
def test_every_method_tells_a_moved_day_from_an_ordinary_one(reference: Reference, method: Any) -> None:
    rules = replace(RULES, method=method)
    assert verdict(reference, rules=rules).found.level == Level.OK
    assert verdict(reference, rules=rules, hour=1).found.level == Level.ACT
    assert verdict(reference, rules=rules, shop="AC").found.level == Level.ACT


def test_windows_of_another_length_than_at_the_training_warn_and_ask_for_a_release(reference: Reference) -> None:
    found = compare(reference, profile(rows_of(99, hour=1)), answers(99), timedelta(hours=6), RULES)
    assert (found.found.level, level_of(found, "hour")) == (Level.WARN, Level.WARN)
    assert "so drift warns and does not act: train and release again" in found.reasons[-1]


def test_few_stretches_need_more_and_are_told(reference: Reference) -> None:
    few = {method: {name: one[:1] for name, one in found.items()} for method, found in reference.natural.items()}
    found = verdict(replace(reference, natural=few), hour=1)
    assert found.found.level == Level.OK
    assert found.reasons[-1] == "how much unchanged windows differ is known from only 1, so only extreme drift can act"


def test_predictions_of_which_alone_nature_is_unknown_do_not_count(reference: Reference) -> None:
    known = {
        method: {name: one for name, one in found.items() if name != PREDICTION}
        for method, found in reference.natural.items()
    }
    found = verdict(replace(reference, natural=known), shift=1)
    assert (found.found.level, level_of(found, "prediction")) == (Level.OK, Level.OK)
    assert "from those on the holdout, which does not count" in found.reasons[-1]


def test_rows_without_time_count_as_independent(reference: Reference) -> None:
    timeless = replace(reference, window=None, natural={})
    assert verdict(timeless, swing=0).found.level == Level.OK
    assert verdict(timeless, hour=1).found.level == Level.ACT


def test_without_any_importance_all_columns_count_the_same(reference: Reference) -> None:
    found = verdict(replace(reference, importance={}), price=1)
    assert found.found.level == Level.ACT
    assert "columns with 33.3 % of the importance moved: price" in found.reasons[0]
