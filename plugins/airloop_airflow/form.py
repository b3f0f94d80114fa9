"""The forms behind the Trigger button: sections, help and checks for each field."""

from __future__ import annotations

from typing import Any, get_args

from airflow.sdk import Param

from airloop.spec import Spec
from airloop.spec.model import Release

TARGETS = get_args(Release.model_fields["target"].annotation)
"""Every place a release can go."""
INSTANT = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$"
"""ISO 8601: a date, or a date with a time and perhaps a zone."""


def training(spec: Spec) -> dict[str, Param]:
    """Return the fields of ``<pipeline>.train``."""
    return {
        "as_of": _instant(
            "As of",
            section="Data",
            description="The instant the run pretends it is: nothing known later exists for it. "
            "Empty: the retrain signal's, the schedule's or now.",
        ),
        "dry_run": Param(
            False,
            title="Dry run",
            type="boolean",
            section="Release",
            description="Train, judge, package and verify, then stop: nothing goes live and nobody is asked.",
        ),
        "release_backfill": Param(
            False,
            title="Release from a backfill",
            type="boolean",
            section="Release",
            description="Backfilled runs are history and end with their verdict. With this they release too; "
            "a model of older data than the champion's is refused all the same.",
        ),
        "target": Param(
            spec.release.target,
            title="Target",
            type="string",
            enum=list(TARGETS),
            section="Release",
            description="Where the model goes live.",
        ),
        "why": _why(),
    }


def monitoring() -> dict[str, Param]:
    """Return the fields of ``<pipeline>.monitor``."""
    return {
        "as_of": _instant(
            "As of",
            section="Window",
            description="The instant the run pretends it is; it looks at the last whole window before. "
            "Empty: the schedule's or now. In the past nothing is waited for: what had arrived by then counts.",
        ),
        "why": _why(),
    }


def rolling_back() -> dict[str, Param]:
    """Return the fields of ``<pipeline>.rollback``."""
    return {
        "to": Param(
            None,
            title="To version",
            type=["null", "string"],
            pattern=r"^\S+$",
            section="Roll back",
            description="A version that was live before. Empty: the previous one.",
        ),
        "reason": _text(
            "Reason",
            section="Roll back",
            description="Why the champion has to go. It stands in the ledger for good.",
            required=True,
        ),
    }


def _instant(title: str, *, section: str, description: str) -> Param:
    # Airflow draws the calendar for the format, and leaves the check to us.
    kind: dict[str, Any] = {"type": ["null", "string"], "format": "date-time", "pattern": INSTANT}
    return Param(None, title=title, section=section, description=description, **kind)


def _why() -> Param:
    return _text("Why", section="Note", description="A word for those who look at this run later.", required=False)


def _text(title: str, *, section: str, description: str, required: bool) -> Param:
    kind: dict[str, Any] = {"type": "string", "minLength": 3} if required else {"type": ["null", "string"]}
    default = {} if required else {"default": None}
    return Param(**default, title=title, section=section, description=description, maxLength=500, **kind)
