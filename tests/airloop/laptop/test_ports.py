from __future__ import annotations

import socket

import pytest

from airloop.laptop import ports


@pytest.fixture
def taken():
    with socket.socket() as listener:
        listener.bind((ports.HOST, 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_taken_port_that_was_asked_for_says_which_and_what_to_set(taken):
    with pytest.raises(
        ports.PortTaken, match=f"AIRLOOP_AIRFLOW_PORT={taken}: port {taken} for Airflow is taken"
    ) as error:
        ports.choose({"AIRLOOP_AIRFLOW_PORT": str(taken)}, "AIRLOOP_AIRFLOW_PORT", 1, "Airflow")
    assert "Set AIRLOOP_AIRFLOW_PORT to a free port, or unset it" in str(error.value)


@pytest.mark.parametrize("asked", ["eighty", "0", "70000", "-1"])
def test_what_is_no_port_is_refused(asked):
    with pytest.raises(ports.PortTaken, match="needs a port from 1 to 65535"):
        ports.choose({"AIRLOOP_SERVER_PORT": asked}, "AIRLOOP_SERVER_PORT", 1, "the model server")


def test_a_taken_default_is_replaced_by_a_free_port(taken):
    port = ports.choose({}, "AIRLOOP_AIRFLOW_PORT", taken, "Airflow")
    assert port != taken and ports.is_free(port)


def test_a_free_port_that_was_asked_for_is_taken_as_it_is():
    free = ports.any_free()
    assert ports.choose({"AIRLOOP_AIRFLOW_PORT": str(free)}, "AIRLOOP_AIRFLOW_PORT", 1, "Airflow") == free
