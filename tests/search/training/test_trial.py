"""One trial: exact continuation and honest scores."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import keras
import numpy as np
import pytest

from search.training.model import from_bytes
from search.training.spec import TrialResult
from spaces import STRATEGIES
from spaces.training.prediction import predict
from tests.support.small_trials import (
    CLASSES,
    VALIDATION,
    assert_same_state,
    lasting,
    run,
    spec_of,
    values_by_epoch,
)

FAST = ("line_cnn",)
EVERY_STRATEGY = [
    pytest.param(name, marks=() if name in FAST else pytest.mark.slow) for name in STRATEGIES
]


@pytest.fixture(scope="module", params=EVERY_STRATEGY)
def whole(request):
    """Nine epochs at a stretch."""
    spec = spec_of(request.param, 0, 9)
    both = {**spec.hyperparameters, "direction": "both", "readout": "mean"}
    both["lstm_layers"] = 2 if request.param == "lines" else 1
    spec = dataclasses.replace(spec, hyperparameters=both)
    result = run(spec)
    assert result.columns["status"] == "completed", result.columns["message"]
    return spec, result


class Short(NamedTuple):
    """A short trial: how it ended, what it told on the way, and the seconds that passed."""

    result: TrialResult
    told: list[tuple[str, Mapping[str, Any]]]
    passed: float


@pytest.fixture(scope="module")
def short():
    told = []
    began = time.perf_counter()
    result = run(spec_of(), on_epoch=lambda *arguments: told.append(arguments))
    return Short(result, told, time.perf_counter() - began)


# Continuation


def test_one_and_two_and_six_epochs_equal_nine_at_a_stretch(whole):
    spec, at_a_stretch = whole
    parent, parts = None, []
    for first, last in ((0, 1), (1, 3), (3, 9)):
        part = run(dataclasses.replace(spec, first_epoch=first, last_epoch=last), parent)
        parent = part.model
        parts.append(part)
    assert [[row["epoch"] for row in part.epochs] for part in parts] == [
        [1],
        [2, 3],
        [4, 5, 6, 7, 8, 9],
    ]
    assert values_by_epoch(*parts) == values_by_epoch(at_a_stretch)
    assert lasting(parts[-1])[0] == lasting(at_a_stretch)[0]
    assert_same_state(parts[-1].model, at_a_stretch.model)


@pytest.mark.parametrize("quiet", [{"dropout": 0.0}, {"augmentation": "none"}], ids=str)
def test_dropout_and_augmentation_are_at_work(short, quiet):
    """Otherwise continuation would have been shown for nothing but plain training."""
    spec = spec_of("lines", 0, 1, keep=False)
    other = run(dataclasses.replace(spec, hyperparameters={**spec.hyperparameters, **quiet}))
    assert values_by_epoch(other)[0]["loss"] != values_by_epoch(short.result)[0]["loss"]


def test_a_lost_parent_costs_time_and_changes_nothing(short):
    told = []
    child = spec_of("lines", 1, 3)
    anew = run(child, None, lambda trial_id, row: told.append((trial_id, row["epoch"])))
    assert [row["epoch"] for row in anew.epochs] == [2, 3]  # the parent has its own rows
    assert values_by_epoch(anew) == values_by_epoch(short.result)[1:]
    assert lasting(anew)[0] == lasting(short.result)[0]
    assert_same_state(anew.model, short.result.model)
    assert told[-2:] == [(child.trial_id, 2), (child.trial_id, 3)]


# What a result says


def test_the_same_trial_twice_is_the_same(short):
    again = run(spec_of())
    assert lasting(again) == lasting(short.result)
    assert_same_state(again.model, short.result.model)


def test_another_seed_is_another_training(short):
    other = run(spec_of("lines", 0, 1, seed=8))
    assert values_by_epoch(other)[0] != values_by_epoch(short.result)[0]


def test_the_score_is_that_of_the_model_as_the_rung_leaves_it(short):
    columns, model = short.result.columns, from_bytes(short.result.model)
    logits = predict(model, VALIDATION.x)
    accuracy = np.mean(logits.argmax(axis=1) == VALIDATION.y)
    assert columns["score"] == pytest.approx(accuracy, abs=1e-6)
    one_hot = np.eye(CLASSES)[VALIDATION.y]
    losses = keras.losses.categorical_crossentropy(one_hot, logits, from_logits=True)
    assert columns["val_loss"] == pytest.approx(float(np.mean(losses)), rel=1e-5)


def test_the_score_is_the_last_epoch_not_the_best_on_the_way():
    """With a learning rate so high that it forgets what it knew."""
    found = None
    for seed in range(6):  # until a training shows the difference: most do
        spec = spec_of("lines", 0, 6, seed=seed, keep=False)
        wild = {**spec.hyperparameters, "learning_rate": 0.2, "schedule": "constant"}
        result = run(dataclasses.replace(spec, hyperparameters=wild))
        accuracies = [row["val_accuracy"] for row in result.epochs]
        assert result.columns["score"] == accuracies[-1]
        assert result.columns["val_loss"] == result.epochs[-1]["val_loss"]
        assert result.model is None  # it was not asked for
        if accuracies[-1] < max(accuracies):
            found = accuracies
            break
    assert found, "no training ended below its best epoch, so nothing was shown"


def test_every_epoch_is_told_as_it_ends(short):
    assert [trial_id for trial_id, _ in short.told] == [short.result.trial_id] * 3
    assert [row for _, row in short.told] == list(short.result.epochs)
    assert [row["epoch"] for _, row in short.told] == [1, 2, 3]


def test_seconds_are_measured_and_add_up_to_no_more_than_passed(short):
    assert short.result.setup_seconds > 0
    assert all(row["seconds"] > 0 for row in short.result.epochs)
    trained = sum(row["seconds"] for row in short.result.epochs)
    assert trained + short.result.setup_seconds <= short.passed


def test_cost_is_filled_in_whatever_the_strategy(whole):
    spec, result = whole
    model = from_bytes(result.model)
    columns = result.columns
    assert columns["parameters"] == sum(math.prod(w.shape) for w in model.trainable_weights)
    assert columns["multiply_adds"] > 0
    if STRATEGIES[spec.strategy].recurrent:
        _, timesteps, features = model.get_layer("sequence").output.shape
        assert (columns["timesteps"], columns["features"]) == (timesteps, features)
    assert columns["peak_memory_bytes"] > 10 * 2**20
