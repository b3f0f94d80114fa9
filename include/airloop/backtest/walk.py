"""What a backtest found, tick by tick, and the three policies' scores drawn from it. Plain frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from airloop.backtest.contrast import MeanGain, mean_gain
from airloop.backtest.policies import Policy
from airloop.backtest.scoring import Score, Scored

SKIPPED = "SKIPPED"
"""Of a tick that gave no verdict."""


@dataclass(frozen=True)
class Step:
    """One tick: its candidate, the verdict there would have been, and who would have answered afterwards."""

    as_of: datetime
    until: datetime
    known_until: datetime
    outcome: str
    """PROMOTE, HOLD, REJECT or SKIPPED."""
    reasons: tuple[str, ...]
    model: str = ""
    """Digest of the candidate; "" where none could be trained."""
    version: str = ""
    snapshot: str = ""
    verdict: str = ""
    """Digest of the rehearsed verdict."""
    against: str = ""
    """Version of the champion that it was judged against; "" without one."""
    holdout: Mapping[str, tuple[float, float | None, float | None]] = field(default_factory=dict)
    """Metric → the candidate's value with its interval, on the holdout."""
    answering: Mapping[Policy, int] = field(default_factory=dict)
    """Policy → number of the tick whose model answers in the interval that follows."""
    scored: Scored = field(default_factory=Scored)
    """Those models on that interval."""


@dataclass(frozen=True)
class Walk:
    """A whole backtest."""

    pipeline: str
    metric: str
    """What it is mainly about."""
    metrics: tuple[str, ...]
    """All metrics shown, the main one first."""
    steps: tuple[Step, ...]

    @property
    def has_gates(self) -> bool:
        """Whether the gates would have let any model in."""
        return any("gates" in step.answering for step in self.steps)

    @property
    def changes(self) -> list[Step]:
        """The ticks at which the champion would have changed, the first champion's included."""
        return [step for step in self.steps if step.outcome == "PROMOTE"]

    def score(self, step: Step, policy: Policy, metric: str) -> Score | None:
        """Return what ``policy`` would have scored after ``step``; None where that is not known."""
        if policy not in step.answering:
            return None
        model = self.steps[step.answering[policy]].model
        return step.scored.scores.get(model, {}).get(metric)

    def contrast(self, ours: Policy, theirs: Policy, metric: str, until: int | None = None) -> MeanGain:
        """Return how much better ``ours`` was than ``theirs``, over the first ``until`` ticks (None: all)."""
        both = [(self.score(s, ours, metric), self.score(s, theirs, metric)) for s in self.steps[:until]]
        return mean_gain(metric, [(one, other) for one, other in both if one is not None and other is not None])
