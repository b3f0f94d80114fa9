"""The gates: a candidate is judged by rules, each with its reason, and by all of them together."""

from __future__ import annotations

from airloop.gates.judge import judge, load_verdict
from airloop.gates.verdict import Verdict

__all__ = ["judge", "load_verdict", "Verdict"]
