"""Where trials run. One small interface; today in this process.

The tuner sees `capacity`, `busy`, `submit` and `next_result`, not where the work is done.
"""

from __future__ import annotations

import collections
import os
import socket
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from search.datasets import Images
    from search.trial import OnEpoch, TrialResult, TrialSpec

# Sums over several threads come in no fixed order, so more than one thread would mean that the
# same seed gives another answer. Two processes of one thread are faster than one of two, besides.
ONE_THREAD = {
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "0",
}


def limit_threads() -> None:
    """Sets what the backends read when they are imported; call it before Keras is.

    What the user has set stays.
    """
    for name, value in ONE_THREAD.items():
        os.environ.setdefault(name, value)


class Workers(Protocol):
    """Takes trials and gives their results back, in whatever order they end."""

    @property
    def capacity(self) -> int:
        """How many trials may be in flight."""

    @property
    def busy(self) -> int:
        """How many trials are in flight."""

    @property
    def name(self) -> str:
        """What the column `worker` says."""

    def submit(self, spec: TrialSpec, parent: bytes | None) -> None:
        """Takes a trial; `parent` is the model that it continues."""

    def next_result(self, on_epoch: OnEpoch) -> TrialResult:
        """Waits for a trial to end; `on_epoch` is told the epochs of all of them meanwhile."""


class InProcess:
    """Runs each trial in this process when its result is asked for."""

    capacity = 1

    def __init__(self, train: Images, validation: Images):
        self._train, self._validation = train, validation
        self._queue: collections.deque[tuple[TrialSpec, bytes | None]] = collections.deque()
        self.name = f"{socket.gethostname()}:{os.getpid()}"

    @property
    def busy(self) -> int:
        """How many trials are in flight."""
        return len(self._queue)

    def submit(self, spec: TrialSpec, parent: bytes | None) -> None:
        """Takes a trial; `parent` is the model that it continues."""
        self._queue.append((spec, parent))

    def next_result(self, on_epoch: OnEpoch) -> TrialResult:
        """Trains the trial that has waited longest."""
        # Imported here: the thread limits must be set before a backend is.
        from search.trial import run_trial

        spec, parent = self._queue.popleft()
        return run_trial(spec, self._train, self._validation, parent, on_epoch)
