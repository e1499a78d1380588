"""One trial: exact continuation, honest scores, and failures that are rows rather than errors."""

from __future__ import annotations

import dataclasses
import gc
import math
import time
import types
from collections.abc import Mapping
from typing import Any, NamedTuple

import keras
import keras_tuner
import numpy as np
import pytest

from search.data.datasets import Images
from search.hyperband.configurations import draw_all
from search.training import trial
from search.training.trial import TrialResult, TrialSpec, from_bytes, predict, run_trial
from spaces import STRATEGIES, SequenceHyperModel

CLASSES = 3
SHAPE = (8, 6, 1)
TIMES = {"train_seconds", "setup_seconds", "peak_memory_bytes"}


def images(count, seed):
    """Images whose class shows, if not clearly: a bright bar over noise."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, CLASSES, count).astype("int32")
    x = rng.integers(0, 160, (count, *SHAPE))
    x[np.arange(count), 2 * y] += 60
    return Images(x.astype("uint8"), y)


TRAIN, VALIDATION = images(44, seed=1), images(21, seed=2)


def values_of(strategy):
    """A configuration with everything random that there is: dropout, shifts and flips.

    One small LSTM, read forward: tracing is nearly all of what these tests cost.
    """
    space = keras_tuner.HyperParameters()
    SequenceHyperModel(SHAPE, CLASSES, [strategy], mirror=True, decay_steps=9).build(space)
    values = draw_all(space, {}, [(0, 0, 0)], ["test", strategy])[0, 0, 0]
    return values | {
        "dropout": 0.3,
        "augmentation": "shift_flip",
        "label_smoothing": 0.1,
        "schedule": "cosine",
        "direction": "forward",
        "lstm_layers": 1,
        "lstm_units": 16,
        "learning_rate": 0.003,
    }


def spec_of(strategy="lines", first_epoch=0, last_epoch=3, **changes):
    spec = TrialSpec(
        trial_id=f"{strategy}-{first_epoch}-{last_epoch}",
        strategy=strategy,
        hyperparameters=values_of(strategy),
        seed=7,
        first_epoch=first_epoch,
        last_epoch=last_epoch,
        max_epochs=9,
        batch_size=16,  # the last batch is smaller
        classes=CLASSES,
        mirror=True,
    )
    return dataclasses.replace(spec, **changes)


def run(spec, parent=None, on_epoch=None):
    return run_trial(spec, TRAIN, VALIDATION, parent, on_epoch)


def state(model):
    """Every number of a saved model and its optimizer, by name."""
    loaded = from_bytes(model)
    named = {f"model/{variable.path}": variable for variable in loaded.weights}
    named |= {f"optimizer/{variable.path}": variable for variable in loaded.optimizer.variables}
    # What dropout's generators hold is set anew from (seed, epoch) before every epoch.
    return {
        name: np.asarray(variable) for name, variable in named.items() if "seed_gen" not in name
    }


def assert_same_state(one, other):
    one, other = state(one), state(other)
    assert one.keys() == other.keys()
    assert [name for name in one if not np.array_equal(one[name], other[name])] == []


def lasting(result):
    """What of a result does not depend on the clock."""
    columns = {name: value for name, value in result.columns.items() if name not in TIMES}
    return columns, values_by_epoch(result)


def values_by_epoch(*results):
    rows = [row for result in results for row in result.epochs]
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


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
    assert anew.columns["train_seconds"] == pytest.approx(sum(r["seconds"] for r in anew.epochs))


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
    columns, epochs = short.result.columns, short.result.epochs
    assert columns["setup_seconds"] > 0
    assert all(row["seconds"] > 0 for row in epochs)
    assert columns["train_seconds"] == pytest.approx(sum(row["seconds"] for row in epochs))
    assert columns["train_seconds"] + columns["setup_seconds"] <= short.passed


def test_compilation_is_set_up_and_no_epoch_pays_for_it(monkeypatch):
    """On a clock that the test moves: first steps, of training and of validation, are set-up."""
    now = [0.0]
    monkeypatch.setattr(trial, "time", types.SimpleNamespace(perf_counter=lambda: now[0]))
    clock = trial.Clock("a", 0.0, None)

    def at(seconds, tell, *arguments):
        now[0] = seconds
        tell(*arguments)

    at(5, clock.on_train_batch_end, 0)  # built and compiled
    at(6, clock.on_train_batch_end, 1)
    at(7, clock.on_test_begin)
    at(10, clock.on_test_batch_end, 0)  # the validation compiled
    at(11, clock.on_epoch_end, 0, {"loss": 1.0})
    assert clock.setup_seconds == 5 + 3
    at(12, clock.on_train_batch_end, 0)
    at(14, clock.on_test_begin)
    at(15, clock.on_test_batch_end, 0)
    at(16, clock.on_epoch_end, 1, {"loss": 1.0})
    assert clock.setup_seconds == 5 + 3
    assert [row["seconds"] for row in clock.epochs] == [1 + 1 + 1, 5]


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


# Failures


def assert_failed(result, *words):
    assert result.columns["status"] == "failed"
    message = result.columns["message"]
    assert len(message.splitlines()) == 1
    for word in words:
        assert word in message
    assert result.model is None
    assert "score" not in result.columns and "val_loss" not in result.columns


def with_values(**changes):
    spec = spec_of()
    return dataclasses.replace(spec, hyperparameters={**spec.hyperparameters, **changes})


def test_a_loss_that_is_not_a_number_fails_the_trial():
    result = run(with_values(learning_rate=1e38, schedule="constant"))
    assert_failed(result, "not a number", "epoch 1")
    assert result.columns["parameters"] > 0  # what was known before it failed is kept
    assert [row["epoch"] for row in result.epochs] == [1]


@pytest.mark.parametrize(
    "changes",
    [
        {"lstm_units": -1},
        {"lstm_units": "many"},
        {"readout": "middle"},
        {"augmentation": "melt"},
        {"learning_rate": None},
    ],
    ids=lambda changes: str(changes),
)
def test_impossible_values_fail_the_trial(changes):
    assert_failed(run(with_values(**changes)), "Error: ")


def test_an_unknown_strategy_fails_the_trial():
    spec = spec_of()
    assert_failed(run(dataclasses.replace(spec, strategy="nonsense")), "nonsense")


def test_a_damaged_parent_fails_the_trial():
    assert_failed(run(spec_of("lines", 1, 2), b"PK no model"), "Error")


def test_labels_that_cannot_be_fail_the_trial():
    beyond = Images(TRAIN.x, TRAIN.y + CLASSES)
    assert_failed(run_trial(spec_of(), beyond, VALIDATION), "IndexError")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("one\ntwo\nthree"), "ValueError: one"),
        (RuntimeError("\n  padded  \nmore"), "RuntimeError: padded"),
        (MemoryError(), "out of memory: MemoryError"),
        (MemoryError("Unable to allocate 9 GiB"), "out of memory: Unable to allocate 9 GiB"),
        (
            RuntimeError("Graph execution error:\n\nDetected at node x\nOOM when allocating\nmore"),
            "out of memory: OOM when allocating",
        ),
        (RuntimeError("{{node x}} OOM when allocating"), "out of memory: OOM when allocating"),
        (ValueError("no ROOM"), "ValueError: no ROOM"),
        (RecursionError("deep"), "RecursionError: deep"),
    ],
)
def test_whatever_is_raised_is_one_line(monkeypatch, error, message):
    def broken(*arguments, **options):
        raise error

    monkeypatch.setattr(trial, "fit", broken)
    result = run(spec_of())
    assert_failed(result)
    assert result.columns["message"].strip() == message


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("step", ["fit", "from_bytes"])
def test_what_is_no_fault_of_the_configuration_ends_the_search(monkeypatch, step, error):
    def broken(*arguments, **options):
        raise error

    monkeypatch.setattr(trial, step, broken)
    with pytest.raises(type(error)):
        run(spec_of("lines", 1, 2), None if step == "fit" else b"a model")


def test_a_full_disk_while_the_model_is_kept_ends_the_search(monkeypatch):
    def broken(model):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(trial, "fit", lambda *arguments: arguments[4][0].epochs.append(LAST))
    monkeypatch.setattr(trial, "to_bytes", broken)
    with pytest.raises(OSError, match="No space left"):
        run(spec_of("lines", 0, 1))


# Pauses, time-outs and models that a worker still holds


def test_paused_after_every_epoch_it_ends_as_if_it_never_had():
    whole = run(spec_of("cnn_lines", 0, 3))
    parent, epochs, statuses = None, [], []
    for first in range(3):
        part = run(spec_of("cnn_lines", first, 3, pause_after=0.0), parent)
        parent = part.model
        statuses.append(part.columns["status"])
        epochs += [{**row, "seconds": 0} for row in part.epochs]
    assert statuses == ["running", "running", "completed"]
    assert epochs == [{**row, "seconds": 0} for row in whole.epochs]
    assert_same_state(parent, whole.model)


def test_a_model_that_is_held_goes_on_as_one_that_was_saved():
    held = {}
    first = run_trial(spec_of("cnn_lines", 0, 1), TRAIN, VALIDATION, held=held)
    other = run_trial(spec_of("lines", 0, 1), TRAIN, VALIDATION, held=held)  # in between
    assert set(held) == {first.trial_id, other.trial_id}
    spec = spec_of("cnn_lines", 1, 3, continues=first.trial_id)
    live = run_trial(spec, TRAIN, VALIDATION, None, held=held)  # no bytes: it is held
    loaded = run(spec, first.model)
    assert lasting(live) == lasting(loaded)
    assert_same_state(live.model, loaded.model)
    assert first.trial_id not in held  # it has been trained on


def test_a_held_model_of_another_epoch_is_not_taken():
    held = {}
    first = run_trial(spec_of("lines", 0, 1), TRAIN, VALIDATION, held=held)
    longer = run(spec_of("lines", 1, 2), first.model)
    spec = spec_of("lines", 2, 3, continues=first.trial_id)
    mistaken = run_trial(spec, TRAIN, VALIDATION, longer.model, held=held)
    assert lasting(mistaken) == lasting(run(spec, longer.model))


def graphs_alive():
    """What TensorFlow has traced and not forgotten."""
    from tensorflow.python.framework.func_graph import FuncGraph

    gc.collect()
    return sum(isinstance(thing, FuncGraph) for thing in gc.get_objects())


def test_a_trained_model_leaves_nothing_in_memory():
    spec = spec_of(last_epoch=1)
    parent = run(spec).model  # whatever TensorFlow makes once is made by now
    before = graphs_alive()
    run(spec_of(first_epoch=1, last_epoch=2), parent)
    run(spec_of("line_cnn", last_epoch=1))
    assert graphs_alive() == before


def test_the_plain_step_is_the_one_that_keras_takes(short, monkeypatch):
    monkeypatch.setattr("spaces.training.loop.step_without_a_trace", lambda optimizer: None)
    assert_same_state(run(spec_of()).model, short.result.model)


def test_a_trial_that_takes_too_long_has_failed():
    result = run(spec_of(timeout=0.0))
    assert_failed(result, "TrialTimeoutError")
    assert "--trial-timeout" in result.columns["message"]


LAST = {"epoch": 1, "val_accuracy": 0.5, "val_loss": 1.0, "seconds": 0.1}
