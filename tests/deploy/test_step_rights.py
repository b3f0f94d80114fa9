"""Steps in pods as the account ``airloop``: what they ask of the cluster, and that its Role grants it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.airloop_airflow.conftest import context_of
from tests.airloop_airflow.test_pods_on_a_cluster import REF, image, shared, space, step, workspace
from tests.deploy import rendered
from tests.kubernetes_rights import granted, install, under_role

from airloop.errors import StepFailed

__all__ = ["context_of", "image", "shared", "space", "step", "workspace"]  # fixtures

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(300)]

OWN = {("", "secrets", "patch"), ("", "secrets", "delete"), ("", "pods/log", "get")}
"""Rights that only steps make use of."""


def test_steps_need_no_more_than_is_granted(step: Any, space: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    role = rendered.named(install(space), "Role", "airloop")
    with under_role(space, tmp_path) as used:
        connection = {"conn_type": "kubernetes", "extra": {"kube_config_path": str(tmp_path / "airloop.kubeconfig")}}
        monkeypatch.setenv("AIRFLOW_CONN_KUBERNETES_DEFAULT", json.dumps(connection))
        assert step("print('round 1'); ref()").carry_out(step.context) == REF
        with pytest.raises(StepFailed, match="exit code 3"):
            step("sys.exit(3)", keep_pod="failed").carry_out(step.context)
    assert used >= OWN
    assert used - granted(role) == set()
