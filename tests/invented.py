"""Workers that train nothing: a search from end to end in milliseconds."""

from __future__ import annotations

import hashlib
import json
import random
from typing import Any

from search.trial import OnEpoch, TrialResult, TrialSpec


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

    name = "invented"

    def __init__(self, capacity: int = 1, failures: float = 0.0, order: int = 0):
        self.capacity = capacity
        self.started: list[TrialSpec] = []
        self.anew: list[str] = []
        self._failures = failures
        self._order = random.Random(order)
        self._queue: list[tuple[TrialSpec, bytes | None]] = []

    @property
    def busy(self) -> int:
        """How many trials are in flight."""
        return len(self._queue)

    def submit(self, spec: TrialSpec, parent: bytes | None) -> None:
        """Takes a trial, and checks that its parent is its parent."""
        assert self.busy < self.capacity
        self.started.append(spec)
        if spec.first_epoch and parent is None:
            self.anew.append(spec.trial_id)
        if parent is not None:
            assert json.loads(parent) == {"seed": spec.seed, "epochs": spec.first_epoch}
        self._queue.append((spec, parent))

    def next_result(self, on_epoch: OnEpoch) -> TrialResult:
        """Ends one of the trials in flight."""
        spec, _ = self._queue.pop(self._order.randrange(len(self._queue)))
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
