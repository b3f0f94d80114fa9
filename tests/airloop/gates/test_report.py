import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from airloop.data.snapshot import Snapshot
from airloop.features.schema import Schema
from airloop.gates import Verdict
from airloop.gates.evidence import Evidence, judge_gates
from airloop.gates.holdout import Holdout
from airloop.gates.report import Subject, render
from airloop.gates.verdict import decide
from airloop.spec import Pipeline, Spec
from airloop.validation import Validation

ROWS = 900
HOSTILE = "<script>alert(1)</script>"
CLASSES = {"binary": ("0", "1"), "multiclass": ("a", "b", "c"), "regression": ()}
GATES = {
    "binary": [
        {"metric": "roc_auc", "min": 0.6},
        {"metric": "brier", "slices": "depot", "max": 0.4},
        {"bundle_mb": 5},
        {"metric": "log_loss", "max": 0.1, "mode": "shadow"},
    ],
    "multiclass": [{"metric": "accuracy", "min": 0.9}],
    "regression": [{"metric": "rmse", "max": 3}],
}


def answers(task: str, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    if task == "regression":
        truth = rng.normal(20, 4, ROWS)
        return truth, truth + rng.normal(0, 2, ROWS)
    if task == "binary":
        chance = rng.beta(2, 5, ROWS)
        return (rng.random(ROWS) < chance).astype(float), chance
    shares = rng.dirichlet([1, 1, 1], ROWS)
    return np.array([rng.choice(3, p=share) for share in shares], float), shares


def subject(task: str) -> Subject:
    rng = np.random.default_rng(1)
    truth, fit = answers(task, rng)
    frame = pd.DataFrame({"depot": np.where(rng.random(ROWS) < 0.5, HOSTILE, "B & Co")})
    times = np.datetime64("2024-03-01") + rng.integers(0, 8 * 86_400, ROWS) * np.timedelta64(1, "s")
    evidence = Evidence(
        Schema((), (), task, CLASSES[task]), Holdout(frame, truth, times.astype("datetime64[us]"), 7, 0), [fit], None
    )
    spec = Spec.model_validate(
        {
            "name": "deliveries",
            "description": HOSTILE,
            "data": {"source": {"path": "x.parquet"}, "event_time": "t", "label": {"column": "y"}},
            "model": {"task": task},
            "gates": GATES[task],
        }
    )
    results = judge_gates(spec, evidence)
    decision = decide(results, has_champion=False)
    as_of = datetime(2024, 3, 9, tzinfo=UTC)
    return Subject(
        pipeline=Pipeline(spec, Path("deliveries")),
        snapshot=Snapshot(
            pipeline="deliveries",
            as_of=as_of,
            train_start=datetime(2024, 2, 1, tzinfo=UTC),
            holdout_start=datetime(2024, 3, 1, tzinfo=UTC),
            partitions=(),
            columns={},
            missing=(datetime(2024, 2, 3, tzinfo=UTC),),
        ),
        validation=Validation(expectations=1, partitions={}, warnings=(HOSTILE,)),
        evidence=evidence,
        verdict=Verdict(decision.outcome, decision.reasons, tuple(results), (HOSTILE,), "3", None, ROWS, "here"),
        training={"importance": {HOSTILE: 0.7, "load": 0.3}, "rows": {"fit": 800, "watch": 90}, "rounds": 31},
        lineage={"snapshot": "5" * 64},
    )


class Page(HTMLParser):
    """Collects tags and what they point at; complains about tags that do not close."""

    VOID = ("meta", "link", "br", "hr", "img", "input")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.targets: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.targets += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def binary() -> str:
    return render(subject("binary"))


def test_page_is_whole_and_opens_offline(binary):
    page = Page(binary)
    assert page.open == []
    assert page.targets == []
    assert not re.search(r"url\((?!#)", binary) and "@import" not in binary
    assert {"script", "link", "iframe", "img"}.isdisjoint(page.tags)


def test_what_comes_from_data_is_escaped(binary):
    assert HOSTILE not in binary
    assert binary.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 5


def test_verdict_and_reasons_stand_on_top(binary):
    top = binary[: binary.index("<h2>")]
    assert 'class="verdict PROMOTE"' in top and re.search(r"<li>roc_auc 0\.\d+, at least 0\.6</li>", top)


def test_page_tells_gates_data_and_lineage(binary):
    for text in (
        "roc_auc at least 0.6",
        "SHADOW FAIL",
        "LATER",
        "2024-03-01 to 2024-03-09",
        "quarantined rows</dt><dd>7",
        "intervals without a row</dt><dd>2024-02-03",
        "5" * 64,
        "800 fitted, 90 watched",
    ):
        assert text in binary, text


def test_charts_take_the_pages_colours_by_day_and_night(binary):
    assert "prefers-color-scheme: dark" in binary
    assert "var(--candidate)" in binary and "#010a0" not in binary
    assert all(name in binary for name in ("ROC curve", "Precision and recall", "Calibration", "Feature importance"))


@pytest.mark.parametrize(
    ("task", "figures"),
    [("multiclass", ("Confusion matrix", "Calibration")), ("regression", ("Errors over predictions",))],
)
def test_other_tasks_have_their_own_figures(task, figures):
    page = render(subject(task))
    assert Page(page).open == []
    assert all(f"<figcaption>{figure}" in page for figure in figures)
    assert "ROC curve" not in page
