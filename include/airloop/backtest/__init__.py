"""Walk-forward backtests: what a pipeline would have done in the past, and whether retraining would have paid.

At each tick the candidate of a run at that instant is trained, or found, judged against the champion that the gates
would have had until then, and measured on the rows that followed. Nothing of it touches production.
"""

from __future__ import annotations

from airloop.backtest.plan import Tick, plan
from airloop.backtest.publishing import Published, publish
from airloop.backtest.walk import Step, Walk
from airloop.backtest.walking import Told, most_jobs, walk

__all__ = ["plan", "walk", "publish", "most_jobs", "Tick", "Told", "Step", "Walk", "Published"]
