"""How fast this machine trains each strategy, measured before the first trial.

Of each strategy the first configuration is trained for an epoch on some of the images. Nothing
counts of what it comes to; what is compiled for it, its trial finds there.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import time
from collections.abc import Callable, Collection, Mapping, Sequence

from search.baselines import expected_seconds
from search.budget import Data, Measured, NothingFitsError, fitting, images_of_trial
from search.costs import multiply_adds
from search.data.datasets import Dataset, drawn
from search.dispatch import dispatch
from search.experiment import Experiment, ExperimentError
from search.forecast import FORWARD, Outlook, effort, pace_of
from search.hyperband.oracle import StrategyHyperband
from search.hyperband.promotion import TrialKey
from search.plan import instead, planned
from search.rows import TrialRow
from search.tally import tallies
from search.training.spec import TrialResult
from search.trainings import make_spec
from search.tuner import make_oracle
from search.workers.protocol import Job, Workers
from spaces.training.loop import steps_of_epoch
from spaces.values import Values

IMAGES = 1000
"""To train on at most, and a quarter as many to validate on."""

SECONDS = 20
"""After which no other strategy's is begun: those take as long as their efforts say."""

WORTH = 20
"""Trainings that each strategy has at least, where it is measured beforehand: of fewer, the first
trial of each tells as soon."""

SHORTEST = 120
"""Seconds of a plan, below which no shorter one is told."""

REPORT = 6.0
"""Seconds that the report and the designs take, about."""


def outlook(
    experiment: Experiment,
    dataset: Dataset,
    oracle: StrategyHyperband,
    workers: Workers,
    begun: bool,
) -> Outlook:
    """Returns what the time that a run takes follows from.

    Args:
        experiment: what is asked for.
        dataset: the images.
        oracle: which draws the configurations.
        workers: where they are trained.
        begun: whether there are trials that tell the pace, so that none is measured beforehand.
    """
    found: dict[str, Mapping[str, float]] = {}

    def count() -> None:  # while workers train, since it takes seconds
        if not found:
            found["typical"] = typical_efforts(oracle, dataset, experiment.batch_size)

    finals = experiment.iterations * experiment.final_seeds
    few = min(trials for trials, _ in oracle.totals().values()) + finals < WORTH
    known = begun or experiment.budget is not None  # by which the plan was chosen
    calibrated = () if known or few else calibrate(experiment, dataset, oracle, workers, count)
    count()
    learnt, held = len(dataset.train.y), len(dataset.validation.y)
    of_final = experiment.images_of_epoch(learnt + held)
    return Outlook(
        typical=found["typical"],
        calibrated=calibrated,
        longer=of_final / images_of_trial(experiment, learnt, held),
        tested=FORWARD * dataset.test_count / of_final,
        afterwards=afterwards(dataset, learnt + held),
        workers=workers.present,
    )


def plan_by_budget(
    experiment: Experiment,
    automatic: Collection[str],
    dataset: Dataset,
    make_workers: Callable[[], Workers],
    ends: float,
) -> tuple[Experiment, float]:
    """Returns the plan that makes the most of a budget, and the seconds that it should take.

    Args:
        experiment: what is asked for.
        automatic: which of its fields are to be chosen.
        dataset: the images.
        make_workers: starts those that train.
        ends: when everything has to end, on the clock of `time.monotonic`.

    Raises:
        ExperimentError: no plan fits, or no strategy can be trained.
    """
    learnt, validated = len(dataset.train.y), len(dataset.validation.y)
    height, width, _ = dataset.image_shape
    base = planned(experiment, automatic, learnt, height * width, validated)
    if "max_multiply_adds" in automatic:
        base = dataclasses.replace(base, max_multiply_adds=None)
    oracle = make_oracle(base, dataset)
    with make_workers() as workers:
        rows = calibrate(base, dataset, oracle, workers)
        count = workers.present
    ahead = Outlook(typical_efforts(oracle, dataset, base.batch_size), rows, workers=count)
    known = measured(base, dataset, oracle, ahead)
    if known is None:
        raise ExperimentError(
            "no strategy could be trained, so no plan fits a budget: leave out --budget, and the "
            "report says what fails"
        )
    return fitting(experiment, automatic, size_of(dataset), known, ends - time.monotonic())


def larger_plan_by_budget(
    larger: Experiment,
    automatic: Collection[str],
    dataset: Dataset,
    rows: Sequence[TrialRow],
    workers: int,
) -> Experiment:
    """Returns a run's plan with the searches and final seeds that a larger budget affords.

    Where not even the run's own fit, they stay, and the budget gives up what it must.

    Args:
        larger: what is asked for from now on, with the budget for all of it.
        automatic: which of the searches and seeds are to be chosen.
        dataset: the images.
        rows: the run's trials, which tell what trainings take.
        workers: how many there are.
    """
    oracle = make_oracle(larger, dataset)
    typical = typical_efforts(oracle, dataset, larger.batch_size)
    known = measured(larger, dataset, oracle, Outlook(typical, tuple(rows), workers=workers))
    if known is None or larger.budget is None:
        return larger
    free = {*automatic} & {"iterations", "most_iterations", "final_seeds"}
    try:
        seconds = 60 * larger.budget
        plan, _ = fitting(larger, free, size_of(dataset), known, seconds, least=larger)
    except NothingFitsError:
        return larger
    return plan


def by_half_of_it(
    experiment: Experiment,
    automatic: Collection[str],
    dataset: Dataset,
    oracle: StrategyHyperband,
    ahead: Outlook,
    seconds: float,
) -> str | None:
    """Says what a budget of half the time would give up; None where nothing tells, or it is short.

    Args:
        experiment: the plan.
        automatic: which of its fields were chosen.
        dataset: the images.
        oracle: which draws the configurations.
        ahead: with what was calibrated.
        seconds: that the plan is expected to take.
    """
    if seconds < 2 * SHORTEST:
        return None
    known = measured(experiment, dataset, oracle, ahead)
    if known is None:
        return None
    budget = round(seconds / 120)
    asked = dataclasses.replace(experiment, budget=budget)
    free = {*automatic} | ({"train_limit"} if experiment.train_limit is None else set())
    try:
        plan, _ = fitting(asked, free, size_of(dataset), known, 60.0 * budget - SECONDS)
    except NothingFitsError:  # its sentence is about a budget that was given
        return f"half of that is too short for {len(experiment.strategies)} strategies"
    less = instead(plan, of=experiment)
    return f"half of that, --budget {budget}, would be: {less}" if less else None


def size_of(dataset: Dataset) -> Data:
    """Returns how much there is to learn from."""
    height, width, _ = dataset.image_shape
    return Data(
        learnt=len(dataset.train.y),
        validated=len(dataset.validation.y),
        tested=dataset.test_count,
        pixels=height * width,
        classes=len(dataset.class_names),
        own_validation=dataset.own_validation,
    )


def measured(
    experiment: Experiment, dataset: Dataset, oracle: StrategyHyperband, ahead: Outlook
) -> Measured | None:
    """Returns what trainings take, so that a plan can be chosen by it; None where nothing tells."""
    typical = ahead.typical
    pace = pace_of(tallies(ahead.calibrated), typical, experiment.batch_size)
    if pace is None:
        return None
    an_epoch = images_of_trial(experiment, len(dataset.train.y), len(dataset.validation.y))
    return Measured(
        setup={arm: pace.setup_of(arm) for arm in oracle.arms},
        unit={arm: pace.epoch_of(arm) / (typical[arm] * an_epoch) for arm in oracle.arms},
        multiply_adds={
            arm: [multiply_adds(dataset, arm, values) for values in first_search(oracle, arm)]
            for arm in oracle.arms
        },
        workers=ahead.workers,
        afterwards=functools.partial(afterwards, dataset),
    )


def afterwards(dataset: Dataset, learnt: int) -> float:
    """Returns the seconds from the last final to the end, with so many images to learn from."""
    height, width, channels = dataset.image_shape
    numbers, classes = height * width * channels, len(dataset.class_names)
    return expected_seconds(learnt, dataset.test_count, numbers, classes) + REPORT


def first_search(oracle: StrategyHyperband, arm: str) -> list[Values]:
    """Returns the configurations that an arm draws in its first search."""
    return [values for place, values in oracle.configurations(arm).items() if place[0] == 0]


def calibrate(
    experiment: Experiment,
    dataset: Dataset,
    oracle: StrategyHyperband,
    workers: Workers,
    meanwhile: Callable[[], None] = lambda: None,
) -> tuple[TrialRow, ...]:
    """Returns what a first epoch takes of each strategy, on these workers, all of them at work.

    Args:
        experiment: what is asked for.
        dataset: the images.
        oracle: which draws the configurations.
        workers: where they are trained.
        meanwhile: called when every worker has something to train.

    Returns:
        A row a strategy, of the trial that its first configuration will have: an epoch of it, in
        the seconds that it would take on all images of an epoch. Those that failed, or for which
        there was no time, are left out.
    """
    train = drawn(dataset.train, IMAGES, seed=0)
    workers.open({"train": train, "validation": drawn(dataset.validation, IMAGES // 4, seed=0)})
    waiting = {f"calibration of {arm}": first_trial(oracle, dataset, arm) for arm in oracle.arms}
    rows, under_way = [], dict[str, tuple[TrialRow, float]]()
    until = time.monotonic() + SECONDS
    steps = [
        steps_of_epoch(len(images.y), experiment.batch_size, experiment.steps_per_epoch)
        for images in (dataset.train, train)
    ]

    def next_job(idle: Sequence[str]) -> tuple[Job, str]:
        name = next(iter(waiting))
        row = waiting.pop(name)
        under_way[name] = row, time.monotonic()
        spec = dataclasses.replace(
            make_spec(experiment, dataset, row), trial_id=name, last_epoch=1, keep=False, split=None
        )
        return Job(spec), idle[0]

    def on_result(result: TrialResult) -> None:
        if result.columns["status"] == "completed":
            row, began = under_way[result.trial_id]
            took = sum(epoch["seconds"] for epoch in result.epochs)
            measured = {
                **result.columns,
                "train_seconds": took * steps[0] / steps[1],
                "setup_seconds": time.monotonic() - began - took,
                "worker": result.worker,
            }
            rows.append(dataclasses.replace(row, **measured))

    dispatch(
        workers,
        lambda: bool(waiting) and time.monotonic() < until,
        next_job,
        on_result,
        lambda trial_id, epoch: None,
        meanwhile,
    )
    return tuple(rows)


def first_trial(oracle: StrategyHyperband, dataset: Dataset, arm: str) -> TrialRow:
    """Returns the row of an arm's first trial, as if it had one epoch."""
    place, values = next(iter(oracle.configurations(arm).items()))
    iteration, bracket, slot = place
    key = TrialKey(arm, iteration, bracket, 0, slot)
    return TrialRow(
        trial_id=key.trial_id,
        dataset=dataset.name,
        strategy=arm,
        iteration=iteration,
        bracket=bracket,
        rung=0,
        slot=slot,
        seed=oracle.trial_seed(key),
        hyperparameters=json.dumps(values),
        first_epoch=0,
        last_epoch=1,
        status="running",
    )


def typical_efforts(
    oracle: StrategyHyperband, dataset: Dataset, batch_size: int
) -> Mapping[str, float]:
    """Returns the mean effort of the configurations that each strategy draws in its first search.

    Args:
        oracle: which draws them.
        dataset: the images.
        batch_size: images a step.
    """
    typical = {}
    for arm in oracle.arms:
        efforts = [
            effort(multiply_adds(dataset, arm, values), batch_size)
            for values in first_search(oracle, arm)
        ]
        typical[arm] = sum(efforts) / len(efforts)
    return typical
