"""XGBoost on workers that are processes of their own: the same model every time, also when some are killed."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from airloop import trainers
from airloop.errors import TrainingError
from airloop.spec.model import Model
from airloop.trainers import find, spread
from airloop.trainers.checkpoint import Checkpoints
from airloop.trainers.distributed_workers import LocalProcesses
from airloop.trainers.protocol import Fitted, TrainingData

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

PARAMS = {"max_depth": 4, "learning_rate": 0.3}
FAR = 2e-6
"""Answers of two models that differ by the order of sums alone are nearer than this."""


def model(task: str = "binary", **changes) -> Model:
    settings = {"rounds": 24, "early_stopping": 24, "checkpoint_every": 8, "replicates": 0, "threads": 1, "workers": 2}
    return Model(**{"task": task, "params": PARAMS, **settings, **changes})


def fit(data: TrainingData, wanted: Model, checkpoints: Path | Checkpoints) -> Fitted:
    where = checkpoints if isinstance(checkpoints, Checkpoints) else Checkpoints(checkpoints)
    return spread("xgboost", LocalProcesses()).fit(data, wanted, where)


def saved(fitted: Fitted, folder: Path) -> bytes:
    trainers.save(fitted, "xgboost", folder)
    return (folder / "model.ubj").read_bytes()


def grown(data: TrainingData, classes: int) -> TrainingData:
    """Return rows whose numbers have few values, so that every machine cuts them alike."""
    parts = [replace(part, matrix=np.round(part.matrix * 4) / 4) for part in (data.fit, data.watch) if part]
    return replace(data, fit=parts[0], watch=parts[1], classes=classes)


class Killing(Checkpoints):
    """Kills a worker ``after_s`` after each of the first ``times`` checkpoints; looks at ports meanwhile."""

    def __init__(self, folder: Path, times: int, after_s: float) -> None:
        super().__init__(folder)
        self.times, self.after_s, self.killed = times, after_s, 0

    def write(self, name: str, packed: bytes) -> None:
        super().write(name, packed)
        if self.killed < self.times:
            self.killed += 1
            victim = workers()[self.killed % 2]
            victim.send_signal(signal.SIGSTOP if self.after_s else signal.SIGKILL)
            threading.Timer(self.after_s, victim.kill).start()


def workers() -> list[psutil.Process]:
    children = psutil.Process().children(recursive=True)
    return [child for child in children if "airloop.trainers.distributed_process" in child.cmdline()]


def listening(processes: list[psutil.Process]) -> set[str]:
    found = [each for process in processes for each in process.net_connections("inet")]
    return {each.laddr.ip for each in found if each.status == psutil.CONN_LISTEN}


@pytest.fixture
def nothing_left():
    def look() -> None:
        assert workers() == []
        assert listening([psutil.Process()]) == before

    before = listening([psutil.Process()])
    return look


@pytest.mark.parametrize(("task", "classes"), [("binary", 2), ("multiclass", 3), ("regression", 0)])
def test_workers_fit_what_one_machine_fits(make_data, tmp_path, task, classes, nothing_left):
    data = grown(make_data(task), classes)
    spread_out = fit(data, model(task), tmp_path / "spread")
    nothing_left()
    alone = find("xgboost").fit(data, model(task), Checkpoints(tmp_path / "alone"))
    assert spread_out.rounds == alone.rounds
    scale = max(1.0, float(np.abs(data.watch.label).max())) if task == "regression" else 1.0
    answers, expected = (each.predict(data.watch.matrix) for each in (spread_out, alone))
    np.testing.assert_allclose(answers, expected, atol=FAR * scale)
    np.testing.assert_allclose(spread_out.watched[1], alone.watched[1], rtol=1e-5)
    # Categories are split as categories, not as numbers.
    assert spread_out.importance(data.features)["kind"] == pytest.approx(alone.importance(data.features)["kind"])
    assert b"categories_sizes" in saved(spread_out, tmp_path / "model")


def test_numbers_of_many_values_and_drawn_rows_give_a_model_as_good(make_data, tmp_path):
    data = make_data(count=20_000, watch=5_000)
    wanted = model(params=PARAMS | {"subsample": 0.7, "colsample_bytree": 0.8}, early_stopping=5, rounds=60)
    spread_out = fit(data, wanted, tmp_path / "spread")
    alone = find("xgboost").fit(data, wanted, Checkpoints(tmp_path / "alone"))
    assert min(spread_out.watched[1]) == pytest.approx(min(alone.watched[1]), rel=0.02)


def test_the_same_rows_give_the_same_bytes_and_so_do_replicates(make_data, tmp_path):
    wanted = model(params=PARAMS | {"subsample": 0.7}, replicates=1)
    found = []
    for number in range(2):
        trainer = spread("xgboost", LocalProcesses())
        one = trainer.fit(make_data(), wanted, Checkpoints(tmp_path / f"{number}"))
        two = trainer.fit_replicate(make_data(), wanted, 0, Checkpoints(tmp_path / f"{number}"))
        found.append((saved(one, tmp_path / f"one{number}"), saved(two, tmp_path / f"two{number}")))
    assert found[0] == found[1]
    assert found[0][0] != found[0][1]
    # One that is asked for alone is the same.
    asked = spread("xgboost", LocalProcesses()).fit_replicate(make_data(), wanted, 0, Checkpoints(tmp_path / "asked"))
    assert saved(asked, tmp_path / "alone") == found[0][1]


@pytest.mark.parametrize("after_s", [0, 0.3], ids=["between chunks", "in a chunk"])
def test_killed_workers_are_replaced_and_the_bytes_are_the_same(make_data, tmp_path, caplog, after_s, nothing_left):
    caplog.set_level(logging.WARNING, "airloop")
    data = make_data()
    expected = saved(fit(data, model(), tmp_path / "whole"), tmp_path / "expected")
    killing = Killing(tmp_path / "killed", 2, after_s)
    assert saved(fit(data, model(), killing), tmp_path / "resumed") == expected
    assert killing.killed == 2
    words = r"worker [01] (pid N) was ended by SIGKILL; going on from the last checkpoint with new workers"
    assert len(caplog.messages) == 2
    for message in caplog.messages:
        number, pid = message.split()[1], message.split("pid ")[1].split(")")[0]
        assert message == words.replace("[01]", number).replace("N", pid, 1)
    nothing_left()


def test_workers_lost_a_third_time_end_the_training_and_a_retry_goes_on(make_data, tmp_path, nothing_left):
    data = make_data()
    wanted = model(checkpoint_every=4)
    with pytest.raises(
        TrainingError,
        match=r"training on 2 workers lost some 3 times, the last time: worker \d \(pid \d+\) was ended by SIGKILL. "
        r"Give them more memory, or lower model.workers; a retry goes on from the last checkpoint",
    ):
        fit(data, wanted, Killing(tmp_path / "killed", 3, 0))
    nothing_left()
    expected = saved(fit(data, wanted, tmp_path / "whole"), tmp_path / "expected")
    assert saved(fit(data, wanted, tmp_path / "killed"), tmp_path / "resumed") == expected


def test_rows_on_the_workers_disks_give_a_model_as_good(make_data, tmp_path):
    data = make_data()
    in_memory = fit(data, model(), tmp_path / "memory")
    on_disk = fit(data, model(external_memory_above=100), tmp_path / "disk")
    np.testing.assert_allclose(on_disk.predict(data.watch.matrix), in_memory.predict(data.watch.matrix), atol=1e-6)


def test_without_early_stopping_all_rounds_are_kept(make_data, tmp_path):
    data = make_data(watch=0)
    fitted = fit(data, model(early_stopping=0, rounds=9), tmp_path)
    assert (fitted.rounds, fitted.watched) == (9, ("", ()))


def test_a_ranking_metric_is_that_of_all_watched_rows(make_data, tmp_path):
    from sklearn.metrics import roc_auc_score

    data = make_data()
    fitted = fit(data, model(params=PARAMS | {"eval_metric": "auc"}, early_stopping=3), tmp_path)
    expected = roc_auc_score(data.watch.label, fitted.predict(data.watch.matrix))
    assert max(fitted.watched[1]) == pytest.approx(expected, abs=1e-5)


def test_what_xgboost_refuses_is_told_and_not_taken_for_a_loss(make_data, tmp_path, caplog, nothing_left):
    data = make_data("regression")
    wanted = model("regression", params={"objective": "count:poisson"})
    with pytest.raises(TrainingError, match=r"XGBoost failed in round 1: .*label"):
        fit(data, wanted, tmp_path)
    assert "going on" not in caplog.text
    nothing_left()


def test_dask_listens_on_the_loopback_address_alone(make_data, tmp_path):
    seen: list[set[str]] = []

    class Looking(Checkpoints):
        def write(self, name: str, packed: bytes) -> None:
            seen.append(listening([psutil.Process(), *workers()]))
            super().write(name, packed)

    fit(make_data(), model(), Looking(tmp_path))
    assert len(seen) == 3
    assert all(each == {"127.0.0.1"} for each in seen)


def test_no_more_workers_than_rows(make_data, tmp_path):
    with pytest.raises(TrainingError, match=r"model.workers: 9 workers for 4 rows; at most one a row"):
        fit(make_data(count=4), model(workers=9), tmp_path)


def test_what_cannot_be_spread_is_refused():
    with pytest.raises(TrainingError, match=r"trainer 'my.Own' fits in one process; set 1, or model.trainer: xgboost"):
        spread("my.Own", LocalProcesses())
    with pytest.raises(TrainingError, match=r"model.params.device: 'cuda' fits on one machine; set model.workers: 1"):
        spread("xgboost", LocalProcesses()).check(model(params={"device": "cuda"}))


def test_workers_do_not_outlive_a_killed_training(tmp_path):
    script = Path(__file__).with_name("killed.py")
    (tmp_path / "scratch").mkdir()
    environment = {**os.environ, "PYTHONPATH": "include", "TMPDIR": str(tmp_path / "scratch")}
    process = subprocess.Popen([sys.executable, str(script), str(tmp_path), "2"], env=environment)
    end = time.monotonic() + 100
    while not (tmp_path / "main" / "checkpoint.ubj").exists():
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.05)
    found = psutil.Process(process.pid).children(recursive=True)
    assert len(list((tmp_path / "scratch").rglob("*.f32"))) == 4
    process.kill()
    process.wait()
    assert len(found) == 2
    gone, left = psutil.wait_procs(found, timeout=10)
    assert (len(gone), left) == (2, [])
    assert list((tmp_path / "scratch").rglob("*.f32")) == []
