import pytest

from airloop.reports.wording import apart, better_or_worse, listed, number, percent, rounded_up


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.68421, "0.684"), (0.62, "0.62"), (1.0, "1"), (12.345, "12.3"), (12345.6, "12,346"), (0.00021, "0.00021")],
)
def test_numbers_have_three_digits_that_count(value, text):
    assert number(value) == text


def test_numbers_that_differ_look_different():
    assert apart(0.61996, 0.62) == ("0.61996", "0.62")
    assert apart(0.684, 0.62) == ("0.684", "0.62")
    assert apart(0.5, 0.5) == ("0.5", "0.5")


def test_gains_lists_shares_and_counts():
    assert [better_or_worse(gain) for gain in (0.00131, -0.02, 0.0)] == ["0.0013 better", "0.02 worse", "no different"]
    assert listed(["a", "b"]) == "a, b" and listed(list("abcdef"), most=4) == "a, b, c, d and 2 more"
    assert (percent(0.95), percent(0.975)) == ("95 %", "97.5 %")
    assert [rounded_up(count) for count in (1, 99, 3312, 10240)] == [1, 99, 3400, 11_000]
