"""Workers that train nothing: a search from end to end in milliseconds."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import random
from collections.abc import Mapping
from typing import Any

from search.data.datasets import Images
from search.training.trial import OnEpoch, TrialResult, TrialSpec
from search.workers.protocol import Job


def unit(*parts: object) -> float:
    """Returns a number in [0, 1) that follows from the parts."""
    digest = hashlib.sha256(repr(parts).encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32


class InventedWorkers:
    """What a trial comes to follows from its name and its seed; it ends in any order.

    A "model" says whose it is, so a trial that is handed another's parent is found out.

    Attributes:
        started: the trials, in the order in which they came.
        anew: those that should have continued a parent and were given none.
        fails: the trials, by name, that fail.
    """

    def __init__(self, capacity: int = 1, failures: float = 0.0, order: int = 0):
        self.present = capacity
        self.started: list[TrialSpec] = []
        self.anew: list[str] = []
        self._failures = failures
        self._order = random.Random(order)
        self._queue: list[tuple[Job, str]] = []

    def open(self, images: Mapping[str, Images]) -> None:
        """Needs none."""

    def idle(self) -> list[str]:
        """The names of the workers that have nothing to do."""
        taken = {worker for _, worker in self._queue}
        names = [f"invented:{number}" for number in range(self.present)]
        return [name for name in names if name not in taken]

    @property
    def busy(self) -> int:
        """How many trials are in flight."""
        return len(self._queue)

    def submit(self, job: Job, worker: str) -> None:
        """Takes a trial, and checks that its parent is its parent."""
        assert worker in self.idle()
        spec = job.spec
        self.started.append(spec)
        if spec.first_epoch and job.model is None:
            self.anew.append(spec.trial_id)
        if job.model is not None:
            assert json.loads(job.model) == {"seed": spec.seed, "epochs": spec.first_epoch}
        self._queue.append((job, worker))

    def next_result(self, on_epoch: OnEpoch) -> TrialResult:
        """Ends one of the trials in flight."""
        job, worker = self._queue.pop(self._order.randrange(len(self._queue)))
        return dataclasses.replace(self._end(job.spec, on_epoch), worker=worker)

    def _end(self, spec: TrialSpec, on_epoch: OnEpoch) -> TrialResult:
        if spec.final:
            accuracy = unit(spec.trial_id, sorted(spec.hyperparameters.items()))
            ended = {"status": "completed", "test_accuracy": accuracy, "message": None}
            return TrialResult(spec.trial_id, ended)
        epochs = [self._epoch(spec, number) for number in range(spec.last_epoch + 1)]
        epochs = epochs[spec.first_epoch + 1 :]
        columns: dict[str, Any] = {"train_seconds": 0.1 * len(epochs), "setup_seconds": 0.1}
        if unit("fails", spec.trial_id) < self._failures:
            columns |= {"status": "failed", "message": "invented"}
            return TrialResult(spec.trial_id, columns)
        for row in epochs:
            on_epoch(spec.trial_id, row)
        last = epochs[-1]
        columns |= {"status": "completed", "score": last["val_accuracy"]}
        columns |= {"val_loss": last["val_loss"], "parameters": 1, "multiply_adds": 1}
        model = json.dumps({"seed": spec.seed, "epochs": spec.last_epoch}).encode()
        return TrialResult(spec.trial_id, columns, tuple(epochs), model if spec.keep else None)

    def _epoch(self, spec: TrialSpec, number: int) -> dict[str, Any]:
        # So coarse that ties are common.
        score = int(6 * unit("score", spec.seed, number)) / 6
        loss = int(4 * unit("loss", spec.seed, number)) / 4
        row = {"epoch": number, "loss": loss, "accuracy": score, "val_loss": loss}
        return row | {"val_accuracy": score, "seconds": 0.1}
