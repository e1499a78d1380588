"""Searches without a terminal: one after another, each gone on with where it was stopped."""

from __future__ import annotations

import multiprocessing
import shlex
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from search.environment import start_backend
from search.experiment import Experiment

SEARCHES_A_PROCESS = 4
"""TensorFlow starts in seconds, and a process grows by some megabytes with every trial."""


def complete(path: Path, experiment: Experiment, command: str) -> None:
    """Searches and runs the finals in this process, as `run_search.py --workers 1` does.

    Args:
        path: the run directory; where there is one, its search goes on.
        experiment: what is asked for, if there is none yet; with no final seeds there are no
            finals.
        command: what the run says of how it was made.
    """
    start_backend()
    # After the backend's threads are limited.
    from run_search import record_dataset
    from search.data.datasets import load_dataset
    from search.environment import describe_machine
    from search.finals import run_finals
    from search.store import Store
    from search.terminal.display import Display
    from search.terminal.progress import Progress
    from search.tuner import SequenceTuner, make_oracle
    from search.workers.in_process import InProcess

    store = (
        Store.resume(path)
        if path.exists()
        else Store.create(path, experiment, describe_machine(command))
    )
    with store, InProcess() as workers:
        dataset = load_dataset(store.experiment)
        record_dataset(store, dataset)
        display = Display(Progress(store.experiment, {}))
        if not store.finals_begun:
            oracle = make_oracle(store.experiment, dataset)
            SequenceTuner(oracle, store, dataset, workers, display).search()
        if store.experiment.final_seeds:
            run_finals(store, dataset, workers, display)


def complete_all(searches: Iterable[tuple[Path, Experiment]]) -> Iterator[Path]:
    """Completes searches, one at a time in processes of their own, and yields each one's run."""
    command = shlex.join(["python", *sys.orig_argv[1:]])
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        1, mp_context=context, max_tasks_per_child=SEARCHES_A_PROCESS
    ) as processes:
        for path, experiment in searches:
            processes.submit(complete, path, experiment, command).result()
            yield path
