"""Releases: the rollout, the targets, and how a bundle becomes champion, or goes back."""

from __future__ import annotations

from airloop.release.going_back import roll_back
from airloop.release.history import Explanation, Row, explain, history
from airloop.release.reached import address, flush_predictions
from airloop.release.reconcile import differences, reconcile, set_right
from airloop.release.releasing import release
from airloop.release.targets import target_of

__all__ = [
    "Explanation",
    "Row",
    "address",
    "differences",
    "explain",
    "flush_predictions",
    "history",
    "reconcile",
    "release",
    "roll_back",
    "set_right",
    "target_of",
]
