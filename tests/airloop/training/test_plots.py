"""Plots that open offline."""

from xml.etree import ElementTree

from airloop.training.plots import charts, svg

RECORD = {
    "importance": {f"feature_{number}": number / 100 for number in range(40)},
    "watched": {"metric": "logloss", "values": [0.6, 0.5, 0.55]},
    "rounds": 2,
}


def test_charts_say_what_was_kept_and_left_out():
    found = charts(RECORD)
    assert found["learning_curve"]["title"] == "Learning curve: 2 of 3 rounds kept"
    assert found["importance"]["title"] == "Feature importance (the 10 smallest left out)"
    bars = found["importance"]["data"]["values"]
    assert (len(bars), bars[0]) == (30, {"feature": "feature_39", "share": 0.39})


def test_without_early_stopping_there_is_no_curve():
    assert set(charts(RECORD | {"watched": {"metric": "", "values": []}})) == {"importance"}


def test_a_chart_becomes_svg_without_links_to_elsewhere():
    drawn = svg(charts(RECORD)["learning_curve"])
    texts = [element.text for element in ElementTree.fromstring(drawn).iter() if element.text]  # noqa: S314  # our own
    assert "Learning curve: 2 of 3 rounds kept" in texts
    assert "http" not in drawn.replace("http://www.w3.org/", "")
