"""What was asked for: one frozen value, saved with the run and read back on resume."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from search.metric import ACCURACY, Metric


class ExperimentError(Exception):
    """An experiment that cannot work: its message is the one line that the user reads.

    A trial that cannot work is no such error: it becomes a row with status `failed`.
    """


@dataclasses.dataclass(frozen=True)
class Seed:
    """A configuration that a search starts from, beside those that it draws.

    Attributes:
        strategy: the arm in which it starts.
        values: of every hyperparameter, as this experiment allows them.
        origin: the design or the run that it comes from.
        translated: hyperparameter to the value that it had there, where that is not allowed here.
    """

    strategy: str
    values: dict[str, Any]
    origin: str
    translated: dict[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Experiment:
    """One search, from its data to its finals.

    Attributes:
        dataset: a known name, the path of an `.npz`, or a folder of class folders.
        strategies: the names of the strategies that compete, in the order they take turns.
        data_dir: where `<name>.npz` is looked for before Keras's own loaders.
        image_size: (height, width) in pixels to which a folder's images are resized.
        train_limit: how many images training and validation share; None for all of them.
        mirror: whether a mirror image keeps its class; None leaves it to the data set.
        max_epochs: epochs of the longest trials and of the finals.
        factor: Hyperband's reduction factor between rungs.
        iterations: how often each arm runs through all of Hyperband's brackets.
        seed: everything random follows from it.
        final_seeds: how many times each arm's best configuration is retrained for the finals.
        batch_size: images a step.
        time_limit: minutes after which no further trial starts; None for no limit.
        seeds: configurations, each arm's in the order in which they take the first slots of its
            longest bracket; whole, so that a resume needs none of the files they come from.
    """

    dataset: str
    strategies: tuple[str, ...]
    data_dir: str | None = None
    image_size: tuple[int, int] | None = None
    train_limit: int | None = None
    mirror: bool | None = None
    max_epochs: int = 9
    factor: int = 3
    iterations: int = 1
    seed: int = 0
    final_seeds: int = 3
    batch_size: int = 64
    time_limit: float | None = None
    seeds: tuple[Seed, ...] = ()

    @property
    def metric(self) -> Metric:
        """What is searched and judged by."""
        return ACCURACY

    @property
    def dataset_name(self) -> str:
        """The data set's name in every table: a path's last part without its ending."""
        return Path(self.dataset).stem or "images"

    @property
    def seed_values(self) -> dict[str, list[dict[str, Any]]]:
        """Strategy to the configurations that it starts with, in the order of their slots."""
        values: dict[str, list[dict[str, Any]]] = {}
        for seed in self.seeds:
            values.setdefault(seed.strategy, []).append(seed.values)
        return values

    def seed_of(self, strategy: str, values: Mapping[str, Any]) -> Seed | None:
        """Returns the seed that a trial's configuration is; None where it was drawn.

        No configuration stands twice in an arm, so its values tell.
        """
        for seed in self.seeds:
            if seed.strategy == strategy and seed.values == values:
                return seed
        return None

    def final_number(self, seed: int) -> int:
        """Which of a finalist's seeds this is; 1 is the first."""
        return seed - self.seed + 1

    def to_json(self) -> dict[str, Any]:
        """Returns the fields as JSON types."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Experiment:
        """Makes an experiment from what `to_json` gave.

        Raises:
            ExperimentError: a field is missing or unknown.
        """
        sequences = {
            name: tuple(value) for name, value in fields.items() if isinstance(value, list)
        }
        try:
            if "seeds" in sequences:
                sequences["seeds"] = tuple(Seed(**seed) for seed in sequences["seeds"])
            return cls(**{**fields, **sequences})
        except TypeError as error:
            raise ExperimentError(f"experiment.json does not fit this version: {error}") from error


@dataclasses.dataclass(frozen=True)
class Execution:
    """Where and how a run is worked off. No answer follows from it, so a resume may change it.

    Attributes:
        workers: how many on this machine; None for as many as it has processors, or GPUs.
        workers_per_gpu: how many share a GPU.
        cluster: the address of a Dask scheduler whose workers are used instead.
        shared_dir: a directory that driver and workers all see, through which images and models
            travel; None for the scheduler.
        worker_memory: gigabytes that a worker on this machine may hold; None for its share.
        retries: how often a trial starts again because its worker was lost, before it has failed.
        trial_timeout: minutes after which a trial has failed; None for any number.
        checkpoint_every: minutes after which a trial's model is kept on the way.
        dashboard: whether Dask's own is served.
    """

    workers: int | None = None
    workers_per_gpu: int = 1
    cluster: str | None = None
    shared_dir: str | None = None
    worker_memory: float | None = None
    retries: int = 2
    trial_timeout: float | None = None
    checkpoint_every: float = 10.0
    dashboard: bool = False


def derive_seed(*parts: object) -> int:
    """Returns a seed in [0, 2**31) that follows from the parts alone.

    A hash rather than a generator's next number: whoever asks, in whatever order, gets the same.
    """
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") >> 1
