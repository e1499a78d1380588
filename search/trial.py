"""Trains one trial: a plain function from a TrialSpec to a TrialResult.

It knows nothing of the search, the run directory or where it runs, so it is the same in this
process and on another machine.
"""

from __future__ import annotations

import dataclasses
import math
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np

from search.datasets import Images
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
        keep: whether the trained model is wanted, for a promotion.
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


@dataclasses.dataclass(frozen=True)
class TrialResult:
    """How a trial ended.

    Attributes:
        trial_id: whose.
        columns: status, score, message and measures: columns of the table `trials`.
        epochs: rows of the table `epochs`, those of this rung only.
        model: the bytes of a `.keras` file with the trained model and its optimizer, if wanted.
    """

    trial_id: str
    columns: Mapping[str, Any]
    epochs: tuple[Mapping[str, Any], ...] = ()
    model: bytes | None = None


class NotANumberError(ArithmeticError):
    """The loss left the numbers; a configuration that does so has failed."""


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
) -> TrialResult:
    """Trains a configuration from the end of its parent to the end of its rung.

    Args:
        spec: what to train.
        train: images to learn from.
        validation: images to score on.
        parent: the model at `first_epoch`. Where it was lost, all epochs are trained anew: the
            same weights, only later.
        on_epoch: is told each epoch as it ends.

    Returns:
        A result with status `completed`, or `failed` with the reason: a trial that cannot work is
        a row, not the end of the search.

    Raises:
        OSError: the disk is full or gone, which is no fault of the configuration.
    """
    began = time.perf_counter()
    clock = Clock(spec.trial_id, began, on_epoch)
    measures: dict[str, Any] = {}
    model_bytes = None
    try:
        model, hypermodel, values = prepare(spec, train, parent)
        measures.update(dataclasses.asdict(cost(model)))
        fit(spec, model, hypermodel, values, train, validation, clock, fresh=parent is None)
        last = clock.epochs[-1]
        measures.update(status="completed", score=last["val_accuracy"], val_loss=last["val_loss"])
        if spec.keep:
            model_bytes = to_bytes(model)
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


def prepare(
    spec: TrialSpec, train: Images, parent: bytes | None, compiled: keras.Model | None = None
) -> tuple[keras.Model, SequenceHyperModel, keras_tuner.HyperParameters]:
    """Builds a trial's model, or takes it from where its parent left it.

    With `compiled`, a model of the same configuration that has been trained on as many images,
    the new model's state goes into that one, which needs not be compiled again.
    """
    if compiled is None:
        # A process that trains model after model would keep each one's graph.
        keras.backend.clear_session(free_memory=False)
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
    model = hypermodel.build(values) if parent is None else from_bytes(parent)
    if compiled is not None:
        for old, new in (
            (compiled.variables, model.variables),
            (compiled.optimizer.variables, model.optimizer.variables),
        ):
            for variable, start in zip(old, new, strict=True):
                variable.assign(start)
        model = compiled
    return model, hypermodel, values


def fit(
    spec: TrialSpec,
    model: keras.Model,
    hypermodel: SequenceHyperModel,
    values: keras_tuner.HyperParameters,
    train: Images,
    validation: Images | None,
    clock: Clock,
    fresh: bool,
) -> None:
    """Trains a prepared model to the end of the trial's rung."""
    hypermodel.fit(
        values,
        model,
        train.x,
        train.y,
        initial_epoch=0 if fresh else spec.first_epoch,
        epochs=spec.last_epoch,
        batch_size=spec.batch_size,
        validation_data=(validation.x, validation.y) if validation else None,
        callbacks=[clock],
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


def reason(error: Exception) -> str:
    """One line that says why a trial failed."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


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
