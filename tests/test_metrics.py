"""Searches that are judged by something else than accuracy, and by uneven classes."""

from __future__ import annotations

import dataclasses
import json
import signal

import numpy as np
import pytest

from search.data.datasets import Images
from search.metric import METRICS
from search.store import Store
from search.training.final import run_final
from search.training.trial import run_trial
from tests.support import small_run
from tests.support.small_trials import SHAPE, TRAIN, VALIDATION, spec_of

FAST = ("roc_auc_ovr",)
OTHERS = [
    pytest.param(name, marks=() if name in FAST else pytest.mark.slow)
    for name in METRICS
    if name != "accuracy"
]


@pytest.mark.parametrize("name", OTHERS)
def test_a_search_by_it_is_repeated_by_one_that_is_killed_and_goes_on(name, tmp_path):
    asked = [*small_run.ARGUMENTS, "--metric", name, "--class-weight", "balanced"]
    paths = [tmp_path / place / "run" for place in ("straight", "killed")]
    for path in paths:
        path.parent.mkdir()
    done = small_run.execute([*asked, "--out", "run"], paths[0].parent)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"test {METRICS[name].label} " in done.stdout
    process = small_run.start([*asked, "--out", "run"], paths[1].parent)
    stopped = small_run.stop(process, paths[1], 4, 0.2, signal.SIGKILL)
    assert stopped.returncode == -signal.SIGKILL
    again = small_run.execute(["--resume", "run", "--workers", "1"], paths[1].parent)
    assert again.returncode == 0, again.stderr
    assert small_run.tables(paths[1]) == small_run.tables(paths[0])
    store = Store(paths[0])
    for row in store.finals():
        shares = np.frombuffer(row.image_scores, "<f4")
        assert shares.mean() == pytest.approx(row.test_score, rel=1e-4)
        assert json.loads(row.measures)[name] == row.test_score
    epochs = {(row["trial_id"], row["epoch"]): row["val_score"] for row in store.rows("epochs")}
    for trial in store.trials():
        assert epochs[trial.trial_id, trial.last_epoch] == trial.score


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_a_trial_is_scored_by_what_was_asked_for(metric):
    result = run_trial(spec_of("cnn_control", 0, 1, metric=metric.name), TRAIN, VALIDATION)
    last = result.epochs[-1]
    assert result.columns["score"] == last[metric.validation]
    assert ("val_score" in last) == (metric.name != "accuracy")
    low, high = metric.ends
    assert low <= result.columns["score"] <= high


@pytest.mark.parametrize("strategy", ["cnn_control", "lines"])
def test_weights_of_classes_make_the_rare_one_be_found(strategy):
    """95 images of one class for 5 of the other; a bright row tells them apart."""
    rng = np.random.default_rng(0)

    def uneven(common, rare):
        y = np.repeat([0, 1], [common, rare]).astype("int32")
        x = rng.integers(0, 120, (len(y), *SHAPE))
        x[np.arange(len(y)), 2 * y] += 40
        return Images(x.astype("uint8"), y)

    train, test = uneven(285, 15), uneven(200, 200)
    recall = {}
    for weight in ("none", "balanced"):
        spec = spec_of(strategy, 0, 6, final=True, class_weight=weight, classes=2)
        plain = {"augmentation": "none", "dropout": 0.0, "label_smoothing": 0.0}
        values = {**spec.hyperparameters, **plain, "learning_rate": 0.01}
        spec = dataclasses.replace(spec, hyperparameters=values)
        predicted = np.frombuffer(run_final(spec, train, test).columns["predictions"], "<u2")
        recall[weight] = float(np.mean(predicted[test.y == 1] == 1))
    assert recall["balanced"] > recall["none"] + 0.15
