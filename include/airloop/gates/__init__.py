"""The gates: a candidate is judged by rules, each with its reason, and by all of them together."""

from __future__ import annotations

from airloop.gates.judge import Verdict, judge, load_verdict

__all__ = ["judge", "load_verdict", "Verdict"]
