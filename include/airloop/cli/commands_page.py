"""The reference page of the command line, written from what the commands say of themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer
from typer.main import get_command

PAGE = "cli.md"

_HEAD = """# Commands

`python -m airloop COMMAND`, in the activated environment (`. .venv/bin/activate`). Written from the code by
`python -m airloop reference --write`.

Results are JSON on stdout, one line; everything for people is on stderr. Exit code 0: done. 1: it ran to its end, and
nothing came of it (a replay without one answer). 2: something that a person can put right, told in one message that
says what, where, what is allowed and the nearest right word. 130: stopped with Ctrl-C. The places that all
commands read and write are [settings](settings.md).

`--verbose` (`-v`), before the command, says more; `--help` (`-h`) works with each.
"""
_USUAL = "Work with pipelines"
_HIDDEN = ("help",)


def page(app: typer.Typer) -> str:
    """Return the page, Markdown."""
    group: Any = get_command(app)
    panels: dict[str, list[str]] = {_USUAL: []}
    for name, command in group.commands.items():
        if not command.hidden:
            panel = getattr(command, "rich_help_panel", None)
            title = panel if isinstance(panel, str) else _USUAL
            panels.setdefault(title, []).append("".join(_described(name, command)))
    return _HEAD + "".join(f"\n## {title}\n{''.join(found)}" for title, found in panels.items())


def _described(name: str, command: Any) -> Iterator[str]:
    shown = [one for one in command.params if one.name not in _HIDDEN]
    arguments = [one for one in shown if one.param_type_name == "argument"]
    options = [one for one in shown if one.param_type_name == "option"]
    usage = " ".join([name, *map(_argument, arguments), *(["[OPTIONS]"] if options else [])])
    yield f"\n### {name}\n\n{_sentence(command.help or '')}\n\n```text\npython -m airloop {usage}\n```\n"
    rows = [*((_argument(one), one) for one in arguments), *((_option(one), one) for one in options)]
    if rows:
        yield "\n| | default | |\n| --- | --- | --- |\n"
        yield from (f"| `{shown_as}` | {_default(one)} | {_cell(one.help or '')} |\n" for shown_as, one in rows)


def _argument(one: Any) -> str:
    return str(one.metavar or one.name.upper())


def _option(one: Any) -> str:
    names = ", ".join([*one.opts, *one.secondary_opts])
    return names if one.is_flag else f"{names} {_word(one)}"


def _word(one: Any) -> str:
    return str(one.metavar or {int: "N", float: "NUMBER"}.get(one.type_descriptor.annotation, "TEXT"))


def _default(one: Any) -> str:
    if one.required:
        return "**required**"
    is_plain = one.default not in (None, "", False) and not callable(one.default)
    return f"`{one.default}`" if is_plain else ""


def _sentence(text: str) -> str:
    return " ".join(text.split())


def _cell(text: str) -> str:
    return _sentence(text).replace("|", r"\|")
