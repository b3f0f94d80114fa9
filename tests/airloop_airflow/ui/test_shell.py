from __future__ import annotations

import hashlib

import pytest


@pytest.mark.parametrize(
    "path", ["/ui/", "/ui/pipelines/parcels", "/ui/pipelines/parcels/why", "/ui/at?dag_id=a.train"]
)
def test_every_address_gives_the_one_document(browser, path):
    page = browser("ann").get(path)
    assert page.status_code == 200
    assert '<div id="app"></div>' in page.text
    assert page.headers["cache-control"] == "no-store"


def test_the_document_loads_nothing_from_elsewhere_and_is_framed_by_airflow_alone(browser):
    headers = browser("ann").get("/ui/").headers
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'self'" and "script-src" not in policy
    assert (policy["frame-ancestors"], policy["base-uri"], policy["form-action"]) == ("'self'", "'none'", "'none'")
    assert (headers["x-content-type-options"], headers["referrer-policy"]) == ("nosniff", "same-origin")


def test_the_documents_files_are_there_and_kept_for_good(browser):
    page = browser("ann").get("/ui/").text
    files = [part.split('"')[0] for part in page.split('"/airloop/ui/')[1:]]
    assert len(files) >= 2
    for file in files:
        answer = browser().get(f"/ui/{file}")
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert file.endswith(hashlib.sha256(answer.content).hexdigest()[:12])


def test_a_file_of_another_version_is_asked_for_again(browser):
    assert browser().get("/ui/assets/app.js?v=000000000000").headers["cache-control"] == "no-cache"
    assert browser().get("/ui/assets/app.js").headers["cache-control"] == "no-cache"


def test_airflow_may_live_below_a_path_of_its_own(server, auth_manager):
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from fastapi.testclient import TestClient

    client = TestClient(server, root_path="/team-a")
    client.cookies.set("_token", auth_manager.generate_jwt(SimpleAuthManagerUser(username="ann", role="viewer")))
    page = client.get("/team-a/airloop/ui/").text
    assert '"/team-a/airloop/ui/assets/app.js' in page and '"/airloop/ui/' not in page


@pytest.mark.parametrize("file", ["..%2Fshell.py", "%2e%2e/shell.py", "index.html", "nothing.js", ".hidden", "static"])
def test_only_files_of_the_pages_are_given(browser, file):
    assert browser("dan").get(f"/ui/assets/{file}").status_code in (400, 404)


def test_pages_that_are_not_built_say_how_to_build_them(browser, tmp_path, monkeypatch):
    from airloop_airflow.ui import shell

    monkeypatch.setattr(shell, "STATIC", tmp_path)
    page = browser("ann").get("/ui/")
    assert page.status_code == 503
    assert "make ui" in page.text


def test_the_documents_script_is_no_part_of_it(browser):
    assert "<script>" not in browser("ann").get("/ui/").text
