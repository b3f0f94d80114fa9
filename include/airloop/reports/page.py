"""Pages: one HTML file each, that opens offline, in one look for all reports."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from airloop.reports import wording

BASE = Path(__file__).parent
"""The folder of ``base.html.j2``, which every page extends: its blocks are ``title`` and ``main``."""


def render(template: Path, **values: Any) -> str:
    """Return the page that ``template`` makes of ``values``. All that comes from data or from the spec is escaped.

    Filters ``number`` and ``percent`` write figures as ``airloop.reports.wording`` does.
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([template.parent, BASE]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
    environment.filters.update(number=wording.number, percent=wording.percent)
    return environment.get_template(template.name).render(**values)
