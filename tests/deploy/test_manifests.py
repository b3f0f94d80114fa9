"""The files that a platform engineer applies: right for every version of Kubernetes, and no more rights than needed."""

from __future__ import annotations

import shutil
import subprocess

import pytest
import yaml
from kubernetes_validate import validate
from tests.deploy import rendered

VERSIONS = [f"1.{minor}" for minor in range(25, 38)]
EVERYTHING = {"*"}
RECOMMENDED = {"app.kubernetes.io/name", "app.kubernetes.io/part-of"}


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
def test_every_manifest_is_right_for(version: str):
    for overlay in rendered.OVERLAYS:
        found = rendered.manifests(rendered.FOLDER / overlay)
        assert len(found) >= 8
        for manifest in found:
            validate(manifest, version, strict=True)


@pytest.mark.parametrize("overlay", rendered.OVERLAYS)
def test_kustomize_makes_the_same_of_them(overlay: str):
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed")
    done = subprocess.run(["kubectl", "kustomize", rendered.FOLDER / overlay], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    made = {(each["kind"], each["metadata"]["name"]): each for each in yaml.safe_load_all(done.stdout)}
    read = rendered.manifests(rendered.FOLDER / overlay)
    assert made == {(each["kind"], each["metadata"]["name"]): each for each in read}


@pytest.mark.parametrize("overlay", rendered.OVERLAYS)
def test_everything_lies_in_one_namespace_that_is_restricted_and_labelled(overlay: str):
    found = rendered.manifests(rendered.FOLDER / overlay)
    (namespace,) = [each for each in found if each["kind"] == "Namespace"]
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    places = {each["metadata"]["namespace"] for each in found if each is not namespace}
    assert places == {namespace["metadata"]["name"]}
    assert all(RECOMMENDED <= set(each["metadata"]["labels"]) for each in found)


@pytest.mark.parametrize("overlay", rendered.OVERLAYS)
def test_rights_are_of_the_namespace_and_named_one_by_one(overlay: str):
    found = rendered.manifests(rendered.FOLDER / overlay)
    roles = [each for each in found if each["kind"] == "Role"]
    assert not {"ClusterRole", "ClusterRoleBinding"} & {each["kind"] for each in found}
    assert len(roles) >= 2
    for rule in (rule for role in roles for rule in role["rules"]):
        assert not EVERYTHING & {*rule["apiGroups"], *rule["resources"], *rule["verbs"]}, rule


@pytest.mark.parametrize("overlay", rendered.OVERLAYS)
def test_secrets_can_be_made_and_not_read_and_rights_not_given(overlay: str):
    roles = [each for each in rendered.manifests(rendered.FOLDER / overlay) if each["kind"] == "Role"]
    rules = [rule for role in roles for rule in role["rules"]]
    verbs = {verb for rule in rules if "secrets" in rule["resources"] for verb in rule["verbs"]}
    assert "create" in verbs and not {"get", "list", "watch"} & verbs
    assert "rbac.authorization.k8s.io" not in {group for rule in rules for group in rule["apiGroups"]}
    assert "serviceaccounts/token" not in {resource for rule in rules for resource in rule["resources"]}


@pytest.mark.parametrize("overlay", rendered.OVERLAYS)
def test_a_server_may_do_nothing_and_no_account_has_a_token_by_itself(overlay: str):
    found = rendered.manifests(rendered.FOLDER / overlay)
    bound = {subject["name"] for each in found if each["kind"] == "RoleBinding" for subject in each["subjects"]}
    assert "airloop-server" not in bound and "default" not in bound
    accounts = [each for each in found if each["kind"] == "ServiceAccount"]
    named = {each["metadata"]["name"] for each in accounts}
    assert named == {"airloop", "airloop-viewer", "airloop-server", "airloop-training"}
    assert not any(each["automountServiceAccountToken"] for each in accounts)


@pytest.mark.parametrize("overlay", rendered.OVERLAYS)
def test_who_looks_has_no_verb_that_changes_anything(overlay: str):
    role = rendered.named(rendered.manifests(rendered.FOLDER / overlay), "Role", "airloop-viewer")
    assert {verb for rule in role["rules"] for verb in rule["verbs"]} == {"get", "list"}
    assert not {"secrets", "pods/exec", "pods/log"} & {name for rule in role["rules"] for name in rule["resources"]}
