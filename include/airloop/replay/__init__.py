"""The past sent to the live endpoint again, in the order of its events and on its own clock.

Sent is what a caller would have known: the inputs, never the label. Labels are not sent at all; monitoring finds them
in the source, each from the instant on at which it really became known.
"""

from __future__ import annotations

from airloop.replay.pace import Pace
from airloop.replay.sending import Replay
from airloop.replay.tally import ReplayFailed, Tally
from airloop.replay.ticks import ticks
from airloop.replay.traffic import Traffic

__all__ = ["Replay", "Pace", "Tally", "ReplayFailed", "Traffic", "ticks"]
