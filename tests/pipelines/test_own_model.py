"""What the page *Bring your own model* shows, done as it says: from the files to a release, and another one."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time

import httpx
import pytest

from airloop.spec import load
from airloop.workspace import PROJECT

PAGE = (PROJECT / "docs" / "own-model.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def shell(tmp_path):
    """Return a function that runs ``python -m airloop …`` with a home and pipelines of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    (tmp_path / "pipelines").mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AIRLOOP_")}
    own = {"AIRLOOP_HOME": tmp_path / "home", "AIRLOOP_PIPELINES": tmp_path / "pipelines", "AIRLOOP_SERVER": url}
    environ = {**kept, **{name: str(value) for name, value in own.items()}, "PYTHONPATH": str(PROJECT / "include")}

    def run(*words: str) -> dict[str, object]:
        command = [sys.executable, "-m", "airloop", *words]
        done = subprocess.run(command, env=environ, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout else {}

    server = subprocess.Popen(
        [sys.executable, "-m", "airloop", "serve"],
        env=environ,
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_until_ready(url, server)
        yield run
    finally:
        server.terminate()
        server.wait(30)


def _wait_until_ready(url: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        assert server.poll() is None, "the server ended"
        try:
            if httpx.get(f"{url}/v2/health/ready").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError("the server did not become ready")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_trainer_on_the_page_goes_from_the_files_to_two_releases(shell, tmp_path):
    folder = tmp_path / "pipelines" / "churn"
    shell("new", "churn")
    shell("land", "churn")
    (folder / "linear.py").write_text(blocks("python")[0])
    (section,) = [block for block in blocks("yaml") if block.startswith("model:")]
    given = (folder / "pipeline.yaml").read_text()
    # Requests are few here, so a second release would wait for them.
    steps = given.replace("steps: [10, 50, 100]", "steps: [100]")
    (folder / "pipeline.yaml").write_text(re.sub(r"^model:\n(?:  .*\n)+", section, steps, flags=re.MULTILINE))
    assert load(folder).spec.model.trainer == "linear.py:LinearTrainer"
    shell("check", "churn")

    first = shell("run", "churn", "--as-of", "2024-04-01")
    assert (first["outcome"], first["refs"]["verification"]["passed"]) == ("RELEASED", True)
    bundle = tmp_path / "home" / "store" / "bundles" / first["refs"]["bundle"]["digest"]
    assert sorted(path.name for path in (bundle / "model").iterdir()) == ["linear.json", "trainer", "trainer.json"]
    # The page says that answering needs NumPy alone.
    assert "scikit-learn" not in (bundle / "requirements.txt").read_text()

    again = shell("run", "churn", "--as-of", "2024-04-01")
    assert again["refs"]["model"]["digest"] == first["refs"]["model"]["digest"]

    (folder / "linear.py").write_text(blocks("python")[0].replace("max_iter=1000", "max_iter=900"))
    second = shell("run", "churn", "--as-of", "2024-04-08")
    assert second["refs"]["model"]["digest"] != first["refs"]["model"]["digest"]
    assert second["outcome"] in ("RELEASED", "HOLD"), second["reasons"]
    assert second["refs"]["verdict"]["champion_version"] == "1"
