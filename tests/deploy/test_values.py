"""What the values for Airflow's chart say agrees with the image, the code and the manifests beside them."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from tests.deploy import rendered

PROJECT = rendered.PROJECT
TRAINING = "AIRLOOP_KUBERNETES_TRAINING_ACCOUNT"
"""Read by the plugin that makes steps' pods."""


@pytest.fixture(scope="module")
def values() -> dict[str, Any]:
    return yaml.safe_load((PROJECT / "deploy" / "helm" / "values.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def environment(values: dict[str, Any]) -> dict[str, str]:
    return {each["name"]: each["value"] for each in values["env"]}


@pytest.mark.parametrize(
    ("binding", "where"),
    [
        ("airloop", ("workers", "kubernetes")),
        ("airloop-triggerer", ("triggerer",)),
        ("airloop-viewer", ("apiServer",)),
    ],
)
def test_accounts_are_those_that_have_the_rights(values: dict[str, Any], binding: str, where: tuple[str, ...]):
    for key in where:
        values = values[key]
    bound = rendered.named(rendered.manifests(rendered.FOLDER / "overlays/prod"), "RoleBinding", binding)
    assert bound["roleRef"]["name"] == binding and values["serviceAccount"]["create"]
    assert [one["name"] for one in bound["subjects"] if one["namespace"] == "airflow"] == [
        values["serviceAccount"]["name"]
    ]


def test_accounts_and_namespace_of_pods_are_those_of_the_manifests(environment: dict[str, str]):
    found = rendered.manifests(rendered.FOLDER / "overlays/prod")
    rendered.named(found, "Namespace", environment["AIRLOOP_KUBERNETES_NAMESPACE"])
    for name in ("AIRLOOP_KUBERNETES_SERVICE_ACCOUNT", TRAINING):
        rendered.named(found, "ServiceAccount", environment[name])


def test_every_setting_is_one_that_the_code_reads(environment: dict[str, str]):
    from airloop.workspace import Workspace

    code = "\n".join(path.read_text(encoding="utf-8") for path in (PROJECT / "include" / "airloop").rglob("*.py"))
    own = {name for name in environment if name.startswith("AIRLOOP_")}
    assert len(own) > 5
    named = {name for name in own if not name.startswith("AIRLOOP_KUBERNETES_")}
    assert {name for name in named if name not in code} == set()
    kubernetes = Workspace.from_environment(environment).kubernetes
    for name in own - named - {TRAINING}:
        assert getattr(kubernetes, name.removeprefix("AIRLOOP_KUBERNETES_").lower()) == environment[name]


def test_the_image_is_the_one_that_is_built_here(values: dict[str, Any]):
    dockerfile = (PROJECT / "Dockerfile").read_text(encoding="utf-8")
    assert f"USER {values['uid']}:{values['gid']}" in dockerfile
    assert values["securityContexts"]["pod"]["runAsUser"] == values["uid"]
    locked = (PROJECT / "docker" / "airflow.requirements.txt").read_text(encoding="utf-8")
    assert re.search(rf"^apache-airflow=={re.escape(values['airflowVersion'])} ", locked, re.MULTILINE)


def test_dags_and_pipelines_are_read_from_the_synced_repository(values: dict[str, Any], environment: dict[str, str]):
    synced = "/opt/airflow/dags/repo"
    assert environment["AIRFLOW__CORE__DAGS_FOLDER"] == f"{synced}/{values['dags']['gitSync']['subPath']}"
    assert environment["AIRLOOP_PIPELINES"] == f"{synced}/include/pipelines"
    assert values["dags"]["gitSync"]["components"]["apiServer"], "the chart's default leaves Airloop's pages without"


def test_no_secret_stands_in_the_values(values: dict[str, Any], environment: dict[str, str]):
    assert yaml.safe_load(values["extraEnvFrom"]) == [{"secretRef": {"name": "airloop"}}]
    secret = re.compile(r"TOKEN|PASSWORD|CONN_|LEDGER|FERNET|JWT|(SECRET|ACCESS)_?KEY")
    assert [name for name in environment if secret.search(name)] == []
    names = {key for key in values if key.lower().endswith(("key", "secret", "password", "token"))}
    assert names == set() and "metadataConnection" not in values["data"]
