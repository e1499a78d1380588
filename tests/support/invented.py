"""Workers that train nothing: a search from end to end in milliseconds."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import random
from collections.abc import Mapping
from typing import Any

from search.data.datasets import Images
from search.training.spec import OnEpoch, TrialResult, TrialSpec
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
        anew: those that should have continued a parent, or a pause, and were given none.
        fails: the trials, by name, that fail.
    """

    def __init__(self, capacity: int = 1, failures: float = 0.0, order: int = 0):
        self.present = capacity
        self.devices = ["processor"] * capacity
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
        if unit("fails", spec.trial_id) < self._failures and not spec.final:
            return TrialResult(
                spec.trial_id, {"status": "failed", "message": "invented"}, setup_seconds=0.1
            )
        last = spec.last_epoch
        if spec.pause_after is not None:  # a tenth of a second an epoch
            last = min(last, spec.first_epoch + 1 + int(10 * spec.pause_after))
        epochs = [self._epoch(spec, number) for number in range(spec.first_epoch + 1, last + 1)]
        for row in epochs:
            on_epoch(spec.trial_id, row)
        ended = last == spec.last_epoch
        columns: dict[str, Any] = {"status": "completed" if ended else "running"}
        if not spec.final:
            columns |= {"score": epochs[-1]["val_accuracy"], "val_loss": epochs[-1]["val_loss"]}
            columns |= {"parameters": 1, "multiply_adds": 1}
        elif ended:
            accuracy = unit(spec.trial_id, sorted(spec.hyperparameters.items()))
            columns |= {"test_accuracy": accuracy}
        model = json.dumps({"seed": spec.seed, "epochs": last}).encode()
        wanted = not ended or (spec.keep and not spec.final)  # no design is made of these
        return TrialResult(spec.trial_id, columns, tuple(epochs), 0.1, model if wanted else None)

    def _epoch(self, spec: TrialSpec, number: int) -> dict[str, Any]:
        # So coarse that ties are common.
        score = int(6 * unit("score", spec.seed, number)) / 6
        loss = int(4 * unit("loss", spec.seed, number)) / 4
        row = {"epoch": number, "loss": loss, "accuracy": score, "seconds": 0.1}
        return row if spec.final else row | {"val_loss": loss, "val_accuracy": score}
