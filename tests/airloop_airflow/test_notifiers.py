from __future__ import annotations

import json
import logging
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from airloop.errors import SpecError
from airloop.spec.model import Notify
from airloop_airflow import notifiers
from airloop_airflow.alert import Alert

ALERT = Alert("parcels", "rejected", "7", ("too <bad>",), "https://a/dags/parcels.train/runs/r", "https://a/report")


class Hook(HTTPServer):
    """A service that takes messages, and answers as it is told."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.got: list[tuple[str, dict]] = []
        self.status = 200
        self.may_answer = threading.Event()
        self.may_answer.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Answer(BaseHTTPRequestHandler):
    server: Hook

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, json.loads(body)))
        self.server.may_answer.wait(3)
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(b"no_team" if self.server.status >= 400 else b"ok")

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def hook(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = Hook()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join(5)
    server.server_close()


def tell(notifier, **args):
    notifiers.build(Notify(notifier=notifier, args=args))({"alert": ALERT, "run_id": "r"})


def test_the_log_says_it_as_a_warning(caplog):
    tell("log")
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "parcels: rejected (version 7)\n- too <bad>" in caplog.text


def test_a_webhook_gets_the_text_and_the_fields(hook):
    tell("webhook", url=f"{hook.url}/T0/B0")
    assert hook.got == [
        (
            "/T0/B0",
            {
                "text": ALERT.text,
                "pipeline": "parcels",
                "event": "rejected",
                "version": "7",
                "reasons": ["too <bad>"],
                "link": ALERT.link,
                "report": ALERT.report,
            },
        )
    ]


def test_a_webhooks_text_is_a_template(hook):
    tell("webhook", url=hook.url, text="@channel {{ alert.title }} in {{ run_id }}")
    assert hook.got[0][1]["text"] == "@channel parcels: rejected (version 7) in r"


def test_a_webhook_that_refuses_is_named_by_its_host_alone(hook, caplog):
    hook.status = 404
    with caplog.at_level(logging.DEBUG), pytest.raises(notifiers.NotTold) as refused:
        tell("webhook", url=f"{hook.url}/T0/very-secret")
    assert str(refused.value) == "webhook 127.0.0.1: 404 no_team"
    assert "very-secret" not in caplog.text


def test_a_webhook_that_does_not_answer_is_given_up(hook):
    hook.may_answer.clear()
    with pytest.raises(notifiers.NotTold, match=r"^webhook 127.0.0.1: ReadTimeout \(time-out 0.2 s\)$"):
        tell("webhook", url=f"{hook.url}/very-secret", timeout_s=0.2)
    hook.may_answer.set()


def test_a_webhook_of_a_wrong_address_says_so(caplog):
    with pytest.raises(notifiers.NotTold, match="address is no URL") as refused:
        tell("webhook", url="very-secret")
    assert "very-secret" not in str(refused.value) + caplog.text


@pytest.mark.parametrize(
    ("connection", "address"),
    [
        ("https://hooks.example.com/services/T0/B0", "https://hooks.example.com/services/T0/B0"),
        ("http://127.0.0.1:9000/hook", "http://127.0.0.1:9000/hook"),
        ('{"conn_type": "http", "host": "hooks.example.com", "schema": "https"}', "https://hooks.example.com"),
        (
            '{"conn_type": "slackwebhook", "host": "https://hooks.slack.com/services/", "password": "T0/B0/x"}',
            "https://hooks.slack.com/services/T0/B0/x",
        ),
    ],
)
def test_a_webhooks_address_comes_from_a_connection(monkeypatch, connection, address):
    monkeypatch.setenv("AIRFLOW_CONN_HOOK", connection)
    assert notifiers._address("hook") == address


@pytest.mark.parametrize(
    ("notifier", "args", "why"),
    [
        ("webhook", {}, "give either `url` or `conn_id`"),
        ("webhook", {"url": "https://a", "conn_id": "b"}, "give either `url` or `conn_id`"),
        ("webhook", {"address": "https://a"}, "unexpected keyword argument 'address'"),
        ("smtp", {}, "missing 1 required positional argument: 'to'"),
        ("airloop_airflow.notifiers.Shout", {}, "has no attribute 'Shout'"),
    ],
)
def test_a_notifier_that_cannot_be_made_says_why(notifier, args, why):
    with pytest.raises(SpecError, match=why):
        notifiers.build(Notify(notifier=notifier, args=args))


def test_mail_has_a_subject_and_a_body_that_quotes_what_it_is_given():
    mail = notifiers.build(Notify(notifier="smtp", args={"to": "ann@example.com"}))
    mail.render_template_fields({"alert": ALERT})
    assert mail.subject == "parcels: rejected (version 7)"
    assert "<li>too &lt;bad&gt;</li>" in mail.html_content
    assert '<a href="https://a/report">Report</a>' in mail.html_content


def test_a_mails_subject_can_be_ones_own():
    args = {"to": "ann@example.com", "subject": "Look: {{ alert.pipeline }}"}
    mail = notifiers.build(Notify(notifier="smtp", args=args))
    mail.render_template_fields({"alert": ALERT})
    assert mail.subject == "Look: parcels" and "too &lt;bad&gt;" in mail.html_content
