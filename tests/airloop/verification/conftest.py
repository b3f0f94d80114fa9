"""The bundles and servers of the serving tests, used here too."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from airloop.spec.gates import LimitGate
from airloop.workspace import Workspace

_SPEC = importlib.util.spec_from_file_location("serving_kit", Path(__file__).parents[1] / "serving" / "conftest.py")
_KIT = importlib.util.module_from_spec(_SPEC)
sys.modules["serving_kit"] = _KIT
_SPEC.loader.exec_module(_KIT)


@pytest.fixture(scope="session")
def kit():
    return _KIT


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.from_environment({"AIRLOOP_HOME": str(tmp_path / "home")})


@pytest.fixture
def pipeline():
    """Makes pipelines with limits; only ``spec.gates`` is looked at."""
    return lambda *limits: SimpleNamespace(spec=SimpleNamespace(gates=tuple(LimitGate(**given) for given in limits)))
