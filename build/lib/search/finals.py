"""The finals: each arm's best configuration, trained from scratch on several seeds, tested once.

This is the only place that opens the test split.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from search.data.datasets import Dataset, Images
from search.report_images import record_mistakes, record_sequences
from search.store import Store
from search.terminal.display import Display
from search.training.trial import TrialSpec
from search.workers.protocol import Job, Workers


def finalists(rows: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Strategy to its best completed trial.

    The best has the highest validation accuracy at the end of its rung; ties go to the lower
    validation loss, then to the one that took fewer epochs, then to the lower name.
    """

    def rank(row: Mapping[str, Any]) -> tuple[float, float, int, str]:
        return (-row["score"], row["val_loss"], row["last_epoch"], row["trial_id"])

    best: dict[str, Mapping[str, Any]] = {}
    for row in sorted((row for row in rows if row["status"] == "completed"), key=rank):
        best.setdefault(row["strategy"], row)
    return best


def run_finals(
    store: Store,
    dataset: Dataset,
    workers: Workers,
    display: Display,
    meanwhile: Callable[[], None] = lambda: None,
) -> None:
    """Trains and tests every finalist on every final seed, but for those that the run holds.

    Args:
        store: the run directory, open for writing.
        dataset: the images, whose test split is opened here.
        workers: where the finalists are trained.
        display: what the user sees.
        meanwhile: called when every worker that can be given a finalist has one.

    Raises:
        ExperimentError: the test split does not fit the training images.
    """
    experiment = store.experiment
    best = finalists(store.rows("trials"))
    if not best:
        return
    seeds = [experiment.seed + number for number in range(experiment.final_seeds)]
    known = {(row["strategy"], row["seed"]): row for row in store.rows("finals")}
    test = dataset.open_test()
    store.record_test_labels(dataset.name, test.y.astype("<u2").tobytes())
    waiting: dict[str, list[int]] = {}
    for strategy in (name for name in experiment.strategies if name in best):
        for number, seed in enumerate(seeds, start=1):
            row = known.get((strategy, seed))
            if row is None:
                waiting.setdefault(strategy, []).append(seed)
            else:
                display.final_finished(strategy, number, row["test_accuracy"], row["message"])
    if waiting:
        train_finals(store, dataset, test, best, waiting, workers, display, meanwhile)
    # After the last, and also where a kill came between the last and this.
    record_sequences(store, dataset, best)
    record_mistakes(store, dataset, test)


def train_finals(
    store: Store,
    dataset: Dataset,
    test: Images,
    best: Mapping[str, Mapping[str, Any]],
    waiting: dict[str, list[int]],
    workers: Workers,
    display: Display,
    meanwhile: Callable[[], None],
) -> None:
    """Trains and tests finalists, and records each as it ends.

    Args:
        store: the run directory, open for writing.
        dataset: the images to learn from.
        test: the images to test on.
        best: strategy to the row of its best trial.
        waiting: strategy to the seeds on which its finalist is still to be trained; emptied here.
        workers: where they train.
        display: what the user sees.
        meanwhile: called when every worker that can be given a finalist has one.
    """
    experiment = store.experiment
    workers.open({"everything": everything(dataset), "test": test})
    expected = {name: expected_seconds(best[name], experiment.max_epochs) for name in waiting}
    of_finals = [
        final_id(strategy, experiment.seed + number)
        for strategy in best
        for number in range(experiment.final_seeds)
    ]
    started: dict[str, TrialSpec] = {}
    homes: dict[str, str] = {}
    while waiting or workers.busy:
        for worker in workers.idle():
            if not waiting:
                break
            strategy = next_strategy(waiting, worker, homes, expected)
            seed = waiting[strategy].pop(0)
            if not waiting[strategy]:
                del waiting[strategy]
            homes[strategy] = worker
            spec = final_spec(store, dataset, best[strategy], seed)
            started[spec.trial_id] = spec
            number = experiment.final_number(seed)
            display.final_started(spec.trial_id, strategy, number, seed)
            workers.submit(Job(spec, held=frozenset([strategy])), worker)
        meanwhile()
        result = workers.next_result(display.epoch_finished)
        if result is None:  # no trial has ended, but there may be another worker
            continue
        spec = started[result.trial_id]
        trial_id = best[spec.strategy]["trial_id"]
        place = {"dataset": dataset.name, "strategy": spec.strategy, "trial_id": trial_id}
        row = {**place, "seed": spec.seed, **result.columns}
        # The model first: a row that says `completed` promises a design its weights.
        if result.model is not None:
            store.save_checkpoint(result.trial_id, result.model)
        store.record_final(row)
        store.keep_checkpoints(of_finals)  # the search is over for good
        number = experiment.final_number(spec.seed)
        display.final_finished(spec.strategy, number, row.get("test_accuracy"), row["message"])


def everything(dataset: Dataset) -> Images:
    """What a finalist learns from: the training and the validation images."""
    return Images(
        np.concatenate([dataset.train.x, dataset.validation.x]),
        np.concatenate([dataset.train.y, dataset.validation.y]),
    )


def expected_seconds(row: Mapping[str, Any], epochs: int) -> float:
    """How long a finalist is likely to train, by its trial."""
    return epochs * row["train_seconds"] / (row["last_epoch"] - row["first_epoch"])


def next_strategy(
    waiting: Mapping[str, Sequence[int]],
    worker: str,
    homes: Mapping[str, str],
    expected: Mapping[str, float],
) -> str:
    """Whose finalist a worker trains next.

    Its own, which it holds compiled; else one that no worker has yet; else one to help with. Of
    these the one with the most work left, so that none is begun when all others have ended.
    """

    def rank(strategy: str) -> tuple[int, float]:
        home = homes.get(strategy)
        nearness = 0 if home == worker else 1 if home is None else 2
        return nearness, -expected[strategy] * len(waiting[strategy])

    return min(waiting, key=rank)


def final_id(strategy: str, seed: int) -> str:
    """The name of a finalist's training on one seed; its model is the checkpoint of this name."""
    return f"{strategy}-final-{seed}"


def final_spec(store: Store, dataset: Dataset, row: Mapping[str, Any], seed: int) -> TrialSpec:
    """A finalist's training, from the first epoch to the last."""
    experiment = store.experiment
    return TrialSpec(
        trial_id=final_id(row["strategy"], seed),
        strategy=row["strategy"],
        hyperparameters=json.loads(row["hyperparameters"]),
        seed=seed,
        first_epoch=0,
        last_epoch=experiment.max_epochs,
        max_epochs=experiment.max_epochs,
        batch_size=experiment.batch_size,
        classes=len(dataset.class_names),
        mirror=dataset.mirror,
        keep=True,  # for its design
        final=True,
        continues=row["strategy"],
    )
