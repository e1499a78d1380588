"""Which workers a search has: this process, more processes of this machine, or a cluster's."""

from __future__ import annotations

from collections.abc import Callable

from search.devices import PROCESSOR, PROCESSORS, Devices
from search.environment import GPUS, NO_GPU, gpu_environment
from search.execution import Execution
from search.experiment import ExperimentError
from search.workers.in_process import InProcess
from search.workers.protocol import Workers

LEAST_MEMORY = 2e9  # bytes for one worker, unless more are asked for
IMPORTED = 0.5e9  # bytes that a backend takes at the least, once it is imported


def plan_workers(execution: Execution, devices: Devices = PROCESSORS) -> list[dict[str, str]]:
    """The environment variables of each worker to start on this machine; none for a cluster's.

    A worker a processor, each of one thread; or where there are GPUs that the backend can use, one
    a GPU, or as many as are to share one.

    Raises:
        ExperimentError: so many workers, or so small ones, cannot even begin.
    """
    if execution.cluster:
        return []
    gpus = list(devices.gpus)
    count = execution.workers or len(gpus) * execution.workers_per_gpu or auto_workers()
    if count > 1:
        check_memory(execution.worker_memory, count)
    if gpus:
        sharing = -(-count // len(gpus))
        return [{**gpu_environment(sharing), GPUS: gpus[n % len(gpus)]} for n in range(count)]
    # A card that is known to fail is left alone.
    hidden = NO_GPU if devices.warning else {}
    return [{**hidden} for _ in range(count)]


def planned_devices(execution: Execution, devices: Devices) -> list[str]:
    """What each of the planned workers is to train on."""
    environments = plan_workers(execution, devices)
    return [devices.gpus.get(each.get(GPUS, ""), PROCESSOR) for each in environments]


def check_memory(each: float | None, count: int) -> None:
    """Refuses workers that cannot even import their backend, which would be started for ever.

    Args:
        each: gigabytes that one may hold; None for its share.
        count: of workers on this machine.

    Raises:
        ExperimentError: they are too many, or may hold too little.
    """
    if each is not None and each * 1e9 < IMPORTED:
        raise ExperimentError(
            f"--worker-memory {each:g} is less than a worker takes before it trains: give more "
            f"than {IMPORTED / 1e9:g}"
        )
    if count * IMPORTED > memory_limit():
        raise ExperimentError(
            f"{count} workers do not fit into this machine's {memory_limit() / 1e9:.0f} GB: "
            f"start {max(1, int(memory_limit() // IMPORTED))} or fewer"
        )


def auto_workers() -> int:
    """As many as there are processors for this process, and memory."""
    from dask.system import CPU_COUNT  # knows of a container's limits

    return max(1, min(CPU_COUNT, int(memory_limit() // LEAST_MEMORY)))


def memory_limit() -> int:
    """What this process may take, in bytes: of the machine, or of its container."""
    from distributed.system import MEMORY_LIMIT

    return int(MEMORY_LIMIT)


def make_workers(
    execution: Execution, environments: list[dict[str, str]], note: Callable[[str], None]
) -> Workers:
    """Returns the workers that `plan_workers` has planned: this process, where one is enough."""
    if len(environments) == 1:
        return InProcess()
    # Dask takes its time to import.
    from search.workers.dask_cluster import Connection, connect_cluster, start_cluster
    from search.workers.dask_driver import DaskWorkers

    def connect() -> Connection:
        if execution.cluster:
            return connect_cluster(execution.cluster)
        return start_cluster(environments, execution, note)

    return DaskWorkers(connect, execution, note)
