"""The finals: each arm's best configuration, trained from scratch on several seeds, tested once.

This is the only place that opens the test split.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Iterable, Mapping
from typing import Any

import keras
import numpy as np

from search.datasets import Dataset, Images
from search.display import Display
from search.store import Store
from search.trial import Clock, TrialSpec, fit, predict, prepare, reason
from spaces.batches import targets

LATENCY_REPEATS = 30


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


def run_finals(store: Store, dataset: Dataset, display: Display) -> None:
    """Trains and tests every finalist on every final seed, but for those that the run holds.

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
    everything = Images(
        np.concatenate([dataset.train.x, dataset.validation.x]),
        np.concatenate([dataset.train.y, dataset.validation.y]),
    )
    for strategy in experiment.strategies:
        if strategy not in best:
            continue
        compiled: keras.Model | None = None
        for number, seed in enumerate(seeds, start=1):
            row = known.get((strategy, seed))
            if row is None:
                display.final_started(strategy, number, len(seeds), seed)
                spec = final_spec(store, dataset, best[strategy], seed)
                columns, compiled = run_final(spec, everything, test, compiled)
                row = {
                    "dataset": dataset.name,
                    "strategy": strategy,
                    "trial_id": best[strategy]["trial_id"],
                    "seed": seed,
                    **columns,
                }
                store.record_final(row)
            display.final_finished(
                strategy, number, len(seeds), row["test_accuracy"], row["message"]
            )


def final_spec(store: Store, dataset: Dataset, row: Mapping[str, Any], seed: int) -> TrialSpec:
    """A finalist's training, from the first epoch to the last."""
    experiment = store.experiment
    return TrialSpec(
        trial_id=f"{row['strategy']}-final-{seed}",
        strategy=row["strategy"],
        hyperparameters=json.loads(row["hyperparameters"]),
        seed=seed,
        first_epoch=0,
        last_epoch=experiment.max_epochs,
        max_epochs=experiment.max_epochs,
        batch_size=experiment.batch_size,
        classes=len(dataset.class_names),
        mirror=dataset.mirror,
        keep=False,
    )


def run_final(
    spec: TrialSpec, train: Images, test: Images, compiled: keras.Model | None = None
) -> tuple[dict[str, Any], keras.Model | None]:
    """Trains one finalist on one seed and tests it once.

    Args:
        spec: what to train.
        train: images to learn from.
        test: images to test on.
        compiled: the same configuration's model after another seed, to be used again: compiling
            takes longer than a few epochs do.

    Returns:
        Columns of the table `finals`, and the model for the next seed.
    """
    model = compiled
    clock = Clock(spec.trial_id, time.perf_counter(), None)
    outcome: dict[str, Any] = dict.fromkeys(
        ("test_accuracy", "test_loss", "latency_ms", "predictions", "message")
    )
    try:
        model, hypermodel, values = prepare(spec, train, None, compiled)
        fit(spec, model, hypermodel, values, train, None, clock, fresh=True)
        logits = predict(model, test.x)
        losses = keras.losses.categorical_crossentropy(
            targets(test.y, spec.classes), logits, from_logits=True
        )
        named = logits.argmax(axis=1)
        outcome.update(
            status="completed",
            test_accuracy=float(np.mean(named == test.y)),
            test_loss=float(np.mean(keras.ops.convert_to_numpy(losses))),
            latency_ms=latency_ms(model, test.x),
            predictions=named.astype("<u2").tobytes(),
        )
    except OSError:
        raise
    except Exception as error:
        outcome.update(status="failed", message=reason(error))
        model = None
    return {**outcome, "train_seconds": sum(row["seconds"] for row in clock.epochs)}, model


def latency_ms(model: keras.Model, images: np.ndarray) -> float:
    """Median time in milliseconds from one image to its logits, compiled, batch of one."""
    one = images[:1]
    model.predict_on_batch(one)  # compiles for this shape
    times = []
    for _ in range(LATENCY_REPEATS):
        began = time.perf_counter()
        model.predict_on_batch(one)
        times.append(time.perf_counter() - began)
    return 1000 * statistics.median(times)
