from __future__ import annotations

from types import SimpleNamespace

import pytest

from airloop.store import Store

# Airflow's web server brings Starlette's test client, which warns about its own dependency.
pytestmark = pytest.mark.filterwarnings("ignore:Using `httpx` with")


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("AIRLOOP_HOME", str(tmp_path))
    store = Store(str(tmp_path / "store"))
    for kind in ("verdicts", "reports", "models"):
        with store.writing(kind, "d1") as folder:
            (folder / "report.html").write_text("<h1>REJECT</h1>")
    (tmp_path / "store" / "secret.txt").write_text("not for a browser")
    return store


@pytest.fixture
def anonymous(store):
    from fastapi.testclient import TestClient

    from airloop_airflow.pages import app

    return TestClient(app)


@pytest.fixture
def logged_in(anonymous):
    from airflow.api_fastapi.core_api.security import get_user

    anonymous.app.dependency_overrides[get_user] = lambda: SimpleNamespace(name="ann")
    yield anonymous
    anonymous.app.dependency_overrides.clear()


@pytest.mark.parametrize("kind", ["verdicts", "reports"])
def test_a_report_is_read_from_the_store_as_a_page_of_no_origin(logged_in, kind):
    answer = logged_in.get(f"/artifacts/{kind}/d1/report.html")
    assert answer.text == "<h1>REJECT</h1>"
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["content-security-policy"].startswith("sandbox")


def test_nobody_reads_without_logging_in(anonymous):
    assert anonymous.get("/artifacts/verdicts/d1/report.html").status_code == 401
    assert anonymous.get("/runs/abc").status_code == 401


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/artifacts/models/d1/report.html", "no pages are kept in 'models'"),
        ("/artifacts/verdicts/d2/report.html", "is not in the store"),
        ("/artifacts/verdicts/d1/other.html", "there is no page 'other.html'"),
        ("/artifacts/verdicts/d1/%2e%2e/%2e%2e/secret.txt", "there is no page"),
        pytest.param("/runs/unknown", "MLflow knows no run 'unknown'", marks=pytest.mark.slow),
    ],
)
def test_what_is_no_page_is_not_found(logged_in, path, reason):
    answer = logged_in.get(path)
    assert answer.status_code == 404
    assert reason in answer.json()["detail"]


@pytest.mark.slow
@pytest.mark.slow
def test_a_training_has_a_plain_page_without_an_mlflow_server(logged_in, tmp_path):
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    experiment = client.create_experiment("parcels", artifact_location=str(tmp_path / "artifacts"))
    run = client.create_run(experiment, run_name="<b>parcels</b> 1")
    client.log_metric(run.info.run_id, "roc_auc", 0.7512345)
    client.set_tag(run.info.run_id, "snapshot", "d1")
    page = logged_in.get(f"/runs/{run.info.run_id}").text
    assert "<td>roc_auc<td>0.751235" in page and "<td>snapshot<td>d1" in page
    assert "&lt;b&gt;parcels&lt;/b&gt; 1" in page and "<b>" not in page
