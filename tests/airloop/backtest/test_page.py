"""The page: the answer in words first, then pictures, then every tick; nothing from the network, nothing unescaped."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from airloop.backtest import page, summary

from .conftest import day


@pytest.fixture(scope="session")
def html(walked):
    return page.render(walked.world.pipeline, walked.walk, page.figures(walked.walk))


def text_of(html):
    body = re.sub(r"<(style|svg|title).*?</\1>", " ", html, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


def test_the_answer_comes_first(html):
    words = text_of(html)
    answer = words.index("Retraining behind the gates would have helped")
    assert answer < words.index("Against never retraining: log_loss") < words.index("Tick by tick")
    assert "better on average over 5 intervals; on other days of these intervals" in words
    assert "1 of 6 ticks were skipped; the first of them: deliveries: no row in the train window" in words


def test_every_tick_has_a_line_with_its_verdict_and_reason(html, walked):
    rows = re.findall(r"<tr.*?</tr>", html[html.index("Tick by tick") :], re.DOTALL)[1:]
    assert len(rows) == len(walked.walk.steps)
    for row, step in zip(rows, walked.walk.steps, strict=True):
        assert f">{step.outcome}<" in row
        why = "every gate passes" if step.outcome == "PROMOTE" else step.reasons[0].split(":")[0]
        assert why in text_of(row)


def test_it_opens_without_network_and_has_its_charts(html):
    assert re.findall(r"""(?:src|href)=["']?(?!#)[^"'\s>]+""", html) == []
    assert "@import" not in html and "<script" not in html
    assert html.count("<svg ") == 3


def test_what_comes_from_outside_is_escaped(walked):
    steps = (replace(walked.walk.steps[0], reasons=("<script>alert(1)</script>",)), *walked.walk.steps[1:])
    html = page.render(walked.world.pipeline, replace(walked.walk, steps=steps), {})
    assert "<script>" not in html and "&lt;script&gt;alert(1)" in html


def test_it_says_which_rows_and_labels_count(html):
    words = text_of(html)
    assert "labels known by its end and 1d (monitor.labels.wait) more" in words
    assert "approval, the limits on serving and the rollout are taken as passed" in words


def test_a_walk_without_a_single_model_still_has_a_page(walked):
    walk = walked.world.walk(day(0), day(3))
    html = page.render(walked.world.pipeline, walk, page.figures(walk))
    assert "No tick gave a model: deliveries: no row in the train window" in text_of(html)
    assert "<svg" not in html


def test_too_few_intervals_say_something_about_this_period_only(walked):
    walk = replace(walked.walk, steps=walked.walk.steps[:5])
    assert summary.headline(walk) == "Retraining behind the gates would have helped in this period"
    assert any("in other periods unknown, as there are too few intervals" in one for one in summary.sentences(walk))


def test_one_champion_throughout_is_called_no_change(walked):
    first = walked.walk.steps[1].answering
    steps = tuple(replace(step, answering=step.answering and first) for step in walked.walk.steps)
    assert summary.headline(replace(walked.walk, steps=steps)).startswith("Retraining would have changed nothing")
