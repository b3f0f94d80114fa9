from __future__ import annotations

import threading

import pytest

from airloop.laptop import control, state


def test_one_stack_at_a_time_owns_a_home(tmp_path):
    with state.only_one(tmp_path) as first:
        assert first and state.is_held(tmp_path)
        with state.only_one(tmp_path) as second:
            assert not second
    assert not state.is_held(tmp_path)


def test_a_look_never_keeps_a_stack_from_starting(tmp_path):
    done = threading.Event()

    def look():
        while not done.is_set():
            assert not state.is_held(tmp_path / "other")
            state.is_held(tmp_path)

    looking = [threading.Thread(target=look) for _ in range(3)]
    for thread in looking:
        thread.start()
    taken = []
    for _ in range(200):
        with state.only_one(tmp_path) as free:
            taken.append(free)
    done.set()
    for thread in looking:
        thread.join()
    assert taken == [True] * 200


def test_what_goes_wrong_in_a_stack_is_not_taken_for_another_stack(tmp_path):
    with pytest.raises(BlockingIOError, match="no answer yet"), state.only_one(tmp_path) as free:
        assert free
        raise BlockingIOError("no answer yet")


def test_a_state_is_read_back_as_it_was_written(tmp_path):
    written = state.State(mark="m", pid=1).write(tmp_path, phase="ready", airflow_url="http://127.0.0.1:1")
    assert state.read(tmp_path) == written and written.phase == "ready"


def test_no_state_and_a_damaged_one_are_nothing(tmp_path):
    assert state.read(tmp_path) is None
    state.State(mark="m", pid=1).write(tmp_path)
    (tmp_path / "run" / "stack.json").write_text('{"half":')
    assert state.read(tmp_path) is None


def test_stopping_what_never_ran_or_ended_long_ago_says_so(tmp_path):
    assert control.down(tmp_path) is False
    state.State(mark="of nobody", pid=1).write(tmp_path, phase="ready")
    assert control.down(tmp_path) is False
