"""Every mistake names file, line and key, the value, what is allowed and the nearest valid word."""
# ruff: noqa: E501 -- one mistake, one line

from __future__ import annotations

import pytest

from airloop.errors import SpecError

METRICS = "Known: accuracy, brier, calibration_error, log_loss, pr_auc, roc_auc."
GATE_KEYS = (
    "Known: bundle_mb, confidence, image_mb, latency_p99_ms, margin, max, memory_mb, metric, min, min_gain, min_rows, "
    "mode, slices, start_s, versus."
)
TOP_KEYS = "Known: data, description, features, gates, model, monitor, name, notify, owner, release, runs_on, schedule, serving, tags."

# right text, wrong text, the whole message after "churn/pipeline.yaml:"
TABLE = [
    (
        "metric: roc_auc, min: 0.62",
        "metric: auc_roc, min: 0.62",
        f"15 gates[0].metric: unknown metric 'auc_roc'. Did you mean 'roc_auc'? {METRICS}",
    ),
    (
        "metric: roc_auc, min: 0.62",
        "metric: rmse, max: 3",
        f"15 gates[0].metric: 'rmse' is not for task 'binary'. {METRICS}",
    ),
    ("metric: roc_auc, min: 0.62", "metric: roc_auc", "15 gates[0]: give `min` or `max`: a gate without a bound decides nothing"),
    ("min: 0.62", "min: 0.9, max: 0.6", "15 gates[0]: min 0.9 is above max 0.6: no value can pass"),
    ("min: 0.62", "minimum: 0.62", f"15 gates[0].minimum: unknown key 'minimum'. Did you mean 'min'? {GATE_KEYS}"),
    ("versus: champion", "verus: champion", f"16 gates[1].verus: unknown key 'verus'. Did you mean 'versus'? {GATE_KEYS}"),
    ("versus: champion", "versus: chmpion", "16 gates[1].versus: unknown word 'chmpion'. Did you mean 'champion'? Known: champion."),
    ("versus: champion, ", "", "16 gates[1].versus: is missing. What it is compared with."),
    ("confidence: 0.95", "confidence: 95", "16 gates[1].confidence: 95 must be below 1"),
    (
        "margin: 0.002",
        "max: 1, margin: 0.002",
        "16 gates[1].max: does not belong to this gate (champion). "
        "It may have: mode, metric, versus, margin, min_gain, confidence, min_rows.",
    ),
    ("slices: country", "slices: churned", "17 gates[2].slices: 'churned' is the label; slices are made of a column of the rows"),
    ("latency_p99_ms: 25", "latency_p99: 25", f"18 gates[3].latency_p99: unknown key 'latency_p99'. Did you mean 'latency_p99_ms'? {GATE_KEYS}"),
    ("  - {latency_p99_ms: 25, bundle_mb: 50}", "  - roc_auc", "18 gates[3]: 'roc_auc' is not keys with values, for example {key: value}"),
    (
        "  - {latency_p99_ms: 25, bundle_mb: 50}",
        "  - {metric: roc_auc, min: 0.62}",
        "18 gates[3]: the same gate as gates[0]",
    ),
    ("bundle_mb: 50", "image_mb: 300", "18 gates[3].image_mb: there is no image to measure where `release.target` is local"),
    (
        "latency_p99_ms: 25, bundle_mb: 50",
        "start_s: null",
        "18 gates[3]: give `latency_p99_ms`, `bundle_mb`, `start_s`, `memory_mb` or `image_mb`",
    ),
    ("target: local", "target: local, scan: 'trivy image {image}'", "19 release.scan: there is no image to look at where `target` is local"),
    (
        "target: local",
        "target: docker, scan: trivy image",
        "19 release.scan: 'trivy image' does not say where the image goes; write for example 'trivy image {image}'",
    ),
    (
        "target: local",
        "target: docker, scan: \"sh -c 'look {image}\"",
        "19 release.scan: \"sh -c 'look {image}\" cannot be split into words (No closing quotation)",
    ),
    ("schedule:", "schedul:", f"2 schedul: unknown key 'schedul'. Did you mean 'schedule'? {TOP_KEYS}"),
    (
        '"0 6 * * MON"',
        '"0 6 * *"',
        "2 schedule: '0 6 * *' is not a cron expression (five fields are needed); "
        "write minute hour day month weekday, for example '0 6 * * MON'",
    ),
    ('"0 6 * * MON"', '"@dayly"', "2 schedule: unknown schedule '@dayly'. Did you mean '@daily'? Known: @daily, @hourly, @monthly, @weekly, @yearly."),
    ("name: churn", "name: chrn", "1 name: 'chrn' must be the name of the folder, 'churn'"),
    ("name: churn", "name: Churn 2", "1 name: 'Churn 2' is not a name: a small letter, then at most 62 small letters, digits and _"),
    ("partition: day", "partition: dayly", "5 data.partition: unknown word 'dayly'. Did you mean 'day'? Known: day, hour, none."),
    ("{date}", "{dat}", "4 data.source.path: unknown placeholder {dat}. Did you mean 'date'? Known: date."),
    ('path: "data/churn/date={date}/*.parquet"', "sql: rows.sql", "4 data.source: give either `path`, or `conn_id` together with `sql`"),
    ("  event_time: asked_at\n", "", "3 data: `event_time` is needed unless `partition: none`, and not allowed with it"),
    ("event_time: asked_at", "event_time: churned", "6 data.event_time: 'churned' is the label; a column with an instant is needed"),
    ("key: [customer]", "key: customer", "7 data.key: 'customer' is not a list, for example [a, b]"),
    ("key: [customer]", "key: [churned]", "7 data.key: 'churned' is the label and cannot be here"),
    ("{column: churned, ", "{", "8 data.label.column: is missing. Column with the label. Rows without one are never trained or judged on."),
    ("train_window: 60d", "train_window: 60 days", "9 data.train_window: '60 days' is not a duration; write a number and s, m, h, d or w, for example 60d"),
    ("train_window: 60d", "train_window: 90m", "9 data.train_window: must be a multiple of a partition (day), and not 0"),
    ("holdout_window: 7d", "holdout_window: 0d", "10 data.holdout_window: must be a multiple of a partition (day), and not 0"),
    ("partition: day", "partition: day\n  timezone: Europe/Berln", "6 data.timezone: unknown time zone 'Europe/Berln'. Did you mean 'Europe/Berlin'?"),
    (
        "expectations: expectations.yaml",
        "expectations: expectation.yaml",
        "11 data.expectations: there is no file 'expectation.yaml'. Did you mean 'expectations.yaml'? "
        "Known: expectations.yaml, features.py, pipeline.yaml.",
    ),
    ("expectations: expectations.yaml", "expectations: ../x.yaml", "11 data.expectations: '../x.yaml' lies outside the pipeline's folder"),
    ("features.py:build", "features.py:biuld", "12 features.build: features.py has no function 'biuld'. Did you mean 'build'? Known: build, pd."),
    ("features.py:build", "feature.py:build", "12 features.build: there is no file 'feature.py'. Did you mean 'features.py'? Known: expectations.yaml, features.py, pipeline.yaml."),
    ("features.py:build", "features.build", "12 features.build: 'features.build' is not of the form file.py:function"),
    (
        "features: features.py:build",
        "features: {build: features.py:build, inputs: [left_at]}",
        "12 features.inputs: 'left_at' is the time of the label: unknown when a prediction is asked for",
    ),
    ("task: binary", "task: binry", "13 model.task: unknown word 'binry'. Did you mean 'binary'? Known: binary, multiclass, regression."),
    ("trainer: xgboost", "trainer: xgbost", "13 model.trainer: unknown trainer 'xgbost'. Did you mean 'xgboost'? Known: xgboost. Or give file.py:Class of this folder."),
    ("trainer: xgboost", "trainer: feature.py:Own", "13 model.trainer: there is no file 'feature.py'. Did you mean 'features.py'? Known: expectations.yaml, features.py, pipeline.yaml."),
    ("trainer: xgboost", "trainer: features.py:Own", "13 model.trainer: features.py has no class 'Own'. Known: build, pd."),
    ("trainer: xgboost", "trainer: 'own:Own'", "13 model.trainer: 'own:Own' is not of the form file.py:Class"),
    ("rounds: 400", "rounds: many", "13 model.rounds: 'many' is not a whole number"),
    ("rounds: 400", "rounds: 0", "13 model.rounds: 0 must be at least 1"),
    ("rounds: 400", "rounds: ", "13 model.rounds: is empty; give a value or remove the key. Most boosting rounds."),
    ("shadow: false", "shadow: maybe", "19 release.rollout.shadow: 'maybe' is not true or false"),
    ("steps: [10, 50, 100]", "steps: [10, 5, 100]", "19 release.rollout.steps: steps [10, 5, 100] must rise and end at 100"),
    ("target: local", "target: locl", "19 release.target: unknown word 'locl'. Did you mean 'local'? Known: docker, kubernetes, local."),
    ("approval: none", "approval: none, approvers: [ann]", "19 release.approvers: are given, but `approval` is none: nobody would be asked"),
    ("warn: 0.10", "warn: 0.30", "21 monitor.drift.warn: 0.3 must not be above act, 0.25"),
    ("monitor:\n", "monitor:\n  window: 90m\n", "21 monitor.window: must be a multiple of an hour, and not 0"),
    ("monitor:\n", "monitor:\n  window: 36h\n", "21 monitor.window: must be a multiple of a day where it is longer than one"),
    (
        "monitor:\n",
        "monitor:\n  performance: [{metric: auc_roc, warn: 0.1, act: 0.2}]\n",
        "21 monitor.performance[0].metric: unknown metric 'auc_roc'. Did you mean 'roc_auc'? "
        "Known: accuracy, brier, calibration_error, log_loss, pr_auc, roc_auc.",
    ),
    (
        "monitor:\n",
        "monitor:\n  performance: [{metric: roc_auc, warn: 0.1, act: 0.2, slices: churned}]\n",
        "21 monitor.performance[0].slices: 'churned' is the label; slices are made of a column of the rows",
    ),
    ("2 of 5", "6 of 5", "22 monitor.retrain.windows: '6 of 5' is not a count of windows; write for example '2 of 5'"),
    (
        "2 per week",
        "2 per fortnight",
        "22 monitor.retrain.at_most: '2 per fortnight' is not a budget; "
        "write a number per day, week or month, for example '2 per week'",
    ),
    ("on: [released]", "on: [sold]", "24 notify[0].on[0]: unknown word 'sold'. Did you mean 'held'? Known: act, failed, held, no_fresh_champion, no_traffic, rejected, released, retrain, rolled_back, stale."),
    ("airflow.providers.slack.notifications.slack.SlackNotifier", "webhook", "24 notify[0].args: notifier 'webhook' needs `conn_id` or `url`"),
    ("airflow.providers.slack.notifications.slack.SlackNotifier", "webhok", "24 notify[0].notifier: unknown notifier 'webhok'. Did you mean 'webhook'? Known: log, smtp, webhook. Or give a dotted path, for example package.Class."),
    ("owner: churn-team", "serving: {replicas: 3, autoscale: {most: 3}}", "25 serving.autoscale.most: 3 must be above `replicas`, 3"),
    ("owner: churn-team", "runs_on: {train_model: {on: docker, nodes: {disk: fast}}}", "25 runs_on.train_model.nodes: only pods are placed on nodes, and `on` is docker"),
    (
        "owner: churn-team",
        "runs_on: {train_model: {on: kubernetes, tolerations: [{key: gpu, value: big}]}}",
        "25 runs_on.train_model.tolerations[0].value: 'big' is compared with `operator: Equal` only",
    ),
    (
        "owner: churn-team",
        "runs_on: {train_model: {on: kubernetes, tolerations: [{operator: Equal, value: big}]}}",
        "25 runs_on.train_model.tolerations[0]: give `key`: with `operator: Equal` its value is compared",
    ),
    ("owner: churn-team", "owner: 12", "25 owner: 12 is not a text; put it in quotes"),
    ("owner: churn-team", "owner: !!python/name:os.system x", "25 owner: the tag '!!python/name:os.system' is not allowed; write the plain value"),
    ("partition: day\n", "partition: day\n  partition: hour\n", "6 data.partition: written twice, first in line 5"),
    ("  partition: day", "\tpartition: day", "5: a tab may not indent; use spaces"),
    ("[10, 50, 100]", "[10, 50, 100", "19: this is not YAML: did not find expected ',' or ']' while parsing a flow sequence"),
    ("owner: churn-team\n", "owner: churn-team\n---\nname: b\n", "26: a second document starts here; one file describes one pipeline"),
]  # fmt: skip


@pytest.mark.parametrize(("right", "wrong", "message"), TABLE, ids=[message.split(" ")[1] for _, _, message in TABLE])
def test_a_mistake_names_line_key_value_and_the_nearest_word(churn, right, wrong, message):
    text = churn.yaml.read_text()
    assert text.count(right) >= 1
    churn.yaml.write_text(text.replace(right, wrong, 1))
    with pytest.raises(SpecError) as caught:
        churn.load()
    assert str(caught.value) == f"churn/pipeline.yaml:{message}"


def test_the_right_text_is_right(churn):
    assert churn.load().name == "churn"


def test_all_mistakes_are_listed_at_once_in_the_order_of_the_file(churn):
    text = churn.yaml.read_text()
    for right, wrong in [
        ("name: churn", "name: chrn"),
        ("schedule:", "schedul:"),
        ("{column: churned", "{colum: churned"),
        ("train_window: 60d", "train_window: 60 days"),
        ("features.py:build", "features.py:biuld"),
        ("metric: roc_auc, min: 0.62", "metric: auc_roc, min: 0.62"),
        ("versus: champion", "verus: champion"),
        ("act: 0.25", "act: 0.05"),
    ]:
        text = text.replace(right, wrong, 1)
    churn.yaml.write_text(text)
    with pytest.raises(SpecError) as caught:
        churn.load()
    lines = str(caught.value).splitlines()
    where = [line.split(": ")[0].removeprefix("churn/pipeline.yaml:") for line in lines]
    assert where == [
        "1 name",
        "2 schedul",
        "8 data.label.colum",
        "9 data.train_window",
        "12 features.build",
        "15 gates[0].metric",
        "16 gates[1].verus",
        "21 monitor.drift.warn",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "1: the file is empty; `python -m airloop new NAME` writes one"),
        ("# nothing\n", "1: the file is empty; `python -m airloop new NAME` writes one"),
        ("- a\n", "1: ['a'] is not keys with values; begin with `name: …`"),
        ("name: &a [*a]\n", "1 name[0]: an alias (*) must not lie inside its own anchor (&)"),
        ("name: \x00\n", "1: character '\\x00' is not allowed in YAML"),
        ("name: " + "[" * 2000 + "]" * 2000, "1: the values are nested too deeply"),
        ("name: 1e999\n", "1 name: '1e999' cannot be read as a number"),
    ],
    ids=["empty", "comment", "list", "alias", "null-byte", "deep", "infinite"],
)
def test_what_is_no_description_at_all_is_said(churn, text, message):
    churn.yaml.write_text(text)
    with pytest.raises(SpecError) as caught:
        churn.load()
    assert str(caught.value).splitlines().count(f"churn/pipeline.yaml:{message}") == 1


def test_feature_code_that_is_no_python_names_its_line(churn):
    (churn.folder / "features.py").write_text("def build(rows):\n    return rows)\n")
    with pytest.raises(
        SpecError, match=r"pipeline.yaml:12 features.build: features.py:2 is not Python: unmatched '\)'"
    ):
        churn.load()


def test_feature_code_is_never_run_by_loading(churn):
    (churn.folder / "features.py").write_text("raise SystemExit\ndef build(rows): ...\n")
    assert churn.load().spec.features.build == "features.py:build"


def test_an_sql_file_must_be_there(churn):
    text = churn.yaml.read_text()
    churn.yaml.write_text(text.replace('path: "data/churn/date={date}/*.parquet"', "conn_id: warehouse, sql: rows.sql"))
    with pytest.raises(SpecError, match=r"pipeline.yaml:4 data.source.sql: there is no file 'rows.sql'. Known: expect"):
        churn.load()


def test_a_missing_or_misnamed_file_is_said(churn):
    churn.yaml.rename(churn.folder / "pipeline.yml")
    with pytest.raises(SpecError) as caught:
        churn.load()
    message = "churn/pipeline.yaml: there is no such file; the folder has expectations.yaml, pipeline.yml"
    assert str(caught.value) == message


def test_a_file_that_is_no_text_is_said(churn):
    churn.yaml.write_bytes(b"name: \xff\xfe")
    with pytest.raises(SpecError, match=r"churn/pipeline.yaml: cannot be read: 'utf-8' codec"):
        churn.load()


def test_a_file_outside_the_working_directory_has_its_whole_path(churn, monkeypatch, tmp_path_factory):
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    churn.yaml.write_text("")
    with pytest.raises(SpecError, match=rf"^{churn.yaml.as_posix()}:1: the file is empty"):
        churn.load()
