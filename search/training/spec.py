"""What a training is asked for and what it answers: plain values that travel between processes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from search.metric import ACCURACY

OnEpoch = Callable[[str, Mapping[str, Any]], None]
"""Is told each epoch as it ends: the name of the training and the epoch's row."""


@dataclasses.dataclass(frozen=True)
class TrialSpec:
    """All that a training follows from, besides the images.

    Attributes:
        trial_id: its name.
        strategy: which one.
        hyperparameters: the configuration's values.
        seed: of the configuration: of its weights and of all that is random in its training.
        first_epoch: epochs already trained when it starts.
        last_epoch: epochs trained when it ends.
        max_epochs: epochs of a full training, over which the learning rate decays.
        batch_size: images a step.
        steps_per_epoch: of an epoch that is a part of a pass; None for a whole one.
        classes: how many.
        mirror: whether a mirror image keeps its class.
        split: the seed by which training and validation images are drawn anew from both together:
            every iteration but the first has a split of its own. None for as they are.
        metric: the name of what it is scored by, a key of `search.metric.METRICS`.
        class_weight: how much an image counts in the loss: `none` for all alike, `balanced` for
            the classes alike.
        keep: whether the trained model is wanted, for a promotion or as a design.
        final: whether it is a finalist's training, which is tested and not validated.
        continues: the name of the training whose model this one goes on from: a parent, or itself
            before a pause. A worker may hold that model still. None for one from scratch.
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
    steps_per_epoch: int | None = None
    split: int | None = None
    metric: str = ACCURACY.name
    class_weight: str = "none"
    keep: bool = True
    final: bool = False
    continues: str | None = None
    pause_after: float | None = None
    timeout: float | None = None


@dataclasses.dataclass(frozen=True)
class TrialResult:
    """How a training ended, or got as far as its pause.

    Attributes:
        trial_id: whose.
        columns: status, message and what was measured: fields of `search.rows.TrialRow`, or of
            `FinalRow`. The status `running` is that of a training that was paused.
        epochs: rows of the table `epochs`, those trained now and not by an earlier piece.
        setup_seconds: what was neither an epoch nor a test: building, loading, compiling.
        model: the bytes of a `.keras` file with the trained model and its optimizer, if wanted.
        memory_bytes: what the worker's process held when the training had ended.
        worker: where it ended.
        retries: how often it had to start again because its worker was lost.
    """

    trial_id: str
    columns: Mapping[str, Any]
    epochs: tuple[Mapping[str, Any], ...] = ()
    setup_seconds: float = 0.0
    model: bytes | None = None
    memory_bytes: int = 0
    worker: str = ""
    retries: int = 0

    @property
    def paused(self) -> bool:
        """Whether it is to go on from here."""
        return self.columns["status"] == "running"
