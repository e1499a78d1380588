"""Where trials run, behind one small interface: here in this process.

The tuner sees `idle`, `submit` and `next_result`, not where the work is done; `search.cluster` does
it in other processes and on other machines.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol

from search.experiment import Execution

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
}

GPUS = "CUDA_VISIBLE_DEVICES"
LEAST_MEMORY = 2e9  # bytes for one worker: TensorFlow alone takes 0.6 GB


def limit_threads() -> None:
    """Sets what the backends read when they are imported; what the user has set stays."""
    for name, value in ONE_THREAD.items():
        os.environ.setdefault(name, value)


def start_backend(cpu_only: bool = False) -> None:
    """Imports Keras and its backend on one thread and without their chatter.

    Args:
        cpu_only: leave the GPUs to the workers. (TensorFlow takes a GPU's whole memory when it
            first looks at it.)

    TensorFlow writes lines about graphics cards to the error stream before any setting can stop
    it. They are set aside, and shown only if the import fails. Later it warns that functions are
    traced anew, as they must be for every new model.
    """
    limit_threads()
    if cpu_only:
        os.environ[GPUS] = "-1"
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    with tempfile.TemporaryFile() as chatter:
        sys.stderr.flush()
        stderr = os.dup(2)
        os.dup2(chatter.fileno(), 2)
        try:
            import keras

            keras.ops.zeros(1)  # the backend looks for devices at its first operation
        except Exception:  # Ctrl-C is no reason to show it
            chatter.seek(0)
            os.write(stderr, chatter.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def worker_name() -> str:
    """What the column `worker` says of this process."""
    return f"{socket.gethostname()}:{os.getpid()}"


class SchedulerLostError(Exception):
    """The cluster's scheduler is gone: what the run holds is kept, and `--resume` goes on."""


@dataclasses.dataclass(frozen=True)
class Job:
    """What a worker is given.

    Attributes:
        spec: what to train.
        model: the bytes of the model that it continues; None for one from scratch.
        held: the names of the models that a worker should go on holding, if it does.
    """

    spec: TrialSpec
    model: bytes | None = None
    held: frozenset[str] = frozenset()


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
    def busy(self) -> int:
        """How many trials are in flight."""

    def submit(self, job: Job, worker: str) -> None:
        """Gives a trial to a worker that is idle."""

    def next_result(self, on_epoch: OnEpoch) -> TrialResult | None:
        """Waits for a trial to end; `on_epoch` is told the epochs of all of them meanwhile.

        Returns:
            Its result; None if another worker has become idle first.
        """


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


# Which workers


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


def visible_gpus() -> list[str]:
    """The GPUs that this process may use, as CUDA names them.

    Asked of the driver's own tool: a backend that looks for them takes their memory.
    """
    named = os.environ.get(GPUS)
    if named is not None:
        return [name for name in named.split(",") if name and name != "-1"]
    try:
        listed = subprocess.run(
            ["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):  # no GPU, or none that works
        return []
    return listed.stdout.split()


def gpu_environment(sharing: int) -> dict[str, str]:
    """What lets so many processes share a GPU's memory, for each backend."""
    return {
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        "XLA_PYTHON_CLIENT_MEM_FRACTION": f"{0.9 / sharing:.3f}",
    }


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
