from __future__ import annotations

import os
import subprocess
import sys

from airloop.spec import reference
from airloop.workspace import PROJECT


def test_check_lists_every_mistake_and_what_is_right(airloop, workspace):
    airloop("new", "churn")
    airloop("new", "orders")
    yaml = workspace.pipelines / "churn" / "pipeline.yaml"
    yaml.write_text(
        yaml.read_text().replace("rounds: 200", "round: 200").replace("metric: roc_auc, min", "metric: auc_roc, min")
    )
    answer = airloop("check")
    assert (answer.code, answer.out) == (2, "")
    assert "pipelines/churn/pipeline.yaml:27 model.round: unknown key 'round'. Did you mean 'rounds'?" in answer.err
    assert "gates[0].metric: unknown metric 'auc_roc'. Did you mean 'roc_auc'?" in answer.err
    assert "✓ orders\n1 of 2 pipelines are right\n" in answer.err
    assert airloop("check", "orders").code == 0


def test_check_reads_expectations_too(airloop, workspace):
    airloop("new", "churn")
    file = workspace.pipelines / "churn" / "expectations.yaml"
    file.write_text(file.read_text().replace("ToNotBeNull", "ToNotBeNul"))
    answer = airloop("check")
    assert answer.code == 2
    assert "pipelines/churn/expectations.yaml:4 [1].expect: unknown expectation" in answer.err


def test_check_of_an_unknown_name_gives_the_nearest(airloop):
    airloop("new", "churn")
    answer = airloop("check", "chrun")
    assert answer.code == 2
    assert "no pipeline 'chrun' in pipelines. Did you mean 'churn'? Known: churn." in answer.err


def test_check_imports_nothing_heavy():
    code = (
        "import sys; from airloop.cli import main\n"
        "try: main(['check'])\n"
        "except SystemExit as ended: assert not ended.code, ended.code\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules} & set(sys.argv[1:])))"
    )
    heavy = ["pandas", "numpy", "xgboost", "sklearn", "mlflow", "great_expectations", "sqlalchemy", "scipy", "airflow"]
    environ = {**os.environ, "PYTHONPATH": str(PROJECT / "include")}
    found = subprocess.run([sys.executable, "-c", code, *heavy], env=environ, capture_output=True, text=True)
    assert (found.stdout.strip(), found.returncode) == ("[]", 0), found.stderr


def test_land_without_a_land_file_says_so(airloop, workspace):
    airloop("new", "churn")
    (workspace.pipelines / "churn" / "land.py").write_text("def lands(home): ...\n")
    answer = airloop("land", "churn")
    assert (answer.code, "land.py has no function 'land'; define land(home: Path)" in answer.err) == (2, True)
    (workspace.pipelines / "churn" / "land.py").unlink()
    assert "pipeline 'churn' has no file 'land.py'" in airloop("land", "churn").err


def test_reference_prints_the_page(airloop):
    answer = airloop("reference")
    assert answer.out == reference.page()
