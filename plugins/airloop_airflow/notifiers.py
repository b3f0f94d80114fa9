"""The notifiers that a spec names by a short word: the task's log, a webhook, mail."""

from __future__ import annotations

import logging
from importlib import import_module
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseNotifier

from airloop.errors import AirloopError, SpecError

if TYPE_CHECKING:
    from airflow.sdk import Connection, Context

    from airloop.spec.model import Notify

TEXT = "{{ alert.text }}"
"""The message, as a template."""
MAIL = """\
<p><b>{{ alert.title | e }}</b></p>
<ul>{% for reason in alert.reasons %}<li>{{ reason | e }}</li>{% endfor %}</ul>
<p>{% if alert.report %}<a href="{{ alert.report | e }}">Report</a> · {% endif %}\
<a href="{{ alert.link | e }}">Run</a></p>
"""


class NotTold(AirloopError):
    """A message could not be delivered."""


def build(notify: Notify) -> BaseNotifier:
    """Return the notifier that a spec asks for. Raises SpecError where it cannot be made."""
    try:
        if notify.notifier == "log":
            return LogNotifier(**notify.args)
        if notify.notifier == "webhook":
            return WebhookNotifier(**notify.args)
        if notify.notifier == "smtp":
            return _mail(notify.args)
        module, _, name = notify.notifier.rpartition(".")
        found: BaseNotifier = getattr(import_module(module), name)(**notify.args)
        return found
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise SpecError(f"notify: notifier {notify.notifier!r} cannot be made: {error}") from error


class LogNotifier(BaseNotifier):
    """Writes the alert to the log of the task, as a warning.

    :param text: the message, a template.
    """

    template_fields = ("text",)

    def __init__(self, text: str = TEXT) -> None:
        super().__init__()
        self.text = text

    def notify(self, context: Context) -> None:
        """Write the message."""
        logging.getLogger(__name__).warning("%s", self.text)


class WebhookNotifier(BaseNotifier):
    """Posts the alert as JSON, in the form that Slack, Mattermost and others take: ``{"text": …}`` and the fields.

    :param url: where to; a secret of most services, so better given by ``conn_id``.
    :param conn_id: an Airflow connection whose host, path and password make the address.
    :param text: the message, a template.
    :param timeout_s: how long an answer is waited for.
    """

    template_fields = ("url", "conn_id", "text")

    def __init__(self, url: str = "", conn_id: str = "", text: str = TEXT, timeout_s: float = 10.0) -> None:
        super().__init__()
        if bool(url) == bool(conn_id):
            raise ValueError("give either `url` or `conn_id`")
        self.url = url
        self.conn_id = conn_id
        self.text = text
        self.timeout_s = timeout_s

    def notify(self, context: Context) -> None:
        """Post the message. Raises NotTold, which names the host and never the rest of the address."""
        alert: Any = context["alert"]  # type: ignore[typeddict-item]
        body = {
            "text": self.text,
            "pipeline": alert.pipeline,
            "event": alert.event,
            "version": alert.version,
            "reasons": list(alert.reasons),
            "link": alert.link,
            "report": alert.report,
        }
        _post(self.url or _address(self.conn_id), body, self.timeout_s)


def _post(url: str, body: dict[str, Any], timeout_s: float) -> None:
    import httpx
    from airflow.sdk.log import mask_secret

    mask_secret(url)
    for name in ("httpx", "httpcore"):
        # They log every request with its address.
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        host = httpx.URL(url).host
        with httpx.stream("POST", url, json=body, timeout=timeout_s) as answer:
            said = "" if answer.is_success else next(answer.iter_text(200), "")
    except (httpx.InvalidURL, httpx.UnsupportedProtocol):
        raise NotTold("the webhook's address is no URL, for example https://hooks.example.com/T0/B0/x") from None
    except httpx.TransportError as error:
        raise NotTold(f"webhook {host}: {type(error).__name__} (time-out {timeout_s:g} s)") from None
    if not answer.is_success:
        raise NotTold(f"webhook {host}: {answer.status_code} {said}".rstrip())


def _address(conn_id: str) -> str:
    """Return the address that a connection stands for.

    Airflow's two forms: a URI (``https://host/path``) keeps its path in ``schema``; a form may keep the protocol there,
    or the whole address in ``host``. A password is the last, secret, part of the path.
    """
    from airflow.sdk import Connection

    connection = Connection.get(conn_id)
    return "/".join([_base(connection), *([connection.password] if connection.password else [])])


def _base(connection: Connection) -> str:
    host, schema = connection.host or "", connection.schema or ""
    if "://" in host:
        return host.rstrip("/")
    place = f"{host}:{connection.port}" if connection.port else host
    if schema in ("http", "https"):
        return f"{schema}://{place}"
    protocol = "http" if connection.conn_type == "http" else "https"
    return f"{protocol}://{place}/{schema}".rstrip("/")


def _mail(args: dict[str, Any]) -> BaseNotifier:
    from airflow.providers.smtp.notifications.smtp import SmtpNotifier

    return SmtpNotifier(**{"subject": "{{ alert.title }}", "html_content": MAIL} | args)
