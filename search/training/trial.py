"""Trains one trial: from a TrialSpec to a TrialResult.

It knows nothing of the search, the run directory or where it runs, so it is the same in this
process and on another machine.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

import keras

from search.data.datasets import Images
from search.metric import METRICS
from search.training.model import CachedModel
from search.training.run import run_training
from search.training.spec import OnEpoch, TrialResult, TrialSpec
from spaces.cost import cost


def run_trial(
    spec: TrialSpec,
    train: Images,
    validation: Images,
    parent: bytes | None = None,
    on_epoch: OnEpoch | None = None,
    cached: MutableMapping[str, CachedModel] | None = None,
    check: Callable[[], None] | None = None,
) -> TrialResult:
    """Trains a configuration from where it was left to the end of its rung, or to its pause.

    Args:
        spec: what to train.
        train: images to learn from: uint8 (n, height, width, channels), labels (n,).
        validation: images to score on.
        parent: the model at `first_epoch`, as the bytes of a `.keras` file. Where it was lost, all
            epochs are trained anew: the same weights, only later.
        on_epoch: is told each epoch as it ends.
        cached: models that this process holds, by name. The one that the trial continues is taken
            from here, compiled as it is, and the trial's own is put here if it may go on.
        check: called a few times a second; what it raises fails the trial.

    Returns:
        A result whose columns are fields of `search.rows.TrialRow`. Its score is the metric on
        the validation images as the rung leaves the model, not the best epoch's on the way.

    Raises:
        OSError: the disk is full or gone, which is no fault of the configuration.
    """

    def before(model: keras.Model) -> Mapping[str, Any]:
        return dataclasses.asdict(cost(model))

    def after(model: keras.Model, last: Mapping[str, Any], completed: bool) -> Mapping[str, Any]:
        return {"score": last[METRICS[spec.metric].validation], "val_loss": last["val_loss"]}

    result = run_training(spec, train, validation, parent, on_epoch, cached, check, before, after)
    columns = {**result.columns, "peak_memory_bytes": peak_memory_bytes()}
    return dataclasses.replace(result, columns=columns)


def peak_memory_bytes() -> int | None:
    """The most memory that this process has held so far; None where the system does not say.

    Of the system itself: psutil knows a process's peak on Windows alone.
    """
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
