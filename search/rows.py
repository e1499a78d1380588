"""The rows of a run's tables: their types, and what must hold within a row and between them.

The columns' meaning is said in `search.schema`. None is NULL. What a run has that does not fit is
damage: `ValueError` says what, and where.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from search.experiment import Experiment
from search.validation import (
    Count,
    Finite,
    Flag,
    Number,
    Seconds,
    Share,
    Size,
    Text,
    parsed,
)

Values = dict[str, Any]  # KerasTuner's are scalars; a report shows whatever there is
Row = Mapping[str, Any]


def trial_name(strategy: str, iteration: int, bracket: int, rung: int, slot: int) -> str:
    """Returns a trial's name, which says where it stands in the plan.

    >>> trial_name("lines", 0, 2, 1, 7)
    'lines-0-2-1-7'
    """
    return f"{strategy}-{iteration}-{bracket}-{rung}-{slot}"


class Checked:
    """A row that has been read may be asked whether it is right."""

    def check(self) -> None:
        """Raises ValueError where its columns contradict each other."""


@dataclasses.dataclass(frozen=True)
class TrialRow(Checked):
    """A row of the table `trials`."""

    trial_id: Text
    dataset: Text
    strategy: Text
    iteration: Number
    bracket: Number
    rung: Number
    slot: Number
    seed: Size
    hyperparameters: str
    first_epoch: Number
    last_epoch: Count
    status: Literal["running", "completed", "failed"]
    parent_id: str | None = None
    score: Finite | None = None
    val_loss: float | None = None
    parameters: Size | None = None
    multiply_adds: Size | None = None
    timesteps: Size | None = None
    features: Size | None = None
    train_seconds: Seconds | None = None
    setup_seconds: Seconds | None = None
    peak_memory_bytes: Size | None = None
    worker: str | None = None
    retries: Number = 0
    started: Seconds | None = None
    finished: Seconds | None = None
    message: str | None = None

    @property
    def values(self) -> dict[str, Any]:
        """The configuration's values by hyperparameter."""
        return parsed(dict[str, Any], self.hyperparameters, "hyperparameters")

    @property
    def epochs(self) -> int:
        """How many epochs its rung has."""
        return self.last_epoch - self.first_epoch

    def check(self) -> None:
        """Raises ValueError where its columns contradict each other."""
        parsed(Values, self.hyperparameters, "hyperparameters")
        place = self.iteration, self.bracket, self.rung, self.slot
        _must(self.trial_id == trial_name(self.strategy, *place), "trial_id is of another place")
        _must(self.first_epoch < self.last_epoch, "first_epoch is not before last_epoch")
        measured = self.score is not None and self.train_seconds is not None
        _must(
            measured or self.status != "completed", "a completed trial has score and train_seconds"
        )


@dataclasses.dataclass(frozen=True)
class FinalRow(Checked):
    """A row of the table `finals`."""

    dataset: Text
    strategy: Text
    trial_id: Text
    seed: Size
    status: Literal["completed", "failed"]
    test_accuracy: Share | None = None
    test_loss: float | None = None
    train_seconds: Seconds | None = None
    latency_ms: Seconds | None = None
    predictions: bytes | None = None
    message: str | None = None
    iteration: Number = 0
    test_score: Finite | None = None
    image_scores: bytes | None = None
    measures: str | None = None

    @property
    def score(self) -> float | None:
        """What it is judged by; in runs older than this column, accuracy."""
        return self.test_accuracy if self.test_score is None else self.test_score

    def check(self) -> None:
        """Raises ValueError where its columns contradict each other."""
        if self.measures is not None:
            parsed(Values, self.measures, "measures")
        tested = self.test_accuracy is not None
        _must(tested or self.status == "failed", "a completed final has a test_accuracy")


@dataclasses.dataclass(frozen=True)
class EpochRow(Checked):
    """A row of the table `epochs`."""

    trial_id: Text
    epoch: Count
    loss: float | None
    accuracy: Finite | None
    val_loss: float | None
    val_accuracy: Finite | None
    seconds: Seconds
    val_score: Finite | None = None


@dataclasses.dataclass(frozen=True)
class DatasetRow(Checked):
    """A row of the table `datasets`."""

    dataset: Text
    height: Count
    width: Count
    channels: Literal[1, 3, 4]
    train_images: Count
    validation_images: Count
    test_images: Count
    class_names: str
    mirror: Flag
    test_labels: bytes | None = None
    notes: str | None = None
    reading: str | None = None
    parts: str | None = None
    test_copies: Number | None = None
    experiment: str | None = None
    members_fingerprint: str | None = None
    extensions: Number | None = None

    def check(self) -> None:
        """Raises ValueError where a column is no list of names, or has another length."""
        if self.experiment is not None:
            parsed(Values, self.experiment, "experiment")
        names = parsed(list[str], self.class_names, "class_names")
        _must(len(names) > 1, "there are fewer than two class_names")
        if self.notes is not None:
            parsed(list[str], self.notes, "notes")
        known = self.test_labels is None or len(self.test_labels) == 2 * self.test_images
        _must(known, "test_labels are not two bytes a test image")


@dataclasses.dataclass(frozen=True)
class ImageRow(Checked):
    """A row of the table `images`."""

    dataset: Text
    split: Literal["train", "test"]
    position: Number
    label: Number
    height: Count
    width: Count
    channels: Literal[1, 3, 4]
    pixels: bytes

    def check(self) -> None:
        """Raises ValueError where there are more pixels or fewer than the image has."""
        size = self.height * self.width * self.channels
        _must(len(self.pixels) == size, "pixels are not height by width by channels bytes")


@dataclasses.dataclass(frozen=True)
class SequenceRow(Checked):
    """A row of the table `sequences`."""

    dataset: Text
    strategy: Text
    trial_id: Text
    height: Count
    width: Count
    timesteps: bytes

    def check(self) -> None:
        """Raises ValueError where there are more timesteps or fewer than places."""
        size = 2 * self.height * self.width
        _must(len(self.timesteps) == size, "timesteps are not height by width by 2 bytes")


@dataclasses.dataclass(frozen=True)
class PlanRow(Checked):
    """A row of the table `plans`."""

    dataset: Text
    strategy: Text
    trials: Number
    epochs: Size


@dataclasses.dataclass(frozen=True)
class StrategyRow(Checked):
    """A row of the table `strategies`."""

    strategy: Text
    position: Number
    recurrent: Flag
    summary: str


@dataclasses.dataclass(frozen=True)
class SearchRow(Checked):
    """A row of the table `searches`."""

    dataset: Text
    strategy: Text
    iteration: Number
    whole: Flag
    finals: Number | None = None


@dataclasses.dataclass(frozen=True)
class MemberRow(Checked):
    """A row of the table `members`."""

    dataset: Text
    position: Number
    split: Literal["train", "validation", "test", "unused"]
    name: str
    label: str
    fingerprint: Text


@dataclasses.dataclass(frozen=True)
class BaselineRow(Checked):
    """A row of the table `baselines`."""

    dataset: Text
    baseline: Text
    label: Text
    setting: str
    validation_score: Finite
    test_accuracy: Share
    train_images: Count
    seconds: Seconds
    predictions: bytes
    test_score: Finite | None = None
    image_scores: bytes | None = None
    measures: str | None = None

    def check(self) -> None:
        """Raises ValueError where its setting is none."""
        parsed(Values, self.setting, "setting")
        if self.measures is not None:
            parsed(Values, self.measures, "measures")


@dataclasses.dataclass(frozen=True)
class SessionRow(Checked):
    """A row of the table `sessions`."""

    session: Number
    started: Seconds
    ended: Seconds | None = None
    outcome: str | None = None


KINDS: dict[str, Any] = {
    "datasets": DatasetRow,
    "trials": TrialRow,
    "epochs": EpochRow,
    "finals": FinalRow,
    "images": ImageRow,
    "sequences": SequenceRow,
    "plans": PlanRow,
    "strategies": StrategyRow,
    "searches": SearchRow,
    "members": MemberRow,
    "baselines": BaselineRow,
    "sessions": SessionRow,
}
"""The tables of a run, and what their rows are."""


def columns(table: str) -> list[str]:
    """Returns a table's columns.

    >>> columns("plans")
    ['dataset', 'strategy', 'trials', 'epochs']
    """
    return [field.name for field in dataclasses.fields(KINDS[table])]


def members_fingerprint(rows: Iterable[Row]) -> str:
    """Returns what is the same for the same rows of `members` in the same order, and no others."""
    found = hashlib.blake2b(digest_size=16)
    for row in rows:
        found.update(json.dumps([row[name] for name in columns("members")]).encode())
    return found.hexdigest()


def check_together(experiment: Experiment, tables: Mapping[str, Sequence[Row]]) -> None:
    """Checks what must hold between the tables of a run, and with what was asked for.

    Args:
        experiment: what was asked for.
        tables: each table's rows, which are right by themselves.

    Raises:
        ValueError: it does not.
    """
    trials = {row["trial_id"]: row for row in tables["trials"]}
    _must(len(tables["datasets"]) <= 1, "there is more than one row, at datasets")
    most = max(experiment.iterations, experiment.most_iterations)
    for table, rows in tables.items():
        for number, row in enumerate(rows):
            place = f"{table}[{number}]"
            name = row.get("dataset", experiment.dataset_name)
            _must(name == experiment.dataset_name, f"dataset is another, at {place}")
            strategy = row.get("strategy", experiment.strategies[0])
            _must(strategy in experiment.strategies, f"strategy does not compete, at {place}")
            _must(row.get("iteration", 0) < most, f"no such iteration, at {place}")
            if table in ("finals", "sequences"):
                of = trials.get(row["trial_id"], {"strategy": None, "status": None})
                _must(of["strategy"] == strategy, f"trial_id is none of it, at {place}")
                _must(of["status"] == "completed", f"trial_id did not complete, at {place}")
    for dataset in tables["datasets"]:
        _check_labels(dataset, tables)


def _check_labels(dataset: Row, tables: Mapping[str, Sequence[Row]]) -> None:
    """Checks that every class there is has a name, and every prediction an image."""
    classes = len(parsed(list[str], dataset["class_names"], "class_names"))
    for row in tables["images"]:
        _must(row["label"] < classes, f"no such class, at images, position {row['position']}")
    labels = dataset["test_labels"]
    _must(labels is None or _most(labels) < classes, "no such class among test_labels, at datasets")
    for table in ("finals", "baselines"):
        for number, row in enumerate(tables[table]):
            if (predictions := row["predictions"]) is not None:
                place = f"predictions, at {table}[{number}]"
                _must(labels is not None, f"no test_labels, at datasets, for the {place}")
                _must(len(predictions) == len(labels), f"too many or too few {place}")
                _must(_most(predictions) < classes, f"no such class among the {place}")


def _most(labels: bytes) -> int:
    """Returns the highest of little-endian uint16 numbers."""
    return max(struct.unpack(f"<{len(labels) // 2}H", labels), default=0)


def _must(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ValueError(otherwise)
