"""What was asked for: one frozen value, saved with the run and read back on resume."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

from search import looks
from search.epochs import full_training
from search.fields import option
from search.metric import METRICS, Metric
from search.validation import (
    Count,
    Factor,
    Number,
    Positive,
    Scalar,
    Side,
    Text,
    Texts,
    checked,
)


class ExperimentError(Exception):
    """An experiment that cannot work: its message is the one line that the user reads.

    A trial that cannot work is no such error: it becomes a row with status `failed`.
    """


@dataclasses.dataclass(frozen=True)
class InitialConfiguration:
    """A configuration that a search starts from (a warm start), beside those that it draws.

    Attributes:
        strategy: the arm in which it starts.
        values: of every hyperparameter, as this experiment allows them.
        origin: the design or the run that it comes from.
        translated: hyperparameter to the value that it had there, where that is not allowed here.
    """

    strategy: Text
    values: dict[str, Scalar]
    origin: str
    translated: dict[str, Scalar] = dataclasses.field(default_factory=dict)


MetricName = Literal["accuracy", "balanced_accuracy", "f1_macro", "roc_auc_ovr", "neg_log_loss"]
ClassWeight = Literal["none", "balanced"]

OLDER = {"seeds": "initial", "time_limit": "budget"}
"""What fields were called in runs made before."""


@dataclasses.dataclass(frozen=True)
class Experiment:
    """One search, from its data to its finals.

    Attributes:
        dataset: a known name, the path of an `.npz`, or a folder of class folders.
        strategies: the names of the strategies that compete, in the order they take turns.
        data_dir: where `<name>.npz` is looked for before Keras's own loaders.
        image_size: (height, width) in pixels to which a folder's images are resized.
        skip_broken: whether images of a folder that cannot be read are left out.
        train_limit: how many images training and validation share; None for all of them.
        mirror: whether a mirror image keeps its class; None leaves it to the data set.
        max_epochs: epochs of the longest trials.
        min_epochs: epochs of the shortest trials, at least.
        factor: Hyperband's reduction factor between rungs.
        configurations: how many a search starts with, in one bracket, the longest of
            Hyperband's; or `hyperband`, for all of its brackets.
        iterations: how many searches each arm has, independent of each other: of its own
            configurations, split and finalist.
        most_iterations: how many an arm has at most while it may be the best; fewer than
            `iterations` are as many.
        seed: everything random follows from it.
        final_seeds: how many times the best configuration of each arm's iteration is retrained
            for the finals.
        final_epochs: epochs of the finals; None for as many as the longest trials have.
        batch_size: images a step.
        steps_per_epoch: steps of an epoch that is a part of a pass over the images; None for a
            whole pass.
        metric: the name of what is searched and judged by.
        class_weight: how much an image counts in the loss: `none` for all alike, `balanced` for the
            classes alike.
        max_multiply_adds: of the models that are drawn, for one image; None for any number.
        budget: minutes for search, finals and report, by which the plan was chosen; None for any.
        initial: configurations, each arm's in the order in which they take the first slots of its
            longest bracket; whole, so that a resume needs none of the files they come from.
    """

    dataset: Text
    strategies: Texts
    data_dir: Text | None = option("text", "look for DIR/<dataset>.npz first", metavar="DIR")
    image_size: tuple[Side, Side] | None = option("size", "resize a folder's images", metavar="HxW")
    skip_broken: bool = option("flag", "leave out images of a folder that cannot be read", False)
    train_limit: Count | None = option(
        "count", "use N of the training images, stratified", metavar="N"
    )
    mirror: bool | None = option(
        "yes_or_no", "whether a mirror image keeps its class, so that flips may be tried"
    )
    max_epochs: Count = option(
        "count_or_auto",
        "epochs of the longest trials; auto: some 1,500 steps, 9 to 81 epochs, fewer where they "
        "would take too long",
        9,
        metavar="N|auto",
        auto=True,
    )
    min_epochs: Count = option(
        "count_or_auto",
        "epochs of the shortest trials; auto: the most, divided by the factor three times, or once "
        "where trainings are costly",
        1,
        metavar="N|auto",
        auto=True,
    )
    factor: Factor = option("count", "Hyperband's reduction factor", 3, metavar="N")
    configurations: Count | Literal["hyperband"] = option(
        "configurations",
        "how many each search starts with, of which the best go on; auto: 27, or 9 where trainings "
        "are costly; hyperband: those of all its brackets",
        "hyperband",
        metavar="N|hyperband|auto",
        auto=True,
    )
    iterations: Count = option(
        "count_or_auto",
        "independent searches of each strategy: a verdict on strategies needs several; auto: 5, or "
        "3 where trainings are costly",
        1,
        metavar="N|auto",
        auto=True,
    )
    most_iterations: Count = option(
        "count_or_auto",
        "searches of a strategy that may be the best, while others may be, too; auto: twice "
        "--iterations, or no more where that is one or trainings are costly",
        1,
        metavar="N|auto",
        auto=True,
    )
    seed: Number = option("count", "everything random follows from it", 0, metavar="N")
    final_seeds: Number = option(
        "count_or_auto",
        "how often each finalist is retrained; auto: 2, or 1 where trainings are costly, or 3 "
        "where there are fewer than three searches",
        3,
        metavar="N|auto",
        auto=True,
    )
    final_epochs: Count | None = option(
        "count_or_auto",
        "epochs of the finals; auto: as the longest trials, or more where those were cut short",
        metavar="N|auto",
        auto=True,
    )
    batch_size: Count = option(
        "count_or_auto",
        "images a step; auto: 64, or 32 or 16 where steps would be few",
        64,
        metavar="N|auto",
        auto=True,
    )
    steps_per_epoch: Count | None = option(
        "count_or_auto",
        "steps of an epoch, which then is a part of a pass over the images; auto: a whole pass, or "
        "250 where that has many more",
        metavar="N|auto",
        auto=True,
    )
    metric: MetricName = option(
        "text", "what is searched and judged by", "accuracy", choices=get_args(MetricName)
    )
    class_weight: ClassWeight = option(
        "text",
        "how much an image counts in the loss: none for all alike, balanced for the classes alike",
        "none",
        choices=get_args(ClassWeight),
    )
    max_multiply_adds: Count | None = option(
        "count_or_auto",
        "draw no model that takes more for one image; auto: any number, or 36 million where "
        "trainings are cut short (more for large images)",
        metavar="N|auto",
        auto=True,
    )
    budget: Positive | None = option(
        "minutes",
        "for everything, report included: the plan is chosen to fit, and what time does not "
        "allow is given up",
        metavar="MINUTES",
    )
    initial: tuple[InitialConfiguration, ...] = ()

    @property
    def objective(self) -> Metric:
        """What is searched and judged by."""
        return METRICS[self.metric]

    @property
    def dataset_name(self) -> str:
        """The data set's name in every table: a path's last part without its ending.

        A path may hold bytes that are no text: they become escapes, which SQLite can keep.
        """
        name = Path(self.dataset).stem or "images"
        return name.encode(errors="backslashreplace").decode()

    @property
    def initial_values(self) -> dict[str, list[dict[str, Any]]]:
        """Strategy to the configurations that it starts with, in the order of their slots."""
        values: dict[str, list[dict[str, Any]]] = {}
        for each in self.initial:
            values.setdefault(each.strategy, []).append(each.values)
        return values

    def initial_of(self, strategy: str, values: Mapping[str, Any]) -> InitialConfiguration | None:
        """Returns which of `initial` a trial's configuration is; None where it was drawn.

        No configuration stands twice in an arm, so its values tell.
        """
        for each in self.initial:
            if each.strategy == strategy and each.values == values:
                return each
        return None

    def images_of_epoch(self, images: int) -> int:
        """How many of so many images an epoch takes.

        >>> Experiment("digits", ("lines",), steps_per_epoch=10).images_of_epoch(1000)
        640
        """
        part = self.steps_per_epoch and self.steps_per_epoch * self.batch_size
        return min(images, part or images)

    def full_training(self, images: int) -> int:
        """How many epochs a full training on so many images has."""
        return full_training(self.images_of_epoch(images), self.batch_size)

    @property
    def epochs_of_finals(self) -> int:
        """How long a finalist is trained.

        >>> Experiment("digits", ("lines",), max_epochs=9).epochs_of_finals
        9
        """
        return self.final_epochs or self.max_epochs

    @property
    def in_one_bracket(self) -> int | None:
        """How many configurations each search's only bracket starts; None where it has several."""
        return None if self.configurations == "hyperband" else self.configurations

    @property
    def level(self) -> float:
        """At which level each look at who leads decides, for 5 % in all."""
        return looks.level(self.iterations, self.most_iterations)

    def final_seeds_of(self, iteration: int) -> list[int]:
        """The seeds on which an iteration's finalists are trained; no two iterations share one.

        >>> Experiment("digits", ("lines",), seed=7, final_seeds=2).final_seeds_of(1)
        [9, 10]
        """
        first = self.seed + iteration * self.final_seeds
        return [*range(first, first + self.final_seeds)]

    def final_number(self, seed: int) -> int:
        """Which of a strategy's finals this is, over all iterations; 1 is the first."""
        return seed - self.seed + 1

    def changes(self, begun: Experiment) -> dict[str, tuple[Any, Any]]:
        """Returns the fields of which answers follow that differ: (then, now).

        Images may be moved, since they are known by their content, and a budget may be another:
        the plan was chosen by it, and it changes nothing that is in it.

        >>> Experiment("a", ("lines",), seed=1).changes(Experiment("b/a", ("lines",)))
        {'seed': (0, 1)}
        """
        pairs = {
            field.name: (getattr(begun, field.name), getattr(self, field.name))
            for field in dataclasses.fields(self)
            if field.name not in ("dataset", "data_dir", "budget")
        }
        return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}

    def to_json(self) -> dict[str, Any]:
        """Returns the fields as JSON types."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Experiment:
        """Makes an experiment from what `to_json` gave.

        Raises:
            ExperimentError: a later version has asked for more.
            ValueError: a field is missing, of another type or out of range.
        """
        known = {OLDER.get(name, name): fields[name] for name in fields}
        names = {field.name for field in dataclasses.fields(cls)}
        if later := [name for name in known if name not in names]:
            raise ExperimentError(
                f"this version does not know {later[0]!r}, which experiment.json asks for: use the "
                "version of Scanline that made it"
            )
        found = checked(cls, known, "experiment")
        for place, name in enumerate(found.strategies):
            if name in found.strategies[:place]:
                raise ValueError(f"{name} a second time, at experiment.strategies[{place}]")
        return found


def derive_seed(*parts: object) -> int:
    """Returns a seed in [0, 2**31) that follows from the parts alone.

    A hash rather than a generator's next number: whoever asks, in whatever order, gets the same.
    """
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") >> 1
