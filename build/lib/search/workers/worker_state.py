"""What a worker's process keeps from trial to trial: the images, and models that may go on."""

from __future__ import annotations

import dataclasses
import gc
from collections.abc import Callable

import psutil

from search.data.datasets import Images
from search.environment import worker_name
from search.training.final import run_final
from search.training.trial import Held, OnEpoch, TrialResult, release_memory, run_trial
from search.workers.protocol import Job


class Bench:
    """Where one worker trains; the same in the driver's process and on another machine.

    Attributes:
        images: `train` and `validation`, and for the finals `everything` and `test`.
        held: compiled models by name: a promoted trial that lands where its parent ran goes on
            with its parent's, and a finalist's next seed with the one before.
    """

    def __init__(self) -> None:
        self.images: dict[str, Images] = {}
        self.held: dict[str, Held] = {}
        # What the libraries have made by now stays. To look through it for garbage, half a million
        # objects after every trial, would take a sixth of a short trial's time.
        gc.collect()
        gc.freeze()

    def run(
        self, job: Job, on_epoch: OnEpoch | None = None, check: Callable[[], None] | None = None
    ) -> TrialResult:
        """Trains what a job asks for."""
        spec = job.spec
        self.held = {name: held for name, held in self.held.items() if name in job.held}
        if spec.final:
            train, test = self.images["everything"], self.images["test"]
            result = run_final(spec, train, test, on_epoch, self.held, check)
        else:
            train, validation = self.images["train"], self.images["validation"]
            result = run_trial(spec, train, validation, job.model, on_epoch, self.held, check)
        release_memory()
        return dataclasses.replace(
            result, worker=worker_name(), memory_bytes=psutil.Process().memory_info().rss
        )
