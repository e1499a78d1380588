"""Trains one trial: a plain function from a TrialSpec to a TrialResult.

It knows nothing of the search, the run directory or where it runs, so it is the same in this
process and on another machine.
"""

from __future__ import annotations

import dataclasses
import gc
import math
import re
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import keras
import keras_tuner
import numpy as np

from search.data.datasets import Images
from spaces import SequenceHyperModel
from spaces.cost import cost

OnEpoch = Callable[[str, Mapping[str, Any]], None]


@dataclasses.dataclass(frozen=True)
class TrialSpec:
    """All that a trial's training follows from, besides the images.

    Attributes:
        trial_id: its name.
        strategy: which one.
        hyperparameters: the configuration's values.
        seed: of the configuration: of its weights and of all that is random in its training.
        first_epoch: epochs already trained when it starts.
        last_epoch: epochs trained when it ends.
        max_epochs: epochs of a full training, over which the learning rate decays.
        batch_size: images a step.
        classes: how many.
        mirror: whether a mirror image keeps its class.
        keep: whether the trained model is wanted, for a promotion or as a design.
        final: whether it is a finalist's training, which is tested and not validated.
        continues: by what name a worker may still hold the model that this one goes on from.
        pause_after: seconds after which it stops at the end of an epoch and gives its model back,
            to go on from there; None to train without a pause.
        timeout: seconds after which it has failed; None for any number.
    """

    trial_id: str
    strategy: str
    hyperparameters: Mapping[str, Any]
    seed: int
    first_epoch: int
    last_epoch: int
    max_epochs: int
    batch_size: int
    classes: int
    mirror: bool
    keep: bool = True
    final: bool = False
    continues: str | None = None
    pause_after: float | None = None
    timeout: float | None = None


@dataclasses.dataclass(frozen=True)
class TrialResult:
    """How a trial ended.

    Attributes:
        trial_id: whose.
        columns: status, score, message and measures: columns of the table `trials`, or of
            `finals`. The status `running` is that of a trial that was paused.
        epochs: rows of the table `epochs`, those trained now and not by an earlier rung.
        model: the bytes of a `.keras` file with the trained model and its optimizer, if wanted.
        memory_bytes: what the worker's process held when the trial had ended.
        worker: where it ended.
        retries: how often it had to start again because its worker was lost.
    """

    trial_id: str
    columns: Mapping[str, Any]
    epochs: tuple[Mapping[str, Any], ...] = ()
    model: bytes | None = None
    memory_bytes: int = 0
    worker: str = ""
    retries: int = 0


class Held(NamedTuple):
    """A compiled model that a worker still holds, and the epochs that it has been trained."""

    epoch: int
    model: keras.Model


class NotANumberError(ArithmeticError):
    """The loss left the numbers; a configuration that does so has failed."""


class TrialTimeoutError(Exception):
    """A training took longer than it may; Python's own TimeoutError is an error of the disk."""


class Limits(keras.callbacks.Callback):
    """Ends a training that takes too long, and pauses one whose model should be kept by now.

    Args:
        spec: has both limits.
        began: when the trial did, on the clock of `time.perf_counter`.
        check: called after every batch; what it raises ends the training.
    """

    def __init__(self, spec: TrialSpec, began: float, check: Callable[[], None] | None):
        super().__init__()
        self._spec, self._began, self._check = spec, began, check

    def _elapsed(self) -> float:
        return time.perf_counter() - self._began

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Stops here rather than at the end of an epoch, which may be far away."""
        if self._check:
            self._check()
        if self._spec.timeout is not None and self._elapsed() > self._spec.timeout:
            raise TrialTimeoutError("it took longer than --trial-timeout allows")

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        """Validation counts, too."""
        self.on_train_batch_end(batch)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Pauses where an epoch has ended: training goes on from there exactly."""
        pause = self._spec.pause_after
        if pause is not None and self._elapsed() > pause:
            self.model.stop_training = True


class Clock(keras.callbacks.Callback):
    """Times epochs and reports them as they end, with compilation counted as set-up.

    The first step of a training compiles (traces) it, and so does the first step of a validation:
    most of a short trial's time, and no property of the strategy.
    """

    def __init__(self, trial_id: str, began: float, on_epoch: OnEpoch | None):
        super().__init__()
        self.trial_id, self.on_epoch = trial_id, on_epoch
        self.epochs: list[dict[str, Any]] = []
        self.setup_seconds = 0.0
        self._mark = began
        self._compiled: set[str] = set()

    def _lap(self) -> float:
        now = time.perf_counter()
        seconds, self._mark = now - self._mark, now
        return seconds

    def _first_step(self, what: str) -> None:
        if what not in self._compiled:
            self._compiled.add(what)
            self.setup_seconds += self._lap()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Everything until the first step has ended is set-up."""
        self._first_step("train")

    def on_test_begin(self, logs: Any = None) -> None:
        """Keeps the time trained so far apart from the compilation of the validation."""
        if "test" not in self._compiled:
            self._trained = self._lap()

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        """The first validation step is set-up, too."""
        if "test" not in self._compiled:
            self._first_step("test")
            self._mark -= self._trained

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Adds the epoch's row and tells whoever watches."""
        measured = {name: float(value) for name, value in (logs or {}).items()}
        row = {"epoch": epoch + 1, **measured, "seconds": self._lap()}
        self.epochs.append(row)
        if not all(math.isfinite(value) for value in measured.values()):
            raise NotANumberError(f"not a number in epoch {epoch + 1}: {measured}")
        if self.on_epoch:
            self.on_epoch(self.trial_id, row)


def run_trial(
    spec: TrialSpec,
    train: Images,
    validation: Images,
    parent: bytes | None = None,
    on_epoch: OnEpoch | None = None,
    held: MutableMapping[str, Held] | None = None,
    check: Callable[[], None] | None = None,
) -> TrialResult:
    """Trains a configuration from where it was left to the end of its rung, or to its pause.

    Args:
        spec: what to train.
        train: images to learn from.
        validation: images to score on.
        parent: the model at `first_epoch`. Where it was lost, all epochs are trained anew: the
            same weights, only later.
        on_epoch: is told each epoch as it ends.
        held: models that this process holds, by name. The one that the trial continues is taken
            from here, compiled as it is, and the trial's own is put here if it may go on.
        check: called after every batch; what it raises fails the trial.

    Returns:
        A result with status `completed`, `running` after a pause, or `failed` with the reason: a
        trial that cannot work is a row, not the end of the search.

    Raises:
        OSError: the disk is full or gone, which is no fault of the configuration.
    """
    began = time.perf_counter()
    clock = Clock(spec.trial_id, began, on_epoch)
    limits = Limits(spec, began, check)
    measures: dict[str, Any] = {}
    model_bytes = None
    try:
        start = held.pop(spec.continues, None) if held and spec.continues else None
        if start is not None and start.epoch == spec.first_epoch:
            model, fresh = start.model, False
        else:
            model, fresh = prepare(spec, train, parent), parent is None
        measures.update(dataclasses.asdict(cost(model)))
        fit(spec, model, train, validation, [clock, limits], fresh)
        last = clock.epochs[-1]
        status = "completed" if last["epoch"] == spec.last_epoch else "running"
        measures.update(status=status, score=last["val_accuracy"], val_loss=last["val_loss"])
        if spec.keep or status == "running":
            model_bytes = to_bytes(model)
            if held is not None:
                held[spec.trial_id] = Held(last["epoch"], model)
    except OSError:
        raise
    except Exception as error:
        measures.update(status="failed", message=reason(error))
    epochs = tuple(row for row in clock.epochs if row["epoch"] > spec.first_epoch)
    measures.update(
        train_seconds=sum(row["seconds"] for row in epochs),
        setup_seconds=clock.setup_seconds,
        peak_memory_bytes=peak_memory_bytes(),
    )
    return TrialResult(spec.trial_id, measures, epochs, model_bytes)


def hypermodel_of(
    spec: TrialSpec, train: Images
) -> tuple[SequenceHyperModel, keras_tuner.HyperParameters]:
    """What builds and trains a trial's model, and the configuration for it."""
    hypermodel = SequenceHyperModel(
        train.x.shape[1:],
        spec.classes,
        [spec.strategy],
        mirror=spec.mirror,
        decay_steps=spec.max_epochs * math.ceil(len(train.x) / spec.batch_size),
        seed=spec.seed,
    )
    values = keras_tuner.HyperParameters()
    values.values = dict(spec.hyperparameters)
    return hypermodel, values


def prepare(spec: TrialSpec, train: Images, parent: bytes | None = None) -> keras.Model:
    """Builds a trial's model, or takes it from where its parent left it."""
    # A process that trains model after model would keep each one's graph.
    keras.backend.clear_session(free_memory=False)
    if parent is not None:
        return from_bytes(parent)
    hypermodel, values = hypermodel_of(spec, train)
    return hypermodel.build(values)


def prepare_again(spec: TrialSpec, train: Images, compiled: keras.Model) -> keras.Model:
    """Gives a compiled model of the same configuration the state that a new one would have.

    Compiling takes longer than a few epochs do.
    """
    hypermodel, values = hypermodel_of(spec, train)
    new = hypermodel.build(values)
    for old_state, new_state in (
        (compiled.variables, new.variables),
        (compiled.optimizer.variables, new.optimizer.variables),
    ):
        for variable, start in zip(old_state, new_state, strict=True):
            variable.assign(start)
    return compiled


def fit(
    spec: TrialSpec,
    model: keras.Model,
    train: Images,
    validation: Images | None,
    callbacks: Sequence[keras.callbacks.Callback],
    fresh: bool,
) -> None:
    """Trains a prepared model to the end of the trial's rung."""
    hypermodel, values = hypermodel_of(spec, train)
    hypermodel.fit(
        values,
        model,
        train.x,
        train.y,
        initial_epoch=0 if fresh else spec.first_epoch,
        epochs=spec.last_epoch,
        batch_size=spec.batch_size,
        validation_data=(validation.x, validation.y) if validation else None,
        callbacks=callbacks,
    )


def to_bytes(model: keras.Model) -> bytes:
    """A model and its optimizer as the bytes of a `.keras` file."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "model.keras"
        model.save(file)
        return file.read_bytes()


def from_bytes(content: bytes) -> keras.Model:
    """The model that `to_bytes` took."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "model.keras"
        file.write_bytes(content)
        return keras.models.load_model(file, safe_mode=True)


# What NumPy, TensorFlow, XLA and CUDA call it; TensorFlow on its third line.
OUT_OF_MEMORY = re.compile(r"\bOOM\b|out of memory|RESOURCE_EXHAUSTED|unable to allocate", re.I)


def reason(error: Exception) -> str:
    """One line that says why a trial failed."""
    lines = str(error).strip().splitlines()
    said = [type(error).__name__, *lines[:1]]
    no_memory = next((line for line in lines if OUT_OF_MEMORY.search(line)), None)
    if no_memory is not None:
        said = ["out of memory", re.sub(r"^\W*\{\{.*?\}\}\W*", "", no_memory).strip()]
    elif isinstance(error, MemoryError):
        said.insert(0, "out of memory")
    return ": ".join(said)


def peak_memory_bytes() -> int | None:
    """The most memory that this process has held so far; None where the system does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def predict(model: keras.Model, images: np.ndarray, batch_size: int = 256) -> np.ndarray:
    """Logits (n, classes) of images (n, height, width, channels)."""
    return np.asarray(model.predict(images, batch_size=batch_size, verbose=0))


def release_memory() -> None:
    """Frees what earlier trials have left."""
    gc.collect()
