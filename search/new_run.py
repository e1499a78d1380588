"""A run directory for what was asked for, once everything else about it is known to be right."""

from __future__ import annotations

import argparse
import dataclasses
import math
from collections.abc import Callable, Sequence

from search.asked import Note, command_line
from search.calibration import plan_by_budget
from search.data.datasets import Dataset
from search.environment import describe_machine
from search.experiment import Experiment
from search.hyperband.oracle import StrategyHyperband
from search.options import automatic, run_path
from search.plan import plan_in_words, planned
from search.search_spaces import search_spaces
from search.store import Store
from search.tuner import make_oracle
from search.warm_start import read_initial
from search.workers.protocol import Workers


def new_run(
    options: argparse.Namespace,
    experiment: Experiment,
    dataset: Dataset,
    arguments: Sequence[str],
    note: Note,
) -> tuple[Store, StrategyHyperband]:
    """Checks everything else that was asked for, and only then makes the run directory.

    Args:
        options: as parsed.
        experiment: what they ask for.
        dataset: the images.
        arguments: as given.
        note: tells the user one thing that matters.

    Returns:
        The run, open for writing; what draws its configurations.
    """
    out = run_path(options, experiment)
    images, pixels = len(dataset.train.y), math.prod(dataset.image_shape[:2])
    held = len(dataset.validation.y)
    free = automatic(options)
    if not experiment.budget:  # which has chosen the plan
        experiment = planned(experiment, free, images, pixels, held)
    spaces = search_spaces(experiment, dataset)
    if options.warm_start:
        initial, notes = read_initial(options.warm_start, experiment, spaces)
        experiment = dataclasses.replace(experiment, initial=initial)
        for each in notes:
            note(each)
    oracle = make_oracle(experiment, dataset, spaces)
    about = describe_machine(command_line(arguments)) | {"automatic": sorted(free)}
    return Store.create(out, experiment, about), oracle


def by_budget(
    options: argparse.Namespace,
    experiment: Experiment,
    dataset: Dataset,
    workers: Callable[[], Workers],
    ends: float,
    note: Note,
) -> Experiment:
    """Returns the plan that fits the budget on this machine.

    Args:
        options: as parsed.
        experiment: what they ask for.
        dataset: the images.
        workers: starts those that train.
        ends: when everything has to end, on the clock of `time.monotonic`.
        note: tells the user one thing that matters.
    """
    free = automatic(options) | (set() if options.train_limit else {"train_limit"})
    minutes = f"{experiment.budget:g} minute{'s' if experiment.budget != 1 else ''}"
    note(f"choosing what fits into {minutes}")
    plan, seconds = plan_by_budget(experiment, free, dataset, workers, ends)
    note(plan_in_words(plan, seconds))
    return plan
