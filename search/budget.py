"""Which plan fits into a budget of time. Values alone.

Of all plans that are expected to fit, the one is taken that is expected to give up least. What a
plan gives up is judged in points of accuracy, by what was measured (docs/results.md):

- finals shorter than a full training: 36 epochs instead of 18 were worth 0.5 to 2 points, instead
  of 9 two to four (1,000 images of Fashion-MNIST);
- fewer images: each halving costs one to two points (Fashion-MNIST: some 80 % of 1,000 images, 86
  to 90 of 10,000);
- fewer searches: half the width of the interval for a difference, where searches differ by half a
  point; one alone gives no verdict, which is what a run is for;
- fewer configurations: what a search of one bracket finds is behind the best of 24 to 40 by 0.9
  points with nine, 0.5 with sixteen and 0.3 with 27 on digits, by 2.4, 1.5 and 1.4 on a thousand
  images of Fashion-MNIST (`benchmarks.curves`, six and seven strategies); one that is drawn at
  random is no search (Fashion-MNIST, 55,000 images, three searches of one configuration each: 74
  to 82 % for `line_cnn`, 55 to 78 for `conv_sweeps`);
- shorter trials: a tenth of a point for each third, on the same curves;
- smaller models: the largest are not chosen often.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import scipy.stats

from search.data.splits import HELD_OUT, MOST_VALIDATED
from search.epochs import A_PIXEL, MULTIPLY_ADDS
from search.experiment import Experiment, ExperimentError
from search.forecast import FORWARD, LARGER, effort
from search.hyperband import brackets
from search.plan import FINAL_SEEDS, bracket_arguments, planned

MARGIN = 0.85
"""Of the budget a plan is chosen for: what it takes is not known to a tenth, and a plan that is cut
short has searched in vain."""

PASSES = 9
"""A full training takes each image so often, at least, or makes some 1,500 steps."""

SEARCHES = ((5, 10), (5, 5), (4, 4), (3, 6), (3, 3), (2, 2), (1, 1))
"""Of each strategy: so many, and at most so many while it may be the best; the most first."""

CONFIGURATIONS = (27, 18, 12, 9, 6, 3)
"""Of each search, the most first."""

LATER = 0.7
"""The share of the strategies that are searched further after a look, about."""

SPREAD = 0.5
"""Points by which the searches of a strategy differ, about: their standard deviation."""

FEWEST_IMAGES = 300
FEWEST_OF_A_CLASS = 20


class NothingFitsError(ExperimentError):
    """A budget is too short for any plan."""


@dataclasses.dataclass(frozen=True)
class Data:
    """How many images there are, and how large they are."""

    learnt: int
    validated: int
    tested: int
    pixels: int
    classes: int
    own_validation: bool


@dataclasses.dataclass(frozen=True)
class Measured:
    """What trainings take on these workers.

    Attributes:
        setup: strategy to the seconds of a set-up.
        unit: strategy to the seconds that an image takes, for each of effort.
        multiply_adds: strategy to those of configurations that it draws.
        workers: how many train at a time.
        afterwards: how many images are learnt from to the seconds from the last final to the end.
    """

    setup: Mapping[str, float]
    unit: Mapping[str, float]
    multiply_adds: Mapping[str, Sequence[int]]
    workers: int
    afterwards: Callable[[int], float]

    _known: dict[tuple[int, int | None], float] = dataclasses.field(default_factory=dict)

    def image(self, batch_size: int, most: int | None) -> float:
        """The seconds that an image takes, of all strategies together.

        Args:
            batch_size: images a step.
            most: multiply-adds of the models that are drawn, at most.
        """
        if (batch_size, most) not in self._known:
            self._known[batch_size, most] = sum(
                unit * self._typical(name, batch_size, most) for name, unit in self.unit.items()
            )
        return self._known[batch_size, most]

    def _typical(self, strategy: str, batch_size: int, most: int | None) -> float:
        known = self.multiply_adds[strategy]
        small = [each for each in known if most is None or each <= most] or [min(known)]
        return effort(round(sum(small) / len(small)), batch_size)


def seconds_of(experiment: Experiment, data: Data, measured: Measured) -> float:
    """Returns how long a plan is expected to take, finals and report included.

    Args:
        experiment: a whole plan.
        data: what it is to be done on, of which `train_limit` may leave a part.
        measured: how fast this machine is.
    """
    learnt, validated = images_of(experiment, data)
    _, trials, epochs = work_of(experiment)
    of_trial = images_of_trial(experiment, learnt, validated)
    of_final = experiment.images_of_epoch(learnt + validated)
    setup = sum(measured.setup.values())
    image = measured.image(experiment.batch_size, experiment.max_multiply_adds)
    search = trials * setup + epochs * of_trial * image
    images = experiment.epochs_of_finals * of_final + FORWARD * data.tested
    final = setup + images * image * LARGER
    seconds = search + experiment.final_seeds * final
    searches = rounds_of(experiment) * seconds / measured.workers
    return searches + measured.afterwards(learnt + validated)


def work_of(experiment: Experiment) -> tuple[int, int, int]:
    """Returns how many configurations a search tries, and how many trials and epochs it has.

    >>> work_of(Experiment("digits", ("lines",), max_epochs=9, configurations=9))
    (9, 13, 21)
    """
    return _work(*bracket_arguments(experiment))


@functools.cache  # a hundred thousand plans are weighed
def _work(*asked: Any) -> tuple[int, int, int]:
    rungs = brackets.plan(*asked)
    drawn = {(0, bracket): each[0].size for bracket, each in rungs.items()}
    return sum(drawn.values()), *brackets.totals(rungs, drawn)


def images_of_trial(experiment: Experiment, learnt: int, validated: int) -> float:
    """Returns how many images a trial's epoch takes as long as, if all were learnt from.

    >>> images_of_trial(Experiment("digits", ("lines",)), learnt=1000, validated=300)
    1100.0
    """
    return experiment.images_of_epoch(learnt) + min(validated, MOST_VALIDATED) * FORWARD


def images_of(experiment: Experiment, data: Data) -> tuple[int, int]:
    """Returns how many images a plan trains on, and validates on in the search."""
    whole = data.learnt + data.validated
    kept = min(whole, experiment.train_limit or whole)
    if kept == whole:
        return data.learnt, min(data.validated, MOST_VALIDATED)
    share = data.validated / whole if data.own_validation else HELD_OUT
    validated = round(kept * share)
    return kept - validated, min(validated, MOST_VALIDATED)


def given_up(experiment: Experiment, data: Data) -> float:
    """Returns what a plan gives up, in points of accuracy, about."""
    learnt, validated = images_of(experiment, data)
    halvings = math.log2((data.learnt + data.validated) / (learnt + validated))
    cut = math.log(max(1.0, experiment.full_training(learnt) / experiment.max_epochs), 3)
    seen = experiment.epochs_of_finals * experiment.images_of_epoch(learnt + validated)
    full = max(
        experiment.full_training(learnt + validated)
        * experiment.images_of_epoch(learnt + validated),
        PASSES * (learnt + validated) if experiment.steps_per_epoch else 0,
    )
    shortened = max(0.0, math.log2(full / seen))
    tried, _, _ = work_of(experiment)
    most = experiment.max_multiply_adds
    limit = dearest_of(data)
    smaller = 0.0 if most is None else 0.3 + 0.5 * max(0.0, math.log2(limit / most))
    searches = max(experiment.iterations, experiment.most_iterations)
    return (
        1.5 * halvings
        + 2.0 * shortened
        + 0.1 * cut
        + max(0.0, missed(tried) - missed(CONFIGURATIONS[0]))
        + max(0.0, uncertain(searches) - uncertain(SEARCHES[0][1]))
        + (0.2 if experiment.final_seeds < FINAL_SEEDS else 0.0)
        + smaller
    )


def missed(configurations: int) -> float:
    """Returns how far the best of so many is behind the best there is, in points, about.

    >>> [round(missed(number), 1) for number in (1, 9, 27)]
    [10.0, 1.9, 0.8]
    """
    return 10 * configurations**-0.75


@functools.cache
def uncertain(searches: int) -> float:
    """Returns half the width of the interval for the difference of two strategies, in points.

    >>> [round(uncertain(number), 1) for number in (1, 2, 3, 5, 10)]
    [12.0, 6.4, 1.8, 0.9, 0.5]
    """
    if searches == 1:
        return 12.0
    quantile = float(scipy.stats.t.ppf(0.975, searches - 1))
    return SPREAD * math.sqrt(2) * quantile / math.sqrt(searches)


def rounds_of(experiment: Experiment) -> float:
    """Returns how many searches a strategy has, mean over strategies, as far as can be expected.

    >>> rounds_of(Experiment("digits", ("lines",), iterations=5, most_iterations=10))
    8.5
    """
    first = experiment.iterations
    return first + LATER * max(0, experiment.most_iterations - first)


def dearest_of(data: Data) -> int:
    """Returns the multiply-adds of a model that only large budgets afford."""
    return max(MULTIPLY_ADDS, A_PIXEL * data.pixels)


def candidates(
    experiment: Experiment, automatic: Collection[str], data: Data
) -> Iterator[Experiment]:
    """Yields the plans that are weighed; what was given stays as it is in each.

    Args:
        experiment: what was asked for.
        automatic: which of its fields are to be chosen.
        data: what it is to be done on.
    """

    def open_(name: str, *values: Any) -> list[dict[str, Any]]:
        return [{name: value} for value in values] if name in automatic else [{}]

    whole = data.learnt + data.validated
    limits: list[int | None] = [None]
    while (limits[-1] or whole) / 2 >= max(FEWEST_IMAGES, FEWEST_OF_A_CLASS * data.classes):
        limits.append((limits[-1] or whole) // 2)
    largest = dearest_of(data)
    for limit in open_("train_limit", *limits):
        part = dataclasses.replace(experiment, **limit)
        learnt, validated = images_of(part, data)
        base = planned(part, automatic, learnt, data.pixels, validated)
        full = base.full_training(learnt)
        passes = math.ceil(PASSES * (learnt + validated) / base.images_of_epoch(learnt + validated))
        longest = max(full, passes)
        lengths = dict.fromkeys(max(1, round(longest / by)) for by in (1, 1.5, 2, 3, 4, 6, 9, 14))
        trials = dict.fromkeys(
            (most, max(1, most // by))
            for most, by in ((full, 27), (full // 3, 9), (full // 9, 3), (3, 3))
            if most >= 1
        )
        trials_open = {"max_epochs", "min_epochs"} <= {*automatic}
        chosen_trials = (
            [{"max_epochs": most, "min_epochs": least} for most, least in trials]
            if trials_open
            else [{}]
        )
        searches = (
            [{"iterations": first, "most_iterations": most} for first, most in SEARCHES]
            if {"iterations", "most_iterations"} <= {*automatic}
            else [{}]
        )
        for parts in itertools.product(
            open_("final_epochs", *lengths),
            chosen_trials,
            searches,
            open_("configurations", *CONFIGURATIONS),
            open_("final_seeds", FINAL_SEEDS, 1),
            open_("max_multiply_adds", None, largest, largest // 4, largest // 16),
        ):
            changes: dict[str, Any] = {}
            for each in parts:
                changes |= each
            yield dataclasses.replace(base, **changes)


def contains(plan: Experiment, smaller: Experiment) -> bool:
    """Returns whether a plan has as many searches and final seeds as another, at least."""
    return all(
        getattr(plan, name) >= getattr(smaller, name)
        for name in ("iterations", "most_iterations", "final_seeds")
    )


def fitting(
    experiment: Experiment,
    automatic: Collection[str],
    data: Data,
    measured: Measured,
    seconds: float,
    least: Experiment | None = None,
) -> tuple[Experiment, float]:
    """Returns the plan that gives up least of those that fit, and how long it is expected to take.

    Of plans that give up as much, the shorter.

    Args:
        experiment: what was asked for.
        automatic: which of its fields are to be chosen.
        data: what it is to be done on.
        measured: how fast this machine is.
        seconds: that are left of the budget.
        least: a plan of which none is to have fewer searches or final seeds.

    Raises:
        NothingFitsError: not even the shortest does.
    """
    weighed = [
        (given_up(plan, data), seconds_of(plan, data, measured), plan)
        for plan in candidates(experiment, {*automatic}, data)
        if least is None or contains(plan, least)
    ]
    fit = [each for each in weighed if each[1] <= MARGIN * seconds]
    if not fit:
        _, shortest, plan = min(weighed, key=lambda each: each[1])
        if shortest > seconds:
            raise NothingFitsError(
                f"--budget {experiment.budget:g} is too short: the shortest search of "
                f"{len(experiment.strategies)} strategies takes some "
                f"{math.ceil(shortest / 60 * 1.2)} minutes here: give more, or fewer --strategies"
            )
        return plan, shortest
    _, took, plan = min(fit, key=lambda each: each[:2])
    return plan, took
