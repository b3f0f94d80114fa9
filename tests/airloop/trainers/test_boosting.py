"""XGBoost: any task, the same bytes every time, and after a kill -9 as well."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from airloop import trainers
from airloop.errors import TrainingError
from airloop.spec.model import Model
from airloop.trainers import find
from airloop.trainers.boosting import XGBoostTrainer
from airloop.trainers.checkpoint import Checkpoints
from airloop.trainers.library import xgboost
from airloop.trainers.protocol import Fitted

PARAMS = {"max_depth": 4, "learning_rate": 0.3, "subsample": 0.7, "colsample_bytree": 0.8}


def model(task: str = "binary", **changes) -> Model:
    return Model(
        **{"task": task, "params": PARAMS, "rounds": 60, "early_stopping": 5, "checkpoint_every": 8, **changes}
    )


def saved(fitted: Fitted, folder: Path) -> bytes:
    trainers.save(fitted, "xgboost", folder)
    return (folder / "model.ubj").read_bytes()


@pytest.mark.parametrize(("task", "shape"), [("binary", (300,)), ("multiclass", (300, 3)), ("regression", (300,))])
def test_every_task_learns_and_comes_back_from_disk_the_same(make_data, tmp_path, task, shape):
    data = make_data(task)
    fitted = find("xgboost").fit(data, model(task), Checkpoints(tmp_path / "work"))
    answers = fitted.predict(data.watch.matrix)
    assert (answers.shape, answers.dtype) == (shape, np.float64)
    if task == "regression":
        assert np.corrcoef(answers, data.watch.label)[0, 1] > 0.8
    else:
        guess = answers.argmax(axis=1) if task == "multiclass" else answers > 0.5
        assert (guess == data.watch.label).mean() > 0.7
    trainers.save(fitted, "xgboost", tmp_path / "model")
    np.testing.assert_array_equal(trainers.load(tmp_path / "model").predict(data.watch.matrix), answers)


def test_the_same_rows_give_the_same_bytes_and_another_seed_others(make_data, tmp_path):
    one, two, other = (
        saved(
            find("xgboost").fit(make_data(), model(seed=seed), Checkpoints(tmp_path / f"{i}")), tmp_path / f"model-{i}"
        )
        for i, seed in enumerate([0, 0, 1])
    )
    assert one == two
    assert one != other


def test_one_row_is_answered_as_among_many(make_data, tmp_path):
    data = make_data()
    fitted = find("xgboost").fit(data, model(), Checkpoints(tmp_path))
    together = fitted.predict(data.watch.matrix)
    alone = np.concatenate([fitted.predict(data.watch.matrix[i : i + 1]) for i in range(50)])
    np.testing.assert_array_equal(alone, together[:50])
    assert fitted.predict(data.watch.matrix[:0]).shape == (0,)


def test_early_stopping_keeps_the_best_round_only(make_data, tmp_path):
    fitted = find("xgboost").fit(make_data(), model(rounds=200), Checkpoints(tmp_path))
    metric, values = fitted.watched
    assert metric == "logloss"
    assert fitted.rounds == np.argmin(values) + 1
    assert len(values) == fitted.rounds + 5
    assert XGBoostTrainer().load(_folder(fitted, tmp_path)).rounds == fitted.rounds


def test_a_metric_of_which_more_is_better_stops_at_its_largest(make_data, tmp_path):
    fitted = find("xgboost").fit(make_data(), model(params=PARAMS | {"eval_metric": "auc"}), Checkpoints(tmp_path))
    metric, values = fitted.watched
    assert metric == "auc"
    assert fitted.rounds == np.argmax(values) + 1


def test_without_early_stopping_all_rounds_are_kept(make_data, tmp_path):
    fitted = find("xgboost").fit(make_data(watch=0), model(early_stopping=0, rounds=21), Checkpoints(tmp_path))
    assert fitted.rounds == 21
    assert fitted.watched == ("", ())


def test_rows_on_disk_give_a_model_as_good(make_data, tmp_path):
    data = make_data()
    in_memory = find("xgboost").fit(data, model(), Checkpoints(tmp_path / "memory"))
    on_disk = find("xgboost").fit(data, model(external_memory_above=100), Checkpoints(tmp_path / "disk"))
    np.testing.assert_allclose(on_disk.predict(data.watch.matrix), in_memory.predict(data.watch.matrix), atol=1e-6)


def test_importance_is_shares_of_the_gain(make_data, tmp_path):
    data = make_data()
    shares = find("xgboost").fit(data, model(), Checkpoints(tmp_path)).importance(data.features)
    assert list(shares) == list(data.features)
    assert sum(shares.values()) == pytest.approx(1)
    assert {name for name, share in shares.items() if share > 0.2} == {"a", "kind"}


def test_a_stopped_training_goes_on_to_the_same_bytes(make_data, tmp_path):
    data, whole = make_data(), model(early_stopping=60)
    expected = saved(find("xgboost").fit(data, whole, Checkpoints(tmp_path / "whole")), tmp_path / "expected")
    find("xgboost").fit(data, model(early_stopping=60, rounds=24), Checkpoints(tmp_path / "stopped"))
    assert saved(find("xgboost").fit(data, whole, Checkpoints(tmp_path / "stopped")), tmp_path / "resumed") == expected


def test_a_broken_checkpoint_is_dropped_with_a_word(make_data, tmp_path, caplog):
    expected = saved(find("xgboost").fit(make_data(), model(), Checkpoints(tmp_path)), tmp_path / "a")
    for broken in (b"broken", b""):
        (tmp_path / "main" / "checkpoint.ubj").write_bytes(broken)
        assert saved(find("xgboost").fit(make_data(), model(), Checkpoints(tmp_path)), tmp_path / "b") == expected
    assert "beginning again: the checkpoint in" in caplog.text


@pytest.mark.slow
def test_kill_9_and_another_process_give_the_same_bytes(make_data, tmp_path):
    script = Path(__file__).with_name("killed.py")
    process = subprocess.Popen(
        [sys.executable, str(script), str(tmp_path / "killed")], env={**os.environ, "PYTHONPATH": "include"}
    )
    wait_for(tmp_path / "killed" / "main" / "checkpoint.ubj", process)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    settings = model(
        params={"subsample": 0.7, "colsample_bynode": 0.5, "learning_rate": 0.02},
        rounds=300,
        early_stopping=300,
        checkpoint_every=20,
    )
    resumed = saved(find("xgboost").fit(make_data(), settings, Checkpoints(tmp_path / "killed")), tmp_path / "a")
    assert resumed == saved(find("xgboost").fit(make_data(), settings, Checkpoints(tmp_path / "whole")), tmp_path / "b")


def test_a_replicate_differs_a_little_and_is_the_same_every_time(make_data, tmp_path):
    data = make_data()
    trainer = find("xgboost")
    fitted = trainer.fit(data, model(), Checkpoints(tmp_path / "a"))
    replicates = [trainer.fit_replicate(data, model(), number, Checkpoints(tmp_path / "a")) for number in (0, 1)]
    # Each stops where its own later rows say, so that the noise of early stopping is in their spread.
    assert all(len(replicate.watched[1]) - replicate.rounds == model().early_stopping for replicate in replicates)
    again = find("xgboost").fit_replicate(make_data(), model(), 1, Checkpoints(tmp_path / "b"))
    assert saved(again, tmp_path / "again") == saved(replicates[1], tmp_path / "first")
    answers = [each.predict(data.watch.matrix) for each in (fitted, *replicates)]
    differences = [np.abs(answers[i] - answers[j]).mean() for i, j in ((0, 1), (0, 2), (1, 2))]
    assert all(0 < difference < 0.1 for difference in differences)
    assert saved(find("xgboost").fit(data, model(), Checkpoints(tmp_path / "c")), tmp_path / "x") == saved(
        fitted, tmp_path / "y"
    )


def test_a_row_of_no_weight_is_a_row_left_out():
    """Replicates rest on this: with the same cuts, weight 0 and absence give the same trees."""
    random = np.random.default_rng(0)
    matrix = random.integers(0, 8, (600, 4)).astype(np.float32)
    label = (matrix[:, 0] + random.normal(size=600) > 4).astype(np.float32)
    kept = np.arange(600) % 10 != 3
    every = xgboost.QuantileDMatrix(matrix, label=label)
    every.set_weight(kept.astype(np.float32))
    some = xgboost.QuantileDMatrix(matrix[kept], label=label[kept])
    params = {"objective": "binary:logistic", "nthread": 1}
    weighted, absent = (xgboost.train(params, rows, 10) for rows in (every, some))
    np.testing.assert_allclose(weighted.inplace_predict(matrix), absent.inplace_predict(matrix), atol=1e-6)


def test_loading_needs_no_scikit_learn_and_no_pandas(make_data, tmp_path):
    folder = _folder(find("xgboost").fit(make_data(), model(), Checkpoints(tmp_path / "work")), tmp_path / "model")
    script = (
        "import sys; from pathlib import Path; import numpy as np; from airloop import trainers\n"
        f"trainers.load(Path({str(folder)!r})).predict(np.zeros((1, 5), np.float32))\n"
        "print([name for name in ('sklearn', 'pandas', 'pydantic') if name in sys.modules])\n"
        "import importlib.util; importlib.util.find_spec('sklearn').name"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": "include"}, capture_output=True, check=True
    )
    assert done.stdout == b"[]\n"


def wait_for(path: Path, process: subprocess.Popen[bytes], timeout_s: float = 60) -> None:
    end = time.monotonic() + timeout_s
    while not path.exists():
        assert process.poll() is None, "ended before its first checkpoint"
        assert time.monotonic() < end, f"no {path.name} in {timeout_s} s"
        time.sleep(0.01)


def _folder(fitted: Fitted, folder: Path) -> Path:
    trainers.save(fitted, "xgboost", folder)
    return folder


def test_a_metric_that_the_watched_rows_do_not_define_is_named(make_data, tmp_path):
    data = make_data()
    one_class = replace(data, watch=replace(data.watch, label=np.ones_like(data.watch.label)))
    with (
        pytest.warns(UserWarning, match="contains only positive or negative samples"),
        pytest.raises(TrainingError, match=r"auc is nan on the later rows that early stopping watches"),
    ):
        find("xgboost").fit(one_class, model(params=PARAMS | {"eval_metric": "auc"}), Checkpoints(tmp_path))
