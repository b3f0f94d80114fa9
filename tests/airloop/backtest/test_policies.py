from __future__ import annotations

from airloop.backtest.policies import answering


def test_all_policies_begin_with_the_first_model_that_the_gates_let_in():
    found = answering([True, True, True, True], [False, True, False, True])
    assert found == [
        {},
        {"never": 1, "always": 1, "gates": 1},
        {"never": 1, "always": 2, "gates": 1},
        {"never": 1, "always": 3, "gates": 3},
    ]


def test_a_tick_that_gave_no_model_leaves_everyone_with_what_they_had():
    found = answering([False, True, False, True], [False, True, False, False])
    assert found[2] == {"never": 1, "always": 1, "gates": 1}
    assert found[3] == {"never": 1, "always": 3, "gates": 1}


def test_where_the_gates_let_nothing_in_the_other_two_are_still_compared():
    assert answering([False, True, True], [False, False, False]) == [
        {},
        {"never": 1, "always": 1},
        {"never": 1, "always": 2},
    ]


def test_without_any_model_nobody_answers():
    assert answering([False, False], [False, False]) == [{}, {}]
