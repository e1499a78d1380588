"""One training, whoever asked for it: what a trial and a final have in common."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

import keras

from search.data.datasets import Images
from search.training.callbacks import Clock, Limits
from search.training.model import CachedModel, fit, prepare, to_bytes
from search.training.spec import OnEpoch, TrialResult, TrialSpec

Columns = Mapping[str, Any]


def run_training(
    spec: TrialSpec,
    train: Images,
    validation: Images | None,
    content: bytes | None,
    on_epoch: OnEpoch | None,
    cached: MutableMapping[str, CachedModel] | None,
    check: Callable[[], None] | None,
    before: Callable[[keras.Model], Columns],
    after: Callable[[keras.Model, Mapping[str, Any], bool], Columns],
) -> TrialResult:
    """Trains a model from where it was left to its last epoch, or to its pause.

    Args:
        spec: what to train.
        train: images to learn from.
        validation: images to score on after every epoch; None for none.
        content: the model at `first_epoch`, as bytes. Where it was lost, all epochs are trained
            anew: the same weights, only later.
        on_epoch: is told each epoch as it ends.
        cached: models that this process holds, by name. The one that goes on is taken from here,
            and the one that was trained is put here.
        check: called a few times a second; what it raises fails the training.
        before: measures the model before it is trained: what is known of one that fails, too.
        after: measures the model after its last epoch: given that epoch's row, and whether it has
            got to its end rather than to a pause.

    Returns:
        A result with status `completed`, `running` after a pause, or `failed` with the reason: a
        training that cannot work is a row, not the end of the search.

    Raises:
        OSError: the disk is full or gone, which is no fault of the configuration.
    """
    began = time.perf_counter()
    clock = Clock(spec.trial_id, began, on_epoch)
    limits = Limits(spec, began, check)
    cached = {} if cached is None else cached
    columns: dict[str, Any] = {}
    trained = None
    try:
        model, fresh = prepare(spec, train, content, cached)
        columns.update(before(model))
        fit(spec, model, train, validation, [clock, limits], fresh)
        last = clock.epochs[-1]
        completed = last["epoch"] == spec.last_epoch
        measured = after(model, last, completed)
        if spec.keep or not completed:
            trained = to_bytes(model)
            cached[spec.trial_id] = CachedModel(last["epoch"], model)
        columns.update(measured, status="completed" if completed else "running")
    except OSError:
        raise
    except Exception as error:
        columns.update(status="failed", message=reason(error))
    epochs = tuple(row for row in clock.epochs if row["epoch"] > spec.first_epoch)
    return TrialResult(spec.trial_id, columns, epochs, clock.setup_seconds, trained)


# What NumPy, TensorFlow, XLA and CUDA call it; TensorFlow on its third line.
OUT_OF_MEMORY = re.compile(r"\bOOM\b|out of memory|RESOURCE_EXHAUSTED|unable to allocate", re.I)


def reason(error: Exception) -> str:
    """One line that says why a training failed."""
    lines = str(error).strip().splitlines()
    said = [type(error).__name__, *lines[:1]]
    no_memory = next((line for line in lines if OUT_OF_MEMORY.search(line)), None)
    if no_memory is not None:
        said = ["out of memory", re.sub(r"^\W*\{\{.*?\}\}\W*", "", no_memory).strip()]
    elif isinstance(error, MemoryError):
        said.insert(0, "out of memory")
    return ": ".join(said)
