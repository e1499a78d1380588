"""The finals: the best of each arm's iterations, trained on several seeds, tested once.

This is the only place that opens the test split.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from search.baselines import run_baselines
from search.contenders import contenders
from search.data.datasets import Dataset, Images
from search.dispatch import dispatch
from search.execution import Execution
from search.experiment import Experiment
from search.ranking import cut_short, finalists, finalists_of_iterations
from search.report_images import record_mistakes, record_sequences
from search.rows import FinalRow, TrialRow
from search.store import Store
from search.terminal.display import Display
from search.training.spec import TrialResult, TrialSpec
from search.trainings import Trainings, final_id, make_spec
from search.workers.protocol import Job, Workers

Finalist = tuple[str, int]  # whose it is: the strategy, and the iteration


def run_finals(
    store: Store,
    dataset: Dataset,
    workers: Workers,
    display: Display,
    execution: Execution | None = None,
    meanwhile: Callable[[], None] = lambda: None,
    until: float = math.inf,
) -> None:
    """Trains and tests every finalist on every final seed, but for those that the run holds.

    Where a budget leaves no time for all, those in front come first, and the others are given up:
    that is recorded, so that nobody waits for them.

    Args:
        store: the run directory, open for writing.
        dataset: the images, whose test split is opened here.
        workers: where the finalists are trained.
        display: what the user sees.
        execution: the limits of a training, as in the search.
        meanwhile: called when every worker that can be given a finalist has one.
        until: when they have to end, on the clock of `time.monotonic`.

    Raises:
        ExperimentError: the test split does not fit the training images, or a worker cannot do
            this project's work.
        SchedulerLostError: the cluster's scheduler is gone.
        OSError: the disk is full or gone.
    """
    experiment = store.experiment
    trials = store.trials()
    cut = cut_short(store.rows("searches"))
    best = finalists_of_iterations(trials, experiment.objective, cut)
    if store.extended:
        forget_others(store, best)
    if not best:
        return
    known = {(row.strategy, row.seed): row for row in store.finals()}
    test = dataset.open_test()
    store.record_test_labels(dataset.name, test.y.astype("<u2").tobytes())
    waiting: dict[Finalist, list[int]] = {}
    place = {name: number for number, name in enumerate(experiment.strategies)}
    for strategy, iteration in sorted(best, key=lambda finalist: (place[finalist[0]], finalist[1])):
        for seed in experiment.final_seeds_of(iteration):
            row = known.get((strategy, seed))
            if row is None:
                waiting.setdefault((strategy, iteration), []).append(seed)
            else:
                number = experiment.final_number(seed)
                display.final_finished(strategy, number, row.score, row.message)
    if waiting:
        workers.open({"everything": everything(dataset), "test": test})
        finals = Finals(store, dataset, best, waiting, display, execution or Execution(), until)
        finals.train(workers, meanwhile)
        if finals.given_up:
            record_given_up(store, finals.given_up)
            count = sum(map(len, finals.given_up.values()))
            display.note(f"{count} finals are given up: the budget leaves no time for them")
    # After the last, and also where a kill came between the last and this.
    run_baselines(store, dataset, test, display.note)
    record_sequences(store, dataset, finalists(trials, experiment.objective, cut))
    record_mistakes(store, dataset, test)


def forget_others(store: Store, best: Mapping[Finalist, TrialRow]) -> None:
    """Deletes the finals of an extended run whose finalist or seed is another by now.

    Args:
        store: the run directory, open for writing.
        best: finalist to the row of its trial.
    """
    wanted = {
        (strategy, row.trial_id, seed)
        for (strategy, iteration), row in best.items()
        for seed in store.experiment.final_seeds_of(iteration)
    }
    gone = [row for row in store.finals() if (row.strategy, row.trial_id, row.seed) not in wanted]
    store.forget([], {final_id(row.strategy, row.seed): row for row in gone})


class Finals:
    """Finalists that are still to be trained and tested.

    Args:
        store: the run directory, open for writing.
        dataset: the images to learn from.
        best: finalist to the row of its trial.
        waiting: finalist to the seeds on which it is still to be trained.
        display: what the user sees.
        execution: the limits of a training.
        until: when they have to end.

    Attributes:
        given_up: finalist to the seeds on which it was not trained to the end, for want of time.
    """

    def __init__(
        self,
        store: Store,
        dataset: Dataset,
        best: Mapping[Finalist, TrialRow],
        waiting: Mapping[Finalist, Sequence[int]],
        display: Display,
        execution: Execution,
        until: float = math.inf,
    ):
        self.store, self.dataset, self.best, self.display = store, dataset, best, display
        self.experiment = store.experiment
        self.waiting = {finalist: [*seeds] for finalist, seeds in waiting.items()}
        self.given_up: dict[Finalist, list[int]] = {}
        self._until = until
        self._expected = {
            each: display.longer * expected_seconds(best[each], self.experiment.epochs_of_finals)
            for each in waiting
        }
        order = in_front(best, self.experiment) if until < math.inf else [*best]
        self._priority = {
            each: place if until < math.inf else 0 for place, each in enumerate(order)
        }
        # Every finished final's model: which seed's becomes the design is decided at the end.
        names = [
            final_id(strategy, seed)
            for strategy, iteration in best
            for seed in self.experiment.final_seeds_of(iteration)
        ]
        self._trainings = Trainings(store, execution, lambda: names, until)
        self._affinity: dict[Finalist, str] = {}  # to the worker that holds it compiled
        self._specs: dict[str, tuple[TrialSpec, Finalist]] = {}  # by the training's name

    def train(self, workers: Workers, meanwhile: Callable[[], None]) -> None:
        """Trains and tests all of them, and records each as it ends."""
        dispatch(
            workers,
            lambda: bool(self._in_time()),
            self._next_job,
            self._take,
            self.display.epoch_finished,
            meanwhile,
        )
        for finalist, seeds in self.waiting.items():
            self.given_up.setdefault(finalist, []).extend(seeds)

    def _in_time(self) -> dict[Finalist, list[int]]:
        """Those waiting that can be expected to end in time, if they begin now."""
        left = self._until - time.monotonic()
        return {each: self.waiting[each] for each in self.waiting if self._expected[each] <= left}

    def _next_job(self, idle: Sequence[str]) -> tuple[Job, str]:
        worker = idle[0]
        finalist = next_finalist(
            self._in_time() or self.waiting,
            worker,
            self._affinity,
            self._expected,
            self._priority,
        )
        seed = self.waiting[finalist].pop(0)
        if not self.waiting[finalist]:
            del self.waiting[finalist]
        self._affinity[finalist] = worker
        spec = make_spec(self.experiment, self.dataset, self.best[finalist], seed)
        self._specs[spec.trial_id] = spec, finalist
        job = self._trainings.begin(spec)
        number = self.experiment.final_number(seed)
        self.display.final_started(spec.trial_id, spec.strategy, number, seed)
        for epoch in self._trainings.epochs(spec.trial_id):  # those before a kill
            self.display.epoch_finished(spec.trial_id, epoch)
        return job, worker

    def _take(self, result: TrialResult) -> Job | None:
        """Records how a final ended, or was paused; then returns what it goes on with."""
        spec, finalist = self._specs[result.trial_id]
        if result.paused and time.monotonic() >= self._until:
            self._trainings.give_up(result)
            self.given_up.setdefault(finalist, []).append(spec.seed)
            return None
        if result.paused:
            return self._trainings.go_on(result)
        training = self._trainings.end(result)
        row = FinalRow(
            dataset=self.dataset.name,
            strategy=spec.strategy,
            trial_id=self.best[finalist].trial_id,
            iteration=finalist[1],
            seed=spec.seed,
            train_seconds=training.train_seconds,
            **result.columns,
        )
        self.store.record_final(row, result.trial_id, result.epochs)
        self._trainings.keep_needed()  # the search is over for good: none of its own is
        number = self.experiment.final_number(spec.seed)
        self.display.final_finished(spec.strategy, number, row.score, row.message)
        return None


def in_front(best: Mapping[Finalist, TrialRow], experiment: Experiment) -> list[Finalist]:
    """Returns the finalists in the order in which a budget's last minutes go to them.

    First every search of those that may be the best, one search of each after the other: so each
    has its replicates before anyone else. Then the others, the better by validation first.
    """
    scores: dict[str, list[float]] = {}
    for (strategy, _), row in best.items():
        assert row.score is not None  # a completed trial has one
        scores.setdefault(strategy, []).append(experiment.objective.better(row.score))
    first = contenders(scores, experiment.level)
    means = {name: sum(each) / len(each) for name, each in scores.items()}

    def rank(finalist: Finalist) -> tuple[bool, int, float]:
        strategy, iteration = finalist
        return strategy not in first, iteration, -means[strategy]

    return sorted(best, key=rank)


def record_given_up(store: Store, given_up: Mapping[Finalist, Sequence[int]]) -> None:
    """Records of each search how many finals it sends, where the budget leaves time for fewer."""
    rows = {(row["strategy"], row["iteration"]): row for row in store.rows("searches")}
    seeds = store.experiment.final_seeds
    store.record_report_rows(
        "searches",
        [{**rows[each], "finals": seeds - len(missed)} for each, missed in given_up.items()],
    )


def everything(dataset: Dataset) -> Images:
    """What a finalist learns from: the training and the validation images, in this order.

    Args:
        dataset: its splits hold uint8 images (n, height, width, channels) and classes (n,).

    Returns:
        Images (n + m, height, width, channels) and classes (n + m,), of n and m.
    """
    return Images(
        np.concatenate([dataset.train.x, dataset.validation.x]),
        np.concatenate([dataset.train.y, dataset.validation.y]),
    )


def expected_seconds(row: TrialRow, epochs: int) -> float:
    """How long so many epochs of a finalist are likely to take, by its completed trial."""
    assert row.train_seconds is not None
    return epochs * row.train_seconds / row.epochs


def next_finalist(
    waiting: Mapping[Finalist, Sequence[int]],
    worker: str,
    affinity: Mapping[Finalist, str],
    expected: Mapping[Finalist, float],
    priority: Mapping[Finalist, int],
) -> Finalist:
    """Which finalist a worker trains next.

    The first by priority. Of equals its own, which it holds compiled; else one that no worker has
    yet; else one to help with. Of these the one with the most work left, so that none is begun when
    all others have ended.
    """

    def rank(finalist: Finalist) -> tuple[int, int, float]:
        home = affinity.get(finalist)
        nearness = 0 if home == worker else 1 if home is None else 2
        return priority[finalist], nearness, -expected[finalist] * len(waiting[finalist])

    return min(waiting, key=rank)
