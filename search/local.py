"""Which workers a search has: this process, more processes of this machine, or a cluster's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from search.environment import GPUS, gpu_environment, visible_gpus, worker_name
from search.experiment import Execution
from search.workers import Job, Workers

if TYPE_CHECKING:
    from search.data.datasets import Images
    from search.trial import OnEpoch, TrialResult

LEAST_MEMORY = 2e9  # bytes for one worker: TensorFlow alone takes 0.6 GB


class InProcess:
    """Runs each trial in this process when its result is asked for."""

    present = 1

    def __init__(self) -> None:
        # Imported here: the thread limits must be set before a backend is.
        from search.bench import Bench

        self._bench = Bench()
        self._name = worker_name()
        self._job: Job | None = None

    def __enter__(self) -> InProcess:
        """Returns itself, ready for work."""
        return self

    def __exit__(self, *_: object) -> None:
        """There is nothing to stop."""

    def open(self, images: Mapping[str, Images]) -> None:
        """Gives images to this process."""
        self._bench.images.update(images)

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
        return self._bench.run(job, on_epoch)


def plan_workers(execution: Execution) -> list[dict[str, str]]:
    """The environment variables of each worker to start on this machine; none for a cluster's.

    A worker a processor, each of one thread; or where there are GPUs, one a GPU, or as many as
    are to share one.
    """
    if execution.cluster:
        return []
    gpus = visible_gpus()
    if gpus:
        count = execution.workers or len(gpus) * execution.workers_per_gpu
        sharing = -(-count // len(gpus))
        return [{**gpu_environment(sharing), GPUS: gpus[n % len(gpus)]} for n in range(count)]
    return [{} for _ in range(execution.workers or auto_workers())]


def auto_workers() -> int:
    """As many as there are processors for this process, and memory."""
    from dask.system import CPU_COUNT  # knows of a container's limits
    from distributed.system import MEMORY_LIMIT

    return max(1, min(CPU_COUNT, int(MEMORY_LIMIT // LEAST_MEMORY)))


def make_workers(
    execution: Execution, environments: list[dict[str, str]], note: Callable[[str], None]
) -> Workers:
    """Returns the workers that `plan_workers` has planned: this process, where one is enough."""
    if len(environments) == 1:
        return InProcess()
    from search import cluster  # Dask takes its time to import

    def connect() -> cluster.Connection:
        if execution.cluster:
            return cluster.connect_cluster(execution.cluster)
        return cluster.start_cluster(environments, execution, note)

    return cluster.DaskWorkers(connect, execution, note)
