"""What a worker's process keeps from trial to trial: the images, and models that may go on."""

from __future__ import annotations

import dataclasses
import gc
import time
from collections.abc import Callable, Mapping

import numpy as np
import psutil
from keras import ops

from search.data.datasets import Images
from search.data.splits import MOST_VALIDATED, hold_out, ranked
from search.environment import worker_name
from search.training.final import run_final
from search.training.model import CachedModel
from search.training.spec import OnEpoch, TrialResult
from search.training.trial import run_trial
from search.workers.protocol import Job
from spaces.runtime_patches import keep_what_is_loaded
from spaces.training.state import on_device

CLEARING = 0.02
"""Of the time, what it may take to look for what trainings have left. After each of short trials it
is a tenth, and Python's own collections, which come as objects are made, keep up without."""


class WorkerState:
    """Where one worker trains; the same in the driver's process and on another machine.

    Attributes:
        images: `train` and `validation`, and for the finals `everything` and `test`.
        cached: models by name: a promoted trial that lands where its parent ran goes on with its
            parent's.
    """

    def __init__(self) -> None:
        self.images: dict[str, Images] = {}
        self.cached: dict[str, CachedModel] = {}
        self._drawn: tuple[int, tuple[Images, Images]] | None = None  # the last split
        self._clear_at = 0.0
        keep_what_is_loaded()

    def receive(self, images: Mapping[str, Images]) -> None:
        """Puts images on the device, for all trainings."""
        for name, each in images.items():
            self.images[name] = Images(on_device(each.x), each.y, each.places)

    def _split(self, seed: int | None) -> tuple[Images, Images]:
        """Returns the images to train on, and to validate on, by `TrialSpec.split`."""
        parts = self.images["train"], self.images["validation"]
        if seed is None:
            return parts
        if self._drawn is None or self._drawn[0] != seed:
            x = ops.concatenate([part.x for part in parts])
            y = np.concatenate([part.y for part in parts])
            known = [part.places for part in parts if part.places is not None]
            listed = np.concatenate(known) if len(known) == len(parts) else np.arange(len(y))
            train, validation = (
                Images(ops.take(x, chosen, axis=0), y[chosen])
                for chosen in hold_out(
                    y,
                    ranked(listed, seed),
                    keep=1,
                    part_copies=True,
                    most_held=MOST_VALIDATED,
                )
            )
            self._drawn = seed, (train, validation)
        return self._drawn[1]

    def run(
        self, job: Job, on_epoch: OnEpoch | None = None, check: Callable[[], None] | None = None
    ) -> TrialResult:
        """Trains what a job asks for.

        Args:
            job: the trial or final, and what to go on holding.
            on_epoch: is told each epoch as it ends.
            check: called a few times a second; what it raises fails the training.

        Raises:
            OSError: the disk is full or gone.
        """
        spec = job.spec
        self.cached = {name: each for name, each in self.cached.items() if name in job.keep_cached}
        if spec.final:
            train, test = self.images["everything"], self.images["test"]
            result = run_final(spec, train, test, job.model, on_epoch, self.cached, check)
        else:
            train, validation = self._split(spec.split)
            result = run_trial(spec, train, validation, job.model, on_epoch, self.cached, check)
        self._clear()
        return dataclasses.replace(
            result, worker=worker_name(), memory_bytes=psutil.Process().memory_info().rss
        )

    def _clear(self) -> None:
        """Frees what trainings have left, where it is time to."""
        began = time.monotonic()
        if began >= self._clear_at:
            gc.collect()
            ended = time.monotonic()
            self._clear_at = ended + (ended - began) / CLEARING
