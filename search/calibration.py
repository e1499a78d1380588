"""How fast this machine trains each strategy, measured before the first trial.

Of each strategy the first configuration is trained for an epoch on some of the images. Nothing
counts of what it comes to; what is compiled for it, its trial finds there.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Mapping, Sequence

from search.baselines import expected_seconds
from search.costs import multiply_adds
from search.data.datasets import Dataset, drawn
from search.data.splits import MOST_VALIDATED
from search.dispatch import dispatch
from search.experiment import Experiment
from search.forecast import Outlook, effort
from search.hyperband.oracle import StrategyHyperband
from search.hyperband.promotion import TrialKey
from search.rows import TrialRow
from search.training.spec import TrialResult
from search.trainings import make_spec
from search.workers.protocol import Job, Workers
from spaces.training.loop import steps_of_epoch

IMAGES = 1000
"""To train on at most, and a quarter as many to validate on."""

FORWARD = 1 / 3
"""What an image costs that is only classified, as a share of one that is learnt from."""

SECONDS = 20
"""After which no other strategy's is begun: those take as long as their efforts say."""

WORTH = 20
"""Trainings that each strategy has at least, where it is measured beforehand: of fewer, the first
trial of each tells as soon."""

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
    calibrated = () if begun or few else calibrate(experiment, dataset, oracle, workers, count)
    count()
    learnt, held = len(dataset.train.y), len(dataset.validation.y)
    final, trial = map(experiment.images_of_epoch, (learnt + held, learnt))
    height, width, channels = dataset.image_shape
    baselines = expected_seconds(
        learnt + held, dataset.test_count, height * width * channels, len(dataset.class_names)
    )
    return Outlook(
        typical=found["typical"],
        calibrated=calibrated,
        longer=final / (trial + min(held, MOST_VALIDATED) * FORWARD),
        afterwards=baselines + REPORT,
        workers=workers.present,
    )


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
    rows, under_way = [], dict[str, TrialRow]()
    until = time.monotonic() + SECONDS
    steps = [
        steps_of_epoch(len(images.y), experiment.batch_size, experiment.steps_per_epoch)
        for images in (dataset.train, train)
    ]

    def next_job(idle: Sequence[str]) -> tuple[Job, str]:
        name = next(iter(waiting))
        row = under_way[name] = waiting.pop(name)
        spec = dataclasses.replace(
            make_spec(experiment, dataset, row), trial_id=name, last_epoch=1, keep=False, split=None
        )
        return Job(spec), idle[0]

    def on_result(result: TrialResult) -> None:
        if result.columns["status"] == "completed":
            took = sum(epoch["seconds"] for epoch in result.epochs)
            measured = {
                **result.columns,
                "train_seconds": took * steps[0] / steps[1],
                "setup_seconds": result.setup_seconds,
                "worker": result.worker,
            }
            rows.append(dataclasses.replace(under_way[result.trial_id], **measured))

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
        first = [values for place, values in oracle.configurations(arm).items() if place[0] == 0]
        typical[arm] = sum(
            effort(multiply_adds(dataset, arm, values), batch_size) for values in first
        ) / len(first)
    return typical
