"""Where trials run, behind one small interface.

The tuner sees `idle`, `submit` and `next_result`, not where the work is done: in this process
(`search.workers.in_process`), or in others and on other machines (`search.workers.dask_driver`).
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from search.data.datasets import Images
    from search.training.spec import OnEpoch, TrialResult, TrialSpec


class SchedulerLostError(Exception):
    """The cluster's scheduler is gone: what the run holds is kept, and `--resume` goes on."""


@dataclasses.dataclass(frozen=True)
class Job:
    """What a worker is given.

    Attributes:
        spec: what to train.
        model: the bytes of the model that it continues; None for one from scratch.
        keep_cached: the names of the models that a worker should go on holding, if it does.
    """

    spec: TrialSpec
    model: bytes | None = None
    keep_cached: frozenset[str] = frozenset()


class Workers(Protocol):
    """Takes trials and gives their results back, in whatever order they end."""

    def __enter__(self) -> Workers:
        """Returns itself, ready for work."""

    def __exit__(self, *_: object) -> None:
        """Stops what is in flight, and the workers that were started for it."""

    def open(self, images: Mapping[str, Images]) -> None:
        """Gives images to all workers, to those that join later too."""

    def idle(self) -> list[str]:
        """The names of the workers that have nothing to do."""

    @property
    def present(self) -> int:
        """How many workers there are, busy or not."""

    @property
    def devices(self) -> list[str]:
        """What each worker that there is trains on, as it says itself."""

    @property
    def busy(self) -> int:
        """How many trials are in flight."""

    def submit(self, job: Job, worker: str) -> None:
        """Gives a trial to a worker that is idle."""

    def next_result(self, on_epoch: OnEpoch) -> TrialResult | None:
        """Waits for a trial to end; `on_epoch` is told the epochs of all of them meanwhile.

        Returns:
            Its result; None if another worker has become idle first.
        """


class Occupancy:
    """How much of the workers' time went into trials."""

    def __init__(self) -> None:
        self.seconds = self._busy_seconds = self._present_seconds = 0.0
        self._busy = self._present = 0
        self._mark = time.monotonic()

    def note(self, busy: int, present: int) -> None:
        """Takes note of how many are busy from now on, and how many there are."""
        now = time.monotonic()
        elapsed, self._mark = now - self._mark, now
        self.seconds += elapsed
        self._busy_seconds += elapsed * min(self._busy, self._present)
        self._present_seconds += elapsed * self._present
        self._busy, self._present = busy, present

    @property
    def share(self) -> float:
        """Of the time that there were workers, the share in which they had a trial."""
        return self._busy_seconds / self._present_seconds if self._present_seconds else 0.0

    def in_words(self, present: int) -> str:
        """Says how much of the time of so many workers the search has used."""
        count = f"{present} workers" if present != 1 else "1 worker"
        return f"{count}, busy {100 * self.share:.0f} % of {self.seconds:.0f} s of search"
