"""Everything that a dashboard or a rule asks for is really told by the exporter, the model server or Airflow."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from airloop.workspace import PROJECT

from .conftest import NAME

DOCKER = PROJECT / "docker"
DASHBOARDS = sorted((DOCKER / "grafana" / "dashboards").glob("*.json"))
RULES = [rule for group in yaml.safe_load((DOCKER / "alerts.yml").read_text())["groups"] for rule in group["rules"]]
STATSD = yaml.safe_load((DOCKER / "statsd.yml").read_text())["mappings"]
PROMTOOL = shutil.which("promtool")
TARGET_LABELS = {"job", "instance", "server", "pipeline", "role"}
"""What the scraping itself adds."""
VARIABLES = {"$pipeline": ".*", "$__rate_interval": "20s", "$__range": "1m"}


def panels(dashboard: Path) -> list[dict[str, Any]]:
    return json.loads(dashboard.read_text(encoding="utf-8"))["panels"]


def expressions(dashboard: Path) -> list[tuple[str, str]]:
    """Return (expression, legend) of everything that a dashboard draws, variables replaced."""
    found = []
    for panel in panels(dashboard):
        for target in panel["targets"]:
            expression = target["expr"]
            for name, value in VARIABLES.items():
                expression = expression.replace(name, value)
            found.append((expression, target["legendFormat"]))
    return found


def asked(expression: str) -> dict[str, set[str]]:
    """Return metric → labels by which an expression picks its samples."""
    metrics = re.findall(r"\b((?:airloop|airflow)_\w+|up)\b(?:\{([^}]*)\})?", expression)
    return {name: set(re.findall(r"(\w+)\s*[=!]~?", picked)) for name, picked in metrics}


def grouped(expression: str) -> set[str]:
    """Return the labels by which an expression sums up or joins."""
    lists = re.findall(r"\b(?:by|on|group_left)\s*\(([^)]*)\)", expression)
    return {label.strip() for each in lists for label in each.split(",") if label.strip()} - {"le"}


def told_by(text: str) -> dict[str, set[str]]:
    """Return sample name → labels of a page of metrics."""
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    found: dict[str, set[str]] = {}
    for sample in samples:
        found.setdefault(sample.name, set()).update(sample.labels)
    return found


@cache
def airflow_registry() -> dict[str, dict[str, Any]]:
    """Return what Airflow itself says it sends: name → type and variables."""
    found = importlib.util.find_spec("airflow")  # which does not import it
    assert found is not None and found.origin is not None
    file = Path(found.origin).parent / "_shared" / "observability" / "metrics" / "metrics_template.yaml"
    text = file.read_text(encoding="utf-8")
    return {f"airflow.{metric['name']}": metric for metric in yaml.safe_load(text)["metrics"]}


def told_by_airflow() -> dict[str, set[str]]:
    """Return the samples that statsd-exporter makes of what Airflow sends, by the mapping."""
    found: dict[str, set[str]] = {}
    for mapping in STATSD:
        if mapping.get("action") == "drop":
            continue
        metric = airflow_registry()[mapping["match"]]
        labels = {*metric["name_variables"], *mapping.get("labels", {})}
        suffixes = ("_sum", "_count", "_bucket") if metric["type"] == "timer" else ("",)
        for suffix in suffixes:
            found.setdefault(mapping["name"] + suffix, set()).update(labels)
    return found


@pytest.fixture(scope="module")
def serving() -> Any:
    """The kit of the model server's own tests."""
    file = Path(__file__).parents[1] / "serving" / "conftest.py"
    found = importlib.util.spec_from_file_location("kit_of_serving", file)
    assert found is not None and found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules[found.name] = module
    found.loader.exec_module(module)
    return module


@pytest.fixture
def server(serving, workspace) -> Iterator[Any]:
    """A real model server process with a champion and a shadowed candidate, both asked."""
    champion, candidate = (serving.write_bundle(workspace.store, version, pipeline=NAME) for version in ("1", "2"))
    served = serving.start_server(workspace.home, "--no-recall")
    state = {"champion": serving.state_of(champion), "candidate": serving.state_of(candidate), "shadow": True}
    served.client().put_state(NAME, state)
    ask(served, serving)
    yield served
    assert served.stop() == 0


def ask(served: Any, serving: Any) -> None:
    for number in range(5):
        assert served.client(serving.TOKENS.infer).infer(NAME, serving.row_of(number))["model_version"] == "1"


def test_there_is_a_dashboard_for_serving_drift_and_runs():
    assert [path.stem for path in DASHBOARDS] == ["drift", "runs", "serving"]
    assert all(len(expressions(dashboard)) > 8 for dashboard in DASHBOARDS)


@pytest.mark.slow
def test_all_that_is_drawn_or_alerted_on_is_told(running, server, serving):
    with server.http(serving.TOKENS.infer) as http:
        of_server = told_by(http.get("/metrics").text)
    known = {"up": set()} | told_by(running.text()) | told_by_airflow() | of_server
    drawn = [each for dashboard in DASHBOARDS for each in expressions(dashboard)]
    drawn += [(rule["expr"], "".join(rule["annotations"].values()).replace("$labels.", "")) for rule in RULES]
    for expression, legend in drawn:
        picked = asked(expression)
        assert picked, expression
        assert picked.keys() <= known.keys(), expression
        for metric, labels in picked.items():
            assert labels <= known[metric] | TARGET_LABELS, (metric, expression)
        there = set().union(*(known[metric] for metric in picked)) | TARGET_LABELS
        assert grouped(expression) <= there, expression
        assert set(re.findall(r"\{\{ ?(\w+) ?\}\}", legend)) <= there, (expression, legend)


def test_airflow_sends_what_the_mapping_takes():
    kept = [mapping for mapping in STATSD if mapping.get("action") != "drop"]
    assert {mapping["match"] for mapping in kept} <= airflow_registry().keys()
    assert STATSD[-1] == {"match": ".*", "match_type": "regex", "action": "drop", "name": "dropped"}
    for mapping in kept:
        is_counter = airflow_registry()[mapping["match"]]["type"] == "counter"
        assert mapping["name"].endswith("_total") == is_counter, mapping


def test_dashboards_are_whole():
    """Ids once, no panel over another or beyond the grid, all explained, with the one data source."""
    (source,) = yaml.safe_load((DOCKER / "grafana/provisioning/datasources/prometheus.yaml").read_text())["datasources"]
    assert len({json.loads(path.read_text())["uid"] for path in DASHBOARDS}) == len(DASHBOARDS)
    for dashboard in DASHBOARDS:
        cells: set[tuple[int, int]] = set()
        for panel in panels(dashboard):
            assert panel["title"] and panel["description"], panel
            assert panel["datasource"] == {"type": source["type"], "uid": source["uid"]}
            at = panel["gridPos"]
            mine = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
            assert at["x"] + at["w"] <= 24 and not mine & cells, panel["title"]
            cells |= mine
        assert len({panel["id"] for panel in panels(dashboard)}) == len(panels(dashboard))


def test_alerts_say_what_is_wrong_and_what_to_do():
    assert len({rule["alert"] for rule in RULES}) == len(RULES) > 8
    for rule in RULES:
        assert set(rule["annotations"]) == {"summary", "action"}, rule["alert"]
        assert rule["labels"]["severity"] in ("critical", "warning")


@pytest.mark.skipif(PROMTOOL is None, reason="no promtool: apt-get install prometheus")
def test_prometheus_takes_configuration_rules_and_every_expression(tmp_path):
    config = (DOCKER / "prometheus.yml").read_text().replace("/tmp/infer.token", f"{tmp_path}/token")  # noqa: S108
    (tmp_path / "token").write_text("t")
    (tmp_path / "prometheus.yml").write_text(config)
    shutil.copy(DOCKER / "alerts.yml", tmp_path)
    drawn = [expression for dashboard in DASHBOARDS for expression, _ in expressions(dashboard)]
    rules = [{"record": f"drawn:{number}", "expr": expression} for number, expression in enumerate(drawn)]
    (tmp_path / "drawn.yml").write_text(yaml.safe_dump({"groups": [{"name": "drawn", "rules": rules}]}))
    for what, file in (("config", "prometheus.yml"), ("rules", "drawn.yml")):
        done = subprocess.run([str(PROMTOOL), "check", what, tmp_path / file], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    assert f"SUCCESS: {len(drawn)} rules found" in done.stdout


@pytest.fixture
def prometheus(running, run, server, serving, tmp_path) -> Iterator[str]:
    """A real Prometheus that reads the real exporter and, found through it, the real model server; its address."""
    exporter = run(replace(running.workspace, server_url=server.url), fresh_s=1)
    config = yaml.safe_load((DOCKER / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "2s", "evaluation_interval": "2s"}
    airloop, servers, _ = config["scrape_configs"]
    airloop["static_configs"] = [{"targets": [exporter.url.removeprefix("http://")]}]
    servers["authorization"]["credentials_file"] = str(tmp_path / "token")
    servers["http_sd_configs"] = [{"url": f"{exporter.url}/targets", "refresh_interval": "2s"}]
    (tmp_path / "token").write_text(serving.TOKENS.infer)
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(config))
    shutil.copy(DOCKER / "alerts.yml", tmp_path)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = ["prometheus", f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/tsdb"]
    with (tmp_path / "prometheus.log").open("w") as log:
        process = subprocess.Popen([*command, f"--web.listen-address={address}"], stdout=log, stderr=log)
    try:
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(20)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("prometheus") is None, reason="no prometheus: apt-get install prometheus")
def test_a_real_prometheus_draws_every_panel_and_fires_what_the_ledger_calls_for(
    prometheus, server, serving, eventually
):
    def query(expression):
        answer = httpx.get(f"{prometheus}/api/v1/query", params={"query": expression}, trust_env=False).json()
        assert answer["status"] == "success", answer
        return answer["data"]["result"]

    def firing():
        answer = httpx.get(f"{prometheus}/api/v1/rules", trust_env=False).json()
        rules = [rule for group in answer["data"]["groups"] for rule in group["rules"]]
        assert {rule["health"] for rule in rules} <= {"ok", "unknown"}
        return {rule["name"]: rule["state"] for rule in rules}

    eventually(lambda: query('up{job="airloop-servers", server="local"} == 1'))
    ask(server, serving)
    # What monitors Airflow is not here; candidates answer nothing themselves, and nothing is wrong.
    drawn = [
        expression for name in ("serving", "drift") for expression, _ in expressions(DASHBOARDS[0].with_stem(name))
    ]
    empty = {expression for expression in drawn if re.search(r'status(=~"5|!~)', expression)}
    assert len(empty) == 2
    for expression in drawn:
        assert expression in empty or eventually(lambda expression=expression: query(expression)), expression
    state = eventually(lambda: (found := firing())["AirloopModelActs"] == "firing" and found)
    assert state["AirloopRetrainingUnanswered"] == "pending"
    assert [state[name] for name in ("AirloopServerDown", "AirloopFactsMissing", "AirloopRequestsFail")] == [
        "inactive"
    ] * 3
