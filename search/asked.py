"""What is asked for, as far as it can be checked before anything slow is imported; runs opened."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path

from search.environment import check_backend
from search.experiment import Experiment, ExperimentError
from search.options import (
    automatic,
    check_strategies,
    experiment_of,
    larger_experiment,
    others,
    resumable,
    run_path,
    strategy_names,
)
from search.store import Store

Note = Callable[[str], None]


def check_asked(options: argparse.Namespace, note: Note) -> Experiment:
    """Returns what is asked for; refuses what can be known before anything slow is imported."""
    # With NumPy, which takes a tenth of a second that `--status` and `--help` do not need.
    from search.data.builtin import NAMES
    from search.data.locate import check_there
    from search.plan import check_plan

    if options.dataset not in NAMES:
        check_there(options.dataset)
    if options.time_limit:
        note("--time-limit is --budget now: it holds for search, finals and report together")
        options.budget = options.budget or options.time_limit
    experiment = experiment_of(options, strategy_names(), NAMES)
    check_plan(experiment, automatic(options))
    run_path(options, experiment)
    for path in options.warm_start or ():
        if not Path(path).exists():
            raise ExperimentError(f"there is no {path}: check what --warm-start names")
    return experiment


def check_run(path: str) -> None:
    """Refuses a run that cannot go on as it began, before anything slow is imported."""
    check_backend(Store(path).about)


def old_run(path: str, arguments: Sequence[str]) -> Store:
    """Opens a run that was stopped; all that was asked for is in it."""
    if unfit := others(arguments, resumable()):
        raise ExperimentError(
            f"--resume takes what was asked for from the run: leave out {' '.join(unfit)}"
        )
    store = Store.resume(path)
    check_strategies([store.experiment.strategies], strategy_names())
    return store


def larger_run(options: argparse.Namespace, arguments: Sequence[str]) -> tuple[Experiment, Store]:
    """Returns what is asked for of a run from now on, written nowhere yet, and opens the run."""
    store = Store.resume(options.extend)
    return larger_experiment(options, arguments, store.experiment, strategy_names()), store


def command_line(arguments: Sequence[str]) -> str:
    """The command that was given, for the run to keep."""
    return shlex.join(["python", "run_search.py", *arguments])
