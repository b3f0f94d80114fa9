from __future__ import annotations

import pytest
import sqlalchemy.exc
from airflow.sdk import RetryAction
from airflow.sdk.exceptions import AirflowException

from airloop.errors import DataError, LostRace, SourceChanged, SpecError, Unreachable, ValidationBlocked
from airloop_airflow.retries import RetryWhatCanHeal


def action(error: BaseException) -> RetryAction:
    return RetryWhatCanHeal().evaluate(error, try_number=1, max_tries=3).action


@pytest.mark.parametrize(
    "error",
    [
        Unreachable("the ledger does not answer"),
        SourceChanged("flights changed while being read"),
        LostRace("another run was first"),
        ConnectionRefusedError("no server"),
        TimeoutError("too slow"),
        sqlalchemy.exc.OperationalError("SELECT 1", {}, Exception("database is locked")),
    ],
)
def test_what_can_heal_is_tried_again(error):
    assert action(error) is RetryAction.RETRY


def test_errors_of_libraries_are_known_by_name_without_importing_them():
    error = type("ConnectTimeout", (Exception,), {"__module__": "requests.exceptions", "__qualname__": "Timeout"})()
    assert action(error) is RetryAction.RETRY


@pytest.mark.parametrize(
    "error",
    [
        DataError("duplicate keys"),
        SpecError("unknown key"),
        ValidationBlocked("a column is empty"),
        KeyError("carrier"),
        MemoryError(),
    ],
)
def test_what_would_only_come_again_fails_at_once(error):
    decision = RetryWhatCanHeal().evaluate(error, try_number=1, max_tries=3)
    assert decision.action is RetryAction.FAIL
    assert decision.reason == f"{type(error).__name__} would only come again"


@pytest.mark.parametrize("error", [AirflowException("its own"), SystemExit(1)])
def test_airflow_decides_about_its_own_errors(error):
    assert action(error) is RetryAction.DEFAULT
