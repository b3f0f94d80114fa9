"""The only place that runs Great Expectations: one frame and some expectations in, plain results out."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airloop.errors import SpecError
from airloop.validation.suite import Expectation, Suite

if TYPE_CHECKING:
    import pandas as pd

_COMPLETE = {"result_format": "COMPLETE", "return_unexpected_index_query": False}


@dataclass(frozen=True)
class Result:
    """What Great Expectations says about one expectation on one frame."""

    met: bool
    values: dict[str, Any]
    """Its result as it comes. ``unexpected_index_list`` names all rows at fault, sample lists only the first 200."""
    error: str = ""


@contextmanager
def quietly() -> Iterator[None]:
    """Drop warnings: those of Great Expectations are about its own code, not about the data."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def library() -> Any:
    """Import Great Expectations (3 s)."""
    with quietly():
        import great_expectations
    return great_expectations


class Engine:
    """A suite made ready to be run on frames.

    Raises SpecError naming every expectation whose arguments have values that Great Expectations refuses.
    """

    def __init__(self, suite: Suite) -> None:
        self._gx = gx = library()
        from great_expectations.data_context.types import base

        # With settings of its own a context makes no temporary folder for documents, and shows no progress bars.
        settings = base.DataContextConfig(
            store_backend_defaults=base.InMemoryStoreBackendDefaults(),
            progress_bars=base.ProgressBarsConfig(globally=False),
        )
        self._suite = suite
        self._built = {frozenset[str](): build(suite)}
        context = gx.get_context(mode="ephemeral", project_config=settings)
        asset = context.data_sources.add_pandas("partitions").add_dataframe_asset("rows")
        self._batches = asset.add_batch_definition_whole_dataframe("all")

    @property
    def expectations(self) -> list[Any]:
        """The suite as objects of Great Expectations, with the arguments as they are written."""
        return self._built[frozenset()]

    def run(self, frame: pd.DataFrame, numbers: Sequence[int]) -> dict[int, Result]:
        """Return number → result of those expectations on ``frame``."""
        if not numbers:
            return {}
        from great_expectations.validator.v1_validator import Validator

        times = frozenset(str(column) for column in frame.columns if frame[column].dtype.kind == "M")
        if times not in self._built:
            self._built[times] = build(self._suite, times)
        wanted = [self._built[times][number].copy() for number in numbers]
        suite = self._gx.ExpectationSuite(name="airloop", expectations=wanted)
        # What `Batch.validate` does, without making the batch twice.
        validator = Validator(self._batches, result_format=_COMPLETE, batch_parameters={"dataframe": frame})
        with quietly():
            outcome = validator.validate_expectation_suite(suite)
        # Results that raised come first, so each is found by the number that it carries.
        return {one.expectation_config.meta["number"]: _result(one) for one in outcome.results}


def build(suite: Suite, times: frozenset[str] = frozenset()) -> list[Any]:
    """Return the suite's expectations as objects of Great Expectations, each with its number in ``meta``.

    Arguments about the columns ``times``, which hold instants, become instants.
    """
    from great_expectations.compatibility.pydantic import ValidationError
    from great_expectations.expectations.registry import get_expectation_impl

    built, problems = [], []
    for number, expectation in enumerate(suite.expectations):
        try:
            arguments = _with_instants(expectation, times)
            about = {"description": expectation.name} if expectation.name else {}
            with quietly():
                one = get_expectation_impl(expectation.type)(**arguments, **about, meta={"number": number})
            built.append(one)
        except (ValidationError, ValueError, TypeError) as error:
            problems.append(
                f"{suite.where(number)} [{number}]: {expectation.type} refuses its arguments: {_said(error)}"
            )
    if problems:
        raise SpecError("\n".join(problems))
    return built


def _said(error: Exception) -> str:
    details = getattr(error, "errors", None)
    if not callable(details):
        return str(error)
    by_key: dict[str, list[str]] = {}
    for detail in details():
        by_key.setdefault(".".join(str(step) for step in detail["loc"] if step != "__root__"), []).append(detail["msg"])
    # A value that fits none of several types gets one message for each; what follows from it comes under no key.
    texts = [f"{key}: {messages[0]}" for key, messages in by_key.items() if key]
    return "; ".join(texts or by_key.get("", [str(error)]))


def _with_instants(expectation: Expectation, times: frozenset[str]) -> dict[str, Any]:
    """Return the arguments, texts made instants (UTC) where they are compared with instants: they never equal them."""
    if not expectation.columns or not times.issuperset(expectation.columns):
        return dict(expectation.arguments)
    import pandas as pd

    def instant(value: Any) -> Any:
        if isinstance(value, list):
            return [instant(item) for item in value]
        if not isinstance(value, str):
            return value
        stamp = pd.Timestamp(value)
        return stamp.tz_convert("UTC") if stamp.tzinfo else stamp.tz_localize("UTC")

    keys = ("min_value", "max_value", "value_set", "value_pairs_set")
    return {key: instant(value) if key in keys else value for key, value in expectation.arguments.items()}


def _result(outcome: Any) -> Result:
    return Result(
        met=bool(outcome.success), values=dict(outcome.result or {}), error=_error(outcome.exception_info or {})
    )


def _error(info: Mapping[str, Any]) -> str:
    raised = [info] if "raised_exception" in info else [one for one in info.values() if isinstance(one, dict)]
    texts = [str(one.get("exception_message")) for one in raised if one.get("raised_exception")]
    return "; ".join(dict.fromkeys(texts))
