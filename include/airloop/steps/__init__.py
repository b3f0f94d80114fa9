"""The steps of a run, and the chain of them."""

from airloop.steps.chain import Run, Watch, run_all
from airloop.steps.each import (
    judge_candidate,
    package_bundle,
    release,
    roll_back,
    take_snapshot,
    train_model,
    validate_data,
    verify_bundle,
)

__all__ = [
    "take_snapshot",
    "validate_data",
    "train_model",
    "judge_candidate",
    "package_bundle",
    "verify_bundle",
    "release",
    "roll_back",
    "run_all",
    "Run",
    "Watch",
]
