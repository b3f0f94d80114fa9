"""Tokens: who may do what, and where they are kept."""

from __future__ import annotations

import pytest

from airloop.errors import Unreachable
from airloop.serving.tokens import Tokens, read_or_make

ROUTES = [
    ("GET", "/v2/health/live", 200, 200, 200, 200),
    ("GET", "/v2/health/ready", 200, 200, 200, 200),
    ("GET", "/v2", 401, 401, 200, 200),
    ("GET", "/v2/models/flights", 401, 401, 200, 200),
    ("GET", "/v2/models/flights/ready", 401, 401, 200, 200),
    ("POST", "/v2/models/flights/infer", 401, 401, 400, 400),
    ("POST", "/v2/models/flights/versions/1/infer", 401, 401, 400, 400),
    ("POST", "/v2/models/unknown/infer", 401, 401, 404, 404),
    ("GET", "/metrics", 401, 401, 200, 200),
    ("GET", "/admin/pipelines/flights", 401, 401, 403, 200),
    ("PUT", "/admin/pipelines/flights", 401, 401, 403, 400),
    ("DELETE", "/admin/pipelines/nothing", 401, 401, 403, 200),
]
"""Method, path, and the status without a token, with a wrong one, with the infer token, with the admin token."""


@pytest.mark.parametrize(("method", "path", "none", "wrong", "infer", "admin"), ROUTES)
def test_every_route_asks_for_the_right_token(fixed, kit, method, path, none, wrong, infer, admin):
    server, _ = fixed
    tokens = {None: none, "infer-tokem": wrong, kit.TOKENS.infer: infer, kit.TOKENS.admin: admin}
    found = {token: server.ask(method, path, b"[]", token=token).status for token in tokens}
    assert found == tokens


def test_refusals_say_where_the_token_is(fixed):
    server, _ = fixed
    answer = server.ask("GET", "/v2", token=None)
    assert answer.headers[b"www-authenticate"] == b"Bearer"
    assert answer.error.startswith(
        "a token is needed, `Authorization: Bearer TOKEN`; it is in secrets/ below AIRLOOP_HOME"
    )
    assert server.ask("GET", "/v2", token="x").error.startswith("the token is wrong; it is in secrets/")
    assert server.ask("GET", "/v2", token="").status == 401
    said = server.ask("GET", "/admin/pipelines/flights", token="infer-token").error
    assert said == "this token may predict, not administer; use the admin token"


def test_tokens_are_made_once_and_are_for_their_owner_only(tmp_path):
    made = read_or_make(tmp_path, {})
    assert read_or_make(tmp_path, {}) == made
    assert len(made.infer) >= 32 and made.infer != made.admin
    files = sorted((tmp_path / "secrets").iterdir())
    assert [(path.name, path.stat().st_mode & 0o777) for path in files] == [
        ("admin.token", 0o600),
        ("infer.token", 0o600),
    ]
    assert made.infer not in repr(made) and made.admin not in repr(made)


def test_the_environment_wins(tmp_path):
    environ = {"AIRLOOP_INFER_TOKEN": "one", "AIRLOOP_ADMIN_TOKEN": "two"}
    assert read_or_make(tmp_path, environ) == Tokens("one", "two")
    assert not (tmp_path / "secrets").exists()


def test_a_home_that_cannot_be_written_says_what_to_do(tmp_path):
    (tmp_path / "secrets").write_text("a file where a folder must be")
    with pytest.raises(Unreachable, match="or set AIRLOOP_INFER_TOKEN and AIRLOOP_ADMIN_TOKEN"):
        read_or_make(tmp_path, {})
