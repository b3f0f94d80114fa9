"""What the routes need beyond their own modules, imported when they are first asked: one thread at a time.

Loading the plugin brings none of it into Airflow's processes, and Starlette answers in threads. Of two threads that
begin with a package, one by the package and one by a module of it, each may wait for the other: Python ends one with an
error.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from threading import Lock

PACKAGES = ("bundle", "cluster", "data", "engine", "gateway", "images", "monitoring", "release", "training")
"""Packages of ``airloop`` whose modules are imported later still, by what is looked at; none is heavy by itself."""
_TURN = Lock()


def imported() -> None:
    """Return when everything is imported that threads could otherwise begin with at once."""
    with _TURN:
        _import_all()


@cache
def _import_all() -> None:
    overview = import_module("airloop.overview")
    for module in iter_modules(overview.__path__, "airloop.overview."):
        import_module(module.name)
    for package in PACKAGES:
        import_module(f"airloop.{package}")
