"""The steps of a run and of monitoring, and the chains of them."""

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
from airloop.steps.noting import NO_ANSWER, note_answer, note_asked, note_judged, note_unneeded
from airloop.steps.watching import (
    Watched,
    claim_retraining,
    count_labels,
    count_predictions,
    decide_retraining,
    profile_window,
    score_drift,
    score_performance,
    watch_window,
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
    "count_predictions",
    "count_labels",
    "profile_window",
    "score_drift",
    "score_performance",
    "decide_retraining",
    "claim_retraining",
    "watch_window",
    "NO_ANSWER",
    "note_answer",
    "note_asked",
    "note_judged",
    "note_unneeded",
    "Watched",
    "Run",
    "Watch",
]
