"""Which workers a search has: this process, more processes of this machine, or a cluster's."""

from __future__ import annotations

from collections.abc import Callable

from search.devices import PROCESSOR, PROCESSORS, Devices
from search.environment import GPUS, NO_GPU, gpu_environment
from search.experiment import Execution
from search.workers.in_process import InProcess
from search.workers.protocol import Workers

LEAST_MEMORY = 2e9  # bytes for one worker: TensorFlow alone takes 0.6 GB


def plan_workers(execution: Execution, devices: Devices = PROCESSORS) -> list[dict[str, str]]:
    """The environment variables of each worker to start on this machine; none for a cluster's.

    A worker a processor, each of one thread; or where there are GPUs that the backend can use, one
    a GPU, or as many as are to share one.
    """
    if execution.cluster:
        return []
    gpus = list(devices.gpus)
    if gpus:
        count = execution.workers or len(gpus) * execution.workers_per_gpu
        sharing = -(-count // len(gpus))
        return [{**gpu_environment(sharing), GPUS: gpus[n % len(gpus)]} for n in range(count)]
    # A card that is known to fail is left alone.
    hidden = NO_GPU if devices.warning else {}
    return [{**hidden} for _ in range(execution.workers or auto_workers())]


def planned_devices(execution: Execution, devices: Devices) -> list[str]:
    """What each of the planned workers is to train on."""
    environments = plan_workers(execution, devices)
    return [devices.gpus.get(each.get(GPUS, ""), PROCESSOR) for each in environments]


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
    # Dask takes its time to import.
    from search.workers.dask_cluster import Connection, connect_cluster, start_cluster
    from search.workers.dask_driver import DaskWorkers

    def connect() -> Connection:
        if execution.cluster:
            return connect_cluster(execution.cluster)
        return start_cluster(environments, execution, note)

    return DaskWorkers(connect, execution, note)
