"""What runs in a Dask worker's process; the driver's half is `search.workers.dask_driver`."""

from __future__ import annotations

import dataclasses
import hashlib
import platform
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import distributed

import search
from search.devices import trains_on
from search.environment import backend_name, start_backend, worker_name

# Before anything else imports the backend: a worker reads this file with its first message.
start_backend()

import spaces  # noqa: E402
from search.data.datasets import Images  # noqa: E402
from search.workers.protocol import Job  # noqa: E402
from search.workers.transport import Transport  # noqa: E402

if TYPE_CHECKING:
    from search.training.spec import TrialResult
    from search.workers.worker_state import WorkerState

# What an answer follows from: with other versions the same seed may give another one.
PACKAGES = ("keras", "keras-tuner", "numpy", "tensorflow", "jax")


@dataclasses.dataclass(frozen=True)
class Introduction:
    """What a worker says of itself.

    Attributes:
        name: its host and process.
        runs: what its answers follow from, by name.
        device: what it trains on.
    """

    name: str
    runs: Mapping[str, str]
    device: str

    def differs_from(self, other: Introduction) -> str:
        """What this one runs that the other does not, in words; empty for nothing."""
        return ", ".join(
            f"{name} {self.runs.get(name, 'not at all')} instead of {value}"
            for name, value in other.runs.items()
            if self.runs.get(name) != value
        )


def introduce() -> Introduction:
    """Says what runs in this process."""
    runs = {
        "python": ".".join(platform.python_version_tuple()[:2]),
        "backend": backend_name(),
        "scanline": code_digest(),
    }
    for name in PACKAGES:
        try:
            runs[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return Introduction(worker_name(), runs, trains_on())


def code_digest() -> str:
    """A short digest of the code that trains: every module of `search` and `spaces`."""
    folders = [Path(package.__path__[0]) for package in (search, spaces)]
    files = [file for folder in folders for file in sorted(folder.rglob("*.py"))]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]


class DriverSession:
    """What a worker's process keeps for one driver: two may share a cluster.

    Attributes:
        images: images that have arrived and were not yet used, by name.
        state: where it trains, from the first trial on.
    """

    def __init__(self) -> None:
        self.images: dict[str, Images | Path] = {}
        self.state: WorkerState | None = None

    def ready(self, transport: Transport) -> WorkerState:
        """Returns the worker's state with all images on it."""
        if self.state is None:
            from search.workers.worker_state import WorkerState

            self.state = WorkerState()
        while self.images:
            name, payload = self.images.popitem()
            self.state.receive({name: transport.receive_images(payload)})
        return self.state


SESSIONS: dict[str, DriverSession] = {}


def receive_images(session: str, images: Mapping[str, Images | Path]) -> None:
    """Keeps images for a driver."""
    SESSIONS.setdefault(session, DriverSession()).images.update(images)


def drop_session(session: str) -> None:
    """Forgets a driver's images, and all else that was its own."""
    SESSIONS.pop(session, None)


class AbandonedError(Exception):
    """The driver no longer waits for this trial."""


def train(
    transport_fields: Mapping[str, Any],
    attempt: str,
    spec_fields: Mapping[str, Any],
    keep_cached: frozenset[str],
    payload: bytes | Path | None,
) -> tuple[TrialResult, bytes | Path | None]:
    """Trains what a job asks for; returns the result without its model, and that as a payload.

    Args:
        transport_fields: how images and models travel: the fields of a `Transport`.
        attempt: this attempt's name, as Dask knows it.
        spec_fields: what to train: the fields of a `TrialSpec`.
        keep_cached: the names of the models that this worker should go on holding.
        payload: the model that it continues.
    """
    from search.training.spec import TrialSpec

    transport = Transport(**transport_fields)
    worker = distributed.get_worker()
    state = SESSIONS[transport.session].ready(transport)

    def on_epoch(trial_id: str, row: Mapping[str, Any]) -> None:
        worker.log_event(transport.session, (attempt, dict(row)))

    def check() -> None:
        # A thread cannot be ended from outside: without this, a trial whose driver was killed
        # would keep the worker busy to its end.
        task = worker.state.tasks.get(attempt)
        if task is None or task.state != "executing":
            raise AbandonedError("its driver is gone")

    job = Job(TrialSpec(**spec_fields), transport.receive(payload), keep_cached)
    result = state.run(job, on_epoch, check)
    return dataclasses.replace(result, model=None), transport.send(result.model)
