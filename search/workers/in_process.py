"""The worker that is this process: what it is given runs when its result is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from search.devices import trains_on
from search.environment import raise_if_interrupted, worker_name
from search.workers.protocol import Job

if TYPE_CHECKING:
    from search.data.datasets import Images
    from search.training.spec import OnEpoch, TrialResult


class InProcess:
    """Runs each trial in this process when its result is asked for."""

    present = 1

    def __init__(self) -> None:
        # Imported here: the thread limits must be set before a backend is.
        from search.workers.worker_state import WorkerState

        self._state = WorkerState()
        self._name = worker_name()
        self.devices = [trains_on()]
        self._job: Job | None = None

    def __enter__(self) -> InProcess:
        """Returns itself, ready for work."""
        return self

    def __exit__(self, *_: object) -> None:
        """There is nothing to stop."""

    def open(self, images: Mapping[str, Images]) -> None:
        """Gives images to this process."""
        self._state.receive(images)

    def idle(self) -> list[str]:
        """This process, if it has nothing to do."""
        return [] if self._job else [self._name]

    @property
    def busy(self) -> int:
        """How many trials are in flight."""
        return int(self._job is not None)

    def submit(self, job: Job, worker: str) -> None:
        """Takes a trial."""
        assert self._job is None and worker == self._name
        self._job = job

    def next_result(self, on_epoch: OnEpoch) -> TrialResult:
        """Trains the trial."""
        assert self._job is not None
        job, self._job = self._job, None
        result = self._state.run(job, on_epoch)
        raise_if_interrupted()
        return result
