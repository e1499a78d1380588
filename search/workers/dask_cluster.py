"""A Dask cluster to run on: one that runs already, or one started here."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable

import dask
import distributed

from search.execution import Execution
from search.experiment import ExperimentError
from search.workers import forkserver

START_ATTEMPTS = 3
SECONDS_TO_ANSWER = 10
GIGABYTE = 1e9

CONFIGURATION = {
    # A task whose worker died fails at once: how often it is tried again is decided here.
    "distributed.scheduler.allowed-failures": 0,
    "distributed.scheduler.work-stealing": False,
    "distributed.scheduler.active-memory-manager.start": False,
    # For a process that hangs, and longer than tracing holds the interpreter. A host that is cut
    # off is noticed sooner, after 30 s, by TCP (`distributed.comm.timeouts.tcp`).
    "distributed.scheduler.worker-ttl": "120s",
    # Models in memory are no results that could be written to a disk, and a worker that paused
    # until memory is freed would pause for ever.
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    # Its profiler looks at every thread's stack a hundred times a second. While Keras traces a
    # model the stack is deep and Python busy: a sixth of a short trial's time went there.
    "distributed.worker.profile.enabled": False,
    # Where there is a package `pynvml` it asks the first card named by CUDA_VISIBLE_DEVICES what it
    # does: of "-1", by which the driver leaves the cards to the workers, that is an error.
    "distributed.diagnostics.nvml": False,
    "distributed.worker.multiprocessing-method": forkserver.METHOD,
    "distributed.comm.timeouts.connect": "10s",
    "distributed.admin.large-graph-warning-threshold": "1GB",  # a model may be larger than 10 MB
}

Connection = tuple[distributed.Client, distributed.SpecCluster | None]


def connect_cluster(address: str) -> Connection:
    """Finds a running Dask scheduler.

    Raises:
        ExperimentError: none answers.
    """
    configure()
    try:
        asyncio.run(asyncio.wait_for(_answers(address), SECONDS_TO_ANSWER))
        return distributed.Client(address, timeout=10, set_as_default=False), None
    except TypeError as error:  # so Dask says it, where it has no keys
        raise ExperimentError(
            f"{address} wants keys: name them by Dask's settings distributed.comm.tls "
            "(docs/cluster.md)"
        ) from error
    except (OSError, ValueError) as error:  # a time-out is one
        reason = str(error) or f"it did not within {SECONDS_TO_ANSWER} s"
        raise ExperimentError(
            f"no Dask scheduler answers at {address} ({reason}): "
            "start one with `dask scheduler`, or correct the address"
        ) from error


async def _answers(address: str) -> None:
    """Asks a scheduler who it is. A client would wait for ever for what is none and talks on."""
    keys = distributed.Security().get_connection_args("client")
    comm = await distributed.comm.connect(address, timeout=SECONDS_TO_ANSWER, **keys)
    try:
        await comm.write({"op": "identity", "reply": True})
        await comm.read()
    finally:
        comm.abort()


def start_cluster(
    environments: list[dict[str, str]], execution: Execution, note: Callable[[str], None]
) -> Connection:
    """Starts a scheduler in this process and workers on this machine, one for each environment."""
    configure()
    forkserver.begin_imports(environments)  # unless they were begun before
    # A scheduler runs what it is sent, and every user of a machine reaches its loopback address.
    # These keys are made now, are kept in memory, and open this cluster alone.
    security = distributed.Security.temporary()
    host = "127.0.0.1"
    there = distributed.system.MEMORY_LIMIT
    share = 0.9 * there / len(environments)
    memory = execution.worker_memory
    options = {
        "host": host,
        "protocol": "tls",
        "security": security,
        "nthreads": 1,
        "memory_limit": int(min(memory * GIGABYTE, there) if memory else share),
        "dashboard": False,
        "silence_logs": logging.CRITICAL,
    }
    workers = {
        # All variables: a process that is forked has those of the process that it is forked from.
        number: {
            "cls": distributed.Nanny,
            "options": {**options, "env": {**os.environ, **environment}},
        }
        for number, environment in enumerate(environments)
    }
    served = {"dashboard": execution.dashboard, "dashboard_address": f"{host}:8787"}
    if not execution.dashboard:
        served["dashboard_address"] = f"{host}:0"
    scheduler = {
        "cls": distributed.Scheduler,
        "options": {"host": host, "port": 0, "protocol": "tls", "security": security, **served},
    }
    for attempt in range(1, START_ATTEMPTS + 1):
        try:
            cluster = distributed.SpecCluster(
                workers=workers,
                scheduler=scheduler,
                security=security,
                silence_logs=logging.CRITICAL,
            )
            break
        except RuntimeError as error:  # a process was killed before it had begun
            if attempt == START_ATTEMPTS:
                raise ExperimentError(
                    f"the worker processes cannot be started ({error.__cause__ or error}): "
                    "try fewer with --workers"
                ) from error
    client = distributed.Client(cluster, security=security, set_as_default=False)
    if execution.dashboard:
        note(f"Dask's dashboard: {client.dashboard_link}")
    return client, cluster


def configure() -> None:
    """Sets what this project needs of Dask, and keeps Dask's log off the display."""
    dask.config.set(CONFIGURATION)
    for name in ("distributed", "distributed.client"):  # the second has a level of its own
        logging.getLogger(name).setLevel(logging.CRITICAL)
