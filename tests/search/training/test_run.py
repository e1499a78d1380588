"""What trials and finals have in common: failures are rows, and pauses change nothing."""

from __future__ import annotations

import dataclasses

import pytest

from search.data.datasets import Images
from search.training import model as model_module
from search.training import run as run_module
from search.training.trial import run_trial
from spaces.training import loop
from tests.support.small_trials import (
    CLASSES,
    TRAIN,
    VALIDATION,
    assert_same_state,
    run,
    spec_of,
)

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
    for labels in (TRAIN.y + CLASSES, TRAIN.y - 1):
        result = run_trial(spec_of(), Images(TRAIN.x, labels), VALIDATION)
        assert_failed(result, "ValueError", "label", "3 classes")


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

    monkeypatch.setattr(run_module, "fit", broken)
    result = run(spec_of())
    assert_failed(result)
    assert result.columns["message"].strip() == message


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("step", ["fit", "from_bytes"])
def test_what_is_no_fault_of_the_configuration_ends_the_search(monkeypatch, step, error):
    def broken(*arguments, **options):
        raise error

    monkeypatch.setattr(run_module if step == "fit" else model_module, step, broken)
    with pytest.raises(type(error)):
        run(spec_of("lines", 1, 2), None if step == "fit" else b"a model")


def test_a_full_disk_while_the_model_is_kept_ends_the_search(monkeypatch):
    def broken(model):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(run_module, "fit", lambda *arguments: arguments[4][0].epochs.append(LAST))
    monkeypatch.setattr(run_module, "to_bytes", broken)
    with pytest.raises(OSError, match="No space left"):
        run(spec_of("lines", 0, 1))


LAST = {"epoch": 1, "val_accuracy": 0.5, "val_loss": 1.0, "seconds": 0.1}


# Pauses and time-outs


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


def test_a_trial_that_takes_too_long_has_failed():
    result = run(spec_of(timeout=0.0))
    assert_failed(result, "TrialTimeoutError")
    assert "--trial-timeout" in result.columns["message"]
    assert result.epochs == ()


def test_what_the_check_raises_ends_a_long_epoch(monkeypatch):
    """It is asked after every compiled call."""
    monkeypatch.setattr(loop, "CALL_SECONDS", 0)
    asked = []

    def check():
        asked.append(1)
        if len(asked) == 2:
            raise raised

    raised: BaseException = RuntimeError("that will do")
    result = run_trial(spec_of(), TRAIN, VALIDATION, check=check)
    assert_failed(result, "that will do")
    assert len(asked) == 2 and result.epochs == ()
    asked.clear()
    raised = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        run_trial(spec_of(), TRAIN, VALIDATION, check=check)
    assert len(asked) == 2
