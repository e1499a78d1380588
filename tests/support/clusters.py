"""A Dask cluster as one starts it by hand: a process `dask scheduler`, and `dask worker` others."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import distributed

from tests.support import small_run

HERE = small_run.PROGRAM.parent


class Cluster:
    """Processes that have nothing in common but the network: each runs in a folder of its own.

    The workers have this project; the scheduler needs none of it.

    Args:
        folder: an empty one, for theirs.
        host: the scheduler's address.
        prefix: words before the scheduler's command: `ip netns exec NAME`.
        protocol: `tcp`, or `tls`, whose keys Dask's settings name.

    Attributes:
        address: the scheduler's, for `--cluster`.
        scheduler: its process.
        workers: the `dask worker` processes; each has a child that trains.
    """

    def __init__(
        self,
        folder: Path,
        host: str = "127.0.0.1",
        prefix: Sequence[str] = (),
        protocol: str = "tcp",
    ):
        self.folder = folder
        self.workers: list[subprocess.Popen[bytes]] = []
        known = folder / "scheduler.json"
        command = [*prefix, sys.executable, "-m", "dask", "scheduler", "--no-dashboard"]
        where = ["--protocol", protocol, "--host", host, "--port", "0"]
        where += ["--scheduler-file", str(known)]
        self.scheduler = self._start("scheduler", [*command, *where], PYTHONPATH="")
        while not (known.exists() and known.read_text()):
            assert self.scheduler.poll() is None, self.log("scheduler")
            time.sleep(0.05)
        self.address: str = json.loads(known.read_text())["address"]

    def _start(self, name: str, command: list[str], **changes: str) -> subprocess.Popen[bytes]:
        folder = self.folder / name
        folder.mkdir()
        with (folder / "log").open("wb") as log:
            return subprocess.Popen(
                command,
                cwd=folder,
                env=small_run.environment(**changes),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # so that its children end with it, at the latest here
            )

    def add_worker(
        self, *options: str, prefix: Sequence[str] = (), project: Path = HERE
    ) -> subprocess.Popen[bytes]:
        """Starts a worker of one thread, with the project that is in a folder."""
        command = [*prefix, sys.executable, "-m", "dask", "worker", self.address]
        started = self._start(
            f"worker {len(self.workers)}",
            [*command, "--nthreads", "1", "--no-dashboard", "--local-directory", ".", *options],
            PYTHONPATH=str(project),
        )
        self.workers.append(started)
        return started

    def wait_for_workers(self, count: int) -> None:
        """Returns when so many have come."""
        with distributed.Client(self.address, set_as_default=False) as client:
            client.wait_for_workers(count, timeout=120)

    def log(self, name: str) -> str:
        """What a process has said."""
        return (self.folder / name / "log").read_text(errors="replace")

    def __enter__(self) -> Cluster:
        """Returns itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Kills what still runs of it, and waits for that."""
        for process in (*self.workers, self.scheduler):
            kill_all(process)


def kill_all(process: subprocess.Popen[bytes]) -> None:
    """Kills a process and its children, as a machine does whose power fails."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
