"""What runs in a Dask worker's process; the driver's half is `search.workers.dask_driver`."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import platform
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import distributed

import search
from search.environment import start_backend, worker_name

# Before anything else imports the backend: a worker reads this file with its first message.
start_backend()

import spaces  # noqa: E402
from search.data.datasets import Images  # noqa: E402
from search.workers.protocol import Job  # noqa: E402
from search.workers.transport import Post  # noqa: E402

if TYPE_CHECKING:
    from search.training.trial import TrialResult
    from search.workers.worker_state import Bench

# What an answer follows from: with other versions the same seed may give another one.
PACKAGES = ("keras", "keras-tuner", "numpy", "tensorflow", "jax")


@dataclasses.dataclass(frozen=True)
class Introduction:
    """What a worker says of itself.

    Attributes:
        name: its host and process.
        runs: what its answers follow from, by name.
    """

    name: str
    runs: Mapping[str, str]

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
        "backend": os.environ.get("KERAS_BACKEND", "tensorflow"),
        "scanline": code_digest(),
    }
    for name in PACKAGES:
        try:
            runs[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return Introduction(worker_name(), runs)


def code_digest() -> str:
    """A short digest of the code that trains."""
    folders = [Path(package.__path__[0]) for package in (search, spaces)]
    files = [file for folder in folders for file in sorted(folder.rglob("*.py"))]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]


class Desk:
    """What a worker's process keeps for one driver: two may share a cluster.

    Attributes:
        parcels: images that have arrived and were not yet used, by name.
        bench: where it trains, from the first trial on.
    """

    def __init__(self) -> None:
        self.parcels: dict[str, Images | Path] = {}
        self.bench: Bench | None = None

    def ready(self, post: Post) -> Bench:
        """Returns the bench with all images on it."""
        if self.bench is None:
            from search.workers.worker_state import Bench

            self.bench = Bench()
        while self.parcels:
            name, parcel = self.parcels.popitem()
            self.bench.images[name] = post.receive_images(parcel)
        return self.bench


DESKS: dict[str, Desk] = {}


def take(session: str, parcels: Mapping[str, Images | Path]) -> None:
    """Keeps images for a driver."""
    DESKS.setdefault(session, Desk()).parcels.update(parcels)


def forget(session: str) -> None:
    """Forgets a driver's images, and all else that was its own."""
    DESKS.pop(session, None)


class AbandonedError(Exception):
    """The driver no longer waits for this trial."""


def train(
    post_fields: Mapping[str, Any],
    attempt: str,
    spec_fields: Mapping[str, Any],
    held: frozenset[str],
    parcel: bytes | Path | None,
) -> tuple[TrialResult, bytes | Path | None]:
    """Trains what a job asks for; returns the result without its model, and that as a parcel.

    Args:
        post_fields: how images and models travel: the fields of a `Post`.
        attempt: this attempt's name, as Dask knows it.
        spec_fields: what to train: the fields of a `TrialSpec`.
        held: the names of the models that this worker should go on holding.
        parcel: the model that it continues.
    """
    from search.training.trial import TrialSpec

    post = Post(**post_fields)
    worker = distributed.get_worker()
    bench = DESKS[post.session].ready(post)

    def on_epoch(trial_id: str, row: Mapping[str, Any]) -> None:
        worker.log_event(post.session, (attempt, dict(row)))

    def check() -> None:
        # A thread cannot be ended from outside: without this, a trial whose driver was killed
        # would keep the worker busy to its end.
        task = worker.state.tasks.get(attempt)
        if task is None or task.state != "executing":
            raise AbandonedError("its driver is gone")

    job = Job(TrialSpec(**spec_fields), post.receive(parcel), held)
    result = bench.run(job, on_epoch, check)
    return dataclasses.replace(result, model=None), post.send(result.model)
