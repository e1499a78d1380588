"""What watches a training: the clock, and the limits that end or pause it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import keras

from search.training.spec import OnEpoch, TrialSpec


class NotANumberError(ArithmeticError):
    """The loss left the numbers; a configuration that does so has failed."""


class TrialTimeoutError(Exception):
    """A training took longer than it may; Python's own TimeoutError is an error of the disk."""


class Limits(keras.callbacks.Callback):
    """Ends a training that takes too long, and pauses one whose model should be kept by now.

    Args:
        spec: has both limits.
        began: when the trial did, on the clock of `time.perf_counter`.
        check: called after every call of many steps; what it raises ends the training.
    """

    only_watches = True  # see `spaces.training.loop.fit`

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

    only_watches = True

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
