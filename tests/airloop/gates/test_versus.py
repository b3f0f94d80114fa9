import pytest
from hypothesis import given
from hypothesis import strategies as st

from airloop.gates.verdict import Status
from airloop.gates.versus import NO_CHAMPION, NotCompared, holm, judge_champion
from airloop.spec.gates import ChampionGate
from airloop.statistics.bounds import Comparison


def gate(metric="log_loss", **keys):
    return ChampionGate(metric=metric, versus="champion", **keys)


def comparison(gain, *, rows=0.001, training=0.0, own=None, metric="log_loss", fits=(5, 5)):
    """Return a comparison with the given gain and standard errors."""
    return Comparison(
        metric=metric,
        candidate=0.47 - gain,
        champion=0.47,
        gain=gain,
        own_gain=gain if own is None else own,
        row_variance=rows**2,
        training_variance=training**2,
        degrees=1e6,
        fits=fits,
        rows=6000,
        blocks=7,
        unit="day",
        training_noise="of 5 fits of the candidate and 5 of the champion",
    )


def judge_one(gate, comparison, rows=6000):
    (result,) = judge_champion([gate], [comparison], rows)
    return result


def test_not_inferior_passes_within_the_margin():
    result = judge_one(gate(margin=0.002), comparison(-0.0001))
    assert result.status == Status.PASS
    assert result.reason == (
        "log_loss 0.4701 against the champion's 0.47: averaged over 5 trainings of each 0.0001 worse, "
        "at worst 0.0017 worse (95 % sure); 0.002 worse is allowed"
    )


def test_without_margin_equal_is_not_enough():
    assert judge_one(gate(), comparison(0.0)).status == Status.UNDECIDED
    assert judge_one(gate(), comparison(0.002)).status == Status.PASS


def test_proved_worse_than_allowed_fails():
    result = judge_one(gate(margin=0.002), comparison(-0.005))
    assert result.status == Status.FAIL
    assert "0.005 worse, at best 0.0034 worse (95 % sure); 0.002 worse is allowed" in result.reason


def test_undecided_says_how_many_more_rows():
    result = judge_one(gate(margin=0.002), comparison(-0.001, rows=0.001))
    # The bound must shrink from 1.645 to 1 thousandth: 2.7 times the rows, 1.7 times more.
    assert (result.status, result.needed_rows) == (Status.UNDECIDED, 11_000)
    assert result.reason.endswith("About 11,000 further labelled rows would decide it")


def test_only_the_noise_of_rows_shrinks_with_rows():
    alone = judge_one(gate(margin=0.002), comparison(-0.001, rows=0.001))
    both = judge_one(gate(margin=0.002), comparison(-0.001, rows=0.001, training=0.0004))
    assert both.needed_rows > alone.needed_rows


def test_when_the_noise_of_training_is_too_large_rows_cannot_help():
    result = judge_one(gate(margin=0.002), comparison(0.0, rows=0.001, training=0.003))
    assert (result.status, result.needed_rows) == (Status.UNDECIDED, None)
    assert "More rows cannot decide it: the noise of training alone is 0.0049." in result.reason
    assert "More `replicates`" in result.reason and "a wider `margin`" in result.reason


def test_hopelessly_many_rows_are_called_so():
    result = judge_one(gate(), comparison(0.00001))
    assert "more than 100 times as many labelled rows" in result.reason


@pytest.mark.parametrize(
    ("gain", "noise", "status"),
    [
        (0.006, 0.001, Status.PASS),
        (0.004, 0.001, Status.UNDECIDED),  # proved better, but less than asked for
        (0.006, 0.005, Status.UNDECIDED),  # large enough, but not proved
        (0.001, 0.001, Status.FAIL),  # proved to gain less than asked for
    ],
)
def test_min_gain_asks_for_a_proved_and_sufficient_gain(gain, noise, status):
    assert judge_one(gate(min_gain=0.005), comparison(gain, rows=noise)).status == status


def test_a_fit_worse_than_its_recipe_is_held():
    result = judge_one(gate(margin=0.002), comparison(0.003, own=-0.004))
    assert result.status == Status.UNDECIDED
    assert "this fit is 0.004 worse, though averaged over 5 trainings of each it is 0.003 better" in result.reason
    assert result.reason.endswith("Train with another seed")


def test_a_first_model_passes_and_says_that_there_is_no_champion():
    result = judge_one(gate(margin=0.002), NO_CHAMPION, rows=10)
    assert (result.status, result.reason) == (Status.PASS, "no champion yet: the absolute gates decide alone")


def test_what_cannot_be_compared_is_undecided():
    result = judge_one(gate(), NotCompared(Status.UNDECIDED, "the champion cannot be judged"))
    assert (result.status, result.reason) == (Status.UNDECIDED, "the champion cannot be judged")


def test_too_few_rows_hold_whatever_the_gain():
    result = judge_one(gate(min_rows=500), comparison(0.1), rows=120)
    assert (result.status, result.needed_rows) == (Status.UNDECIDED, 380)
    assert "only 120 labelled holdout rows, 500 needed: 380 more" in result.reason


def test_several_gates_share_the_level_of_error():
    gates = [gate(margin=0.002), gate("roc_auc", margin=0.002)]
    results = judge_champion(gates, [comparison(-0.0001), comparison(0.002, metric="roc_auc")], 6000)
    assert [result.status for result in results] == [Status.PASS, Status.PASS]
    # The clearer one is held to 97.5 %, then the other to 95 %.
    assert [result.confidence for result in results] == [pytest.approx(0.95), pytest.approx(0.975)]
    together = judge_champion(gates, [comparison(-0.0002), comparison(-0.0002, metric="roc_auc")], 6000)
    assert [result.status for result in together] == [Status.UNDECIDED, Status.UNDECIDED], "alone each would pass"
    assert judge_one(gates[0], comparison(-0.0002)).status == Status.PASS


def test_shadow_gates_are_not_in_the_family():
    gates = [gate(margin=0.002), gate("roc_auc", mode="shadow")]
    results = judge_champion(gates, [comparison(-0.0002), comparison(-0.01, metric="roc_auc")], 6000)
    assert [(result.status, result.shadow) for result in results] == [(Status.PASS, False), (Status.FAIL, True)]
    assert results[0].confidence == pytest.approx(0.95)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_holm_is_between_bonferroni_and_no_correction(chances):
    levels = holm(chances, [0.05] * len(chances))
    assert all(0.05 / len(chances) <= level <= 0.05 for level in levels)
    rejected = [chance <= level for chance, level in zip(chances, levels, strict=True)]
    assert all(rejected[place] for place, chance in enumerate(chances) if chance <= 0.05 / len(chances))
    # Step-down: whatever is less likely than a rejected one is rejected too.
    worst = max((chance for chance, out in zip(chances, rejected, strict=True) if out), default=0)
    assert all(out for chance, out in zip(chances, rejected, strict=True) if chance < worst)
