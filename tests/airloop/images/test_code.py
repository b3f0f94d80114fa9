"""The server's code in the image: all that it imports is there, and nothing that it must not have."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from airloop.images import code
from airloop.workspace import PROJECT

NEVER_SERVED = {
    "bundle/package.py": {"airloop.data"},
    "serving/recall.py": {"airloop.ledger"},
    "workspace.py": {"airloop.ledger"},
}
"""Imports of what is not in the image, in functions that a container never calls."""


def test_every_module_of_the_server_can_be_imported_from_the_image_alone(tmp_path: Path):
    for name, path in code.of_server().items():
        target = tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    found = sorted((tmp_path / code.INSIDE).rglob("*.py"))
    inside = [".".join(path.relative_to(tmp_path / code.INSIDE).with_suffix("").parts) for path in found]
    modules = [f"airloop.{name}" for name in inside if not name.endswith("__")]
    script = (
        "import importlib, json, sys\n"
        f"for name in {modules}: importlib.import_module(name)\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    env = {"PYTHONPATH": str(tmp_path / "opt/airloop/include")}
    done = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    # XGBoost imports pandas where there is one, and only then.
    assert not {"airflow", "docker", "mlflow", "pydantic", "sqlalchemy"} & set(json.loads(done.stdout))


def test_what_is_not_in_the_image_is_imported_only_where_a_container_never_comes():
    files = code.of_server()
    has = {name.removeprefix("opt/airloop/include/").removesuffix(".py").removesuffix("/__init__") for name in files}
    missing: dict[str, set[str]] = {}
    for name, path in files.items():
        for module in _imported(ast.parse(path.read_text())):
            if module.partition(".")[0] == "airloop" and module.replace(".", "/") not in has:
                missing.setdefault(name.removeprefix(f"{code.INSIDE}/"), set()).add(".".join(module.split(".")[:2]))
    assert len(files) > 40
    assert missing == NEVER_SERVED


def test_a_changed_byte_of_the_code_is_another_base(tmp_path: Path):
    shutil.copytree(PROJECT / "include" / "airloop", tmp_path / "include" / "airloop")
    before = code.digest_of(code.of_server(tmp_path))
    assert before == code.digest_of(code.of_server())
    (tmp_path / "include" / "airloop" / "ledger" / "rules.py").write_text("# not of the server\n")
    assert code.digest_of(code.of_server(tmp_path)) == before
    with (tmp_path / "include" / "airloop" / "clock.py").open("a") as stream:
        stream.write("\n")
    assert code.digest_of(code.of_server(tmp_path)) != before


def _imported(tree: ast.AST) -> Iterator[str]:
    """Yield the modules that are imported at run time."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.ImportFrom):
            yield from _of_from(node)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        else:
            yield from _imported(node)


def _of_from(node: ast.ImportFrom) -> Iterator[str]:
    package = PROJECT / "include" / Path(*(node.module or "").split("."))
    for alias in node.names:
        is_module = (package / f"{alias.name}.py").exists() or (package / alias.name).is_dir()
        yield f"{node.module}.{alias.name}" if is_module else str(node.module)
