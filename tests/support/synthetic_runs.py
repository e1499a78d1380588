"""Small made-up runs: everything that a search writes, without a search."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import special

from analysis import Run
from search.experiment import InitialConfiguration
from search.rows import FinalRow, TrialRow
from search.store import Experiment, Store

STRATEGIES = ("lines", "cnn_lines", "cnn_flat", "line_cnn")
REGISTRY = (
    "lines", "cnn_lines", "cnn_flat", "line_cnn", "patches", "pixels", "hierarchical", "sweeps",
    "conv_sweeps", "conv_lstm", "cnn_control",
)  # fmt: skip
ABOUT = {
    "command": "python run_search.py --dataset digits --seed 1",
    "started": "2026-01-02T03:04:05+00:00",
    "versions": {"python": "3.11.9", "keras": "3.15.1"},
    "hardware": {"processor": "a processor", "cores": 2, "memory_bytes": 8 * 2**30, "gpus": []},
}


def outcomes(
    accuracies: Sequence[float],
    seeds: int,
    images: int,
    generator: np.random.Generator,
    seed_spread: float = 0.2,
    classes: int = 10,
) -> tuple[np.ndarray, np.ndarray]:
    """Draws what finals would find: hard and easy images, better and worse seeds.

    Returns:
        labels (images,) and the classes named, shape (strategies, seeds, images).
    """
    labels = generator.integers(0, classes, images)
    difficulty = generator.normal(0, 1.5, images)
    seed_effect = generator.normal(0, seed_spread, (len(accuracies), seeds, 1))
    skill = np.log(np.array(accuracies) / (1 - np.array(accuracies)))[:, None, None]
    chance = special.expit(skill + seed_effect + difficulty)
    correct = generator.random(chance.shape) < chance
    return labels, np.where(correct, labels, (labels + 1) % classes)


def blob(classes: np.ndarray) -> bytes:
    """Returns classes as the run directory keeps them."""
    return classes.astype("<u2").tobytes()


def make_run(
    path: Path,
    strategies: Sequence[str] = STRATEGIES,
    accuracies: Mapping[str, float] | None = None,
    seeds: int = 3,
    images: int = 300,
    final_seeds: int | None = None,
    configurations: int = 4,
    broken: Sequence[str] = (),
    running: int = 0,
    message: str = "out of memory\nin detail",
    class_names: Sequence[str] = tuple("0123456789"),
    dataset: str = "digits",
    seed_spread: float = 0.05,
    given: Mapping[str, Sequence[int]] | None = None,
    controls: Sequence[str] = ("cnn_control",),
) -> Path:
    """Makes a run directory.

    Args:
        path: where.
        strategies: what competes.
        accuracies: roughly how good each is; 0.9 for those not named.
        seeds: how many finals each strategy has; 0 for none.
        images: how many test images there are.
        final_seeds: how many finals were asked for; `seeds`, or 1, unless given.
        configurations: how many a strategy; the first is promoted to the end, the last fails.
        broken: strategies of which every trial fails.
        running: how many trials were under way when the search stopped.
        message: why trials fail.
        class_names: the data set's.
        dataset: its name.
        seed_spread: how much better and worse seeds are, in log odds.
        given: strategy to the slots whose configurations came from designs.
        controls: which of the strategies have no recurrence.
    """
    generator = np.random.default_rng(7)
    experiment = Experiment(
        dataset=dataset,
        strategies=tuple(strategies),
        seed=1,
        final_seeds=max(1, seeds) if final_seeds is None else final_seeds,
        initial=tuple(
            InitialConfiguration(
                name, settings(list(strategies).index(name), slot), f"designs/{name}.json"
            )
            for name, slots in (given or {}).items()
            for slot in slots
        ),
    )
    dataset = experiment.dataset_name
    level = {name: (accuracies or {}).get(name, 0.9) for name in strategies}
    with Store.create(path, experiment, ABOUT) as store:
        store.record_dataset(
            {
                "dataset": dataset, "height": 8, "width": 8, "channels": 1, "train_images": 1000,
                "validation_images": 200, "test_images": images, "mirror": 0,
                "class_names": json.dumps(list(class_names)), "test_labels": None,
            }
        )  # fmt: skip
        order = [*REGISTRY, *(name for name in strategies if name not in REGISTRY)]
        store.record_strategies(
            {
                "strategy": name, "position": order.index(name), "recurrent": name not in controls,
                "summary": f"what {name} does",
            }
            for name in strategies
        )  # fmt: skip
        for place, strategy in enumerate(strategies):
            for slot in range(configurations):
                fails = strategy in broken or (slot == configurations - 1 and configurations > 1)
                quality = level[strategy] - 0.05 * slot
                rungs = ((0, 1), (1, 3), (3, 9)) if slot == 0 and not fails else ((0, 1),)
                for rung, (first, last) in enumerate(rungs):
                    row = TrialRow(**trial(strategy, place, slot, rung, first, last, dataset))
                    store.start_trial(row)
                    if fails:
                        result = {"status": "failed", "message": message}
                        store.finish_trial(dataclasses.replace(row, **result), [])
                        continue
                    curve = [epoch(e, quality, generator) for e in range(first + 1, last + 1)]
                    result = {
                        "status": "completed", "score": curve[-1]["val_accuracy"],
                        "val_loss": 0.5, "parameters": 1000 * 10**place,
                        "multiply_adds": 30_000 * 8**place, "timesteps": 8, "features": 16,
                        "train_seconds": 2.0, "setup_seconds": 1.0, "finished": 1000.0 + last,
                    }  # fmt: skip
                    store.finish_trial(dataclasses.replace(row, **result), curve)
        for slot in range(running):
            store.start_trial(TrialRow(**trial(strategies[0], 0, 100 + slot, 0, 0, 1, dataset)))
        tested = [name for name in strategies if name not in broken]
        if seeds and tested:
            labels, found = outcomes(
                [level[n] for n in tested],
                seeds,
                images,
                generator,
                seed_spread,
                len(class_names),
            )
            store.record_test_labels(dataset, blob(labels))
            for strategy, named in zip(tested, found, strict=True):
                for seed, classes in enumerate(named):
                    row = FinalRow(**final(strategy, seed, labels, classes, dataset))
                    store.record_final(row)
    return path


def finals(
    strategies: Sequence[str], labels: np.ndarray, found: np.ndarray | Sequence[np.ndarray]
) -> pd.DataFrame:
    """Returns what a run's `finals` frame holds, for classes (strategies, seeds, images)."""
    rows = [
        final(name, seed, labels, classes) | {"predictions": classes}
        for name, named in zip(strategies, found, strict=True)
        for seed, classes in enumerate(named)
    ]
    return pd.DataFrame(rows)


def with_finals(run: Run, rows: pd.DataFrame, labels: np.ndarray | None, final_seeds: int) -> Run:
    """Returns a run as if its finals, so many of each strategy, had come to these rows."""
    experiment = dataclasses.replace(run.experiment, final_seeds=final_seeds)
    datasets = run.datasets.assign(test_labels=[labels] * len(run.datasets))
    return dataclasses.replace(run, finals=rows, datasets=datasets, experiment=experiment)


def trial(
    strategy: str, place: int, slot: int, rung: int, first: int, last: int, dataset: str
) -> dict:
    """Returns a trial's row as it starts."""
    name = f"{strategy}-0-2-{{}}-{slot}"
    return {
        "trial_id": name.format(rung), "parent_id": name.format(rung - 1) if rung else None,
        "dataset": dataset, "strategy": strategy, "iteration": 0, "bracket": 2, "rung": rung,
        "slot": slot, "seed": slot, "hyperparameters": json.dumps(settings(place, slot)),
        "first_epoch": first, "last_epoch": last, "status": "running", "started": 1000.0,
    }  # fmt: skip


def settings(place: int, slot: int) -> dict:
    """Returns the hyperparameters of a strategy's configuration."""
    return {"axis": "rows", "units": 32 + slot, "learning_rate": 0.00123, f"own_{place}": True}


def epoch(number: int, quality: float, generator: np.random.Generator) -> dict:
    """Returns an epoch's row on the way up to `quality`."""
    reached = quality * (1 - 0.6 * np.exp(-number / 3)) + generator.normal(0, 0.01)
    return {
        "epoch": number, "loss": 1 - reached, "accuracy": reached, "val_loss": 1 - reached,
        "val_accuracy": float(reached), "seconds": 0.25,
    }  # fmt: skip


def final(
    strategy: str, seed: int, labels: np.ndarray, classes: np.ndarray, dataset: str = "digits"
) -> dict:
    """Returns a completed final's row."""
    return {
        "dataset": dataset, "strategy": strategy, "trial_id": f"{strategy}-0-2-2-0", "seed": seed,
        "status": "completed", "test_accuracy": float(np.mean(classes == labels)),
        "test_score": float(np.mean(classes == labels)),
        "test_loss": 0.4, "train_seconds": 5.0, "latency_ms": 1.0, "predictions": blob(classes),
        "iteration": 0,
    }  # fmt: skip


def many_classes(path: Path) -> Path:
    """Makes a run of two strategies over a hundred classes, of which each takes six in ten."""
    path = make_run(
        path, strategies=["lines", "cnn_lines"], configurations=1, seeds=1, images=1000,
        class_names=[f"class {i}" for i in range(100)],
    )  # fmt: skip
    truth = np.arange(1000) % 100
    random = np.random.default_rng(0)
    with Store.resume(path) as store:
        store.record_test_labels("digits", blob(truth))
        for strategy in ("lines", "cnn_lines"):
            named = np.where(random.random(1000) < 0.6, truth, random.integers(0, 100, 1000))
            store.record_final(FinalRow(**final(strategy, 0, truth, named)))
    return path


def with_images(path: Path) -> Path:
    """Adds what a search keeps of the images to a run that `make_run` made with finals."""
    generator = np.random.default_rng(3)
    with Store.resume(path) as store:
        dataset = store.experiment.dataset_name
        labels = np.frombuffer(store.rows("datasets")[0]["test_labels"], "<u2")

        def row(split: str, position: int, label: int) -> dict:
            pixels = generator.integers(0, 256, (8, 8, 1), dtype=np.uint8)
            return {
                "dataset": dataset, "split": split, "position": position, "label": int(label),
                "height": 8, "width": 8, "channels": 1, "pixels": pixels.tobytes(),
            }  # fmt: skip

        store.record_report_rows("images", [row("train", i, i) for i in range(3)])
        store.record_report_rows("images", [row("test", i, labels[i]) for i in range(40)])
        times = np.repeat(np.arange(8), 8)
        lines = {
            "dataset": dataset, "strategy": "lines", "trial_id": "lines-0-2-2-0", "height": 8,
            "width": 8, "timesteps": blob(times),
        }  # fmt: skip
        store.record_report_rows("sequences", [lines])
    return path
