from __future__ import annotations

from airloop.laptop import control, state


def test_one_stack_at_a_time_owns_a_home(tmp_path):
    with state.only_one(tmp_path) as first:
        assert first and state.is_held(tmp_path)
        with state.only_one(tmp_path) as second:
            assert not second
    assert not state.is_held(tmp_path)


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
