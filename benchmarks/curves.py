"""Records what a few hundred configurations come to, epoch by epoch, for searches to be replayed.

    python -m benchmarks.curves record DATASET --runs DIR [--data-dir DIR] [--configurations 40] \
        [--strategies lines,patches]
    python -m benchmarks.curves pack DIR benchmarks/records/curves_DATASET.npz

Of every strategy so many configurations are drawn, as its first rung would draw them, and trained
to their last epoch, each from its own seed and all on the same images. `benchmarks.replay` then
lets searches run on what they came to, in simulated time.

Recording takes hours: two strategies at a time, a run directory each. Stopped and started again, it
goes on where it was. A record holds what is replayed, and stands for them.

What is validated on are more images than a search would have, those of the test among them: nothing
is claimed of these designs.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import dataclasses
import json
import multiprocessing
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.searches import complete
from search.experiment import Experiment
from search.rows import TrialRow
from search.store import Store

STRATEGIES = (
    *("lines", "cnn_lines", "line_cnn", "patches", "sweeps", "conv_sweeps", "cnn_control"),
)
SUBSETS = {
    "digits": {"max_epochs": 81, "batch_size": 64},
    "fashion_mnist": {
        "max_epochs": 27,
        "batch_size": 16,
        "train_limit": 1250,  # a fifth of which is for validation, and not used here
        "max_multiply_adds": 36_000_000,
    },
}
"""Data set to how its configurations are trained: as `auto` plans a full training."""

VALIDATED = 1000
"""Images at most."""


class Curves(NamedTuple):
    """What the configurations of one strategy come to.

    Attributes:
        values: a configuration's hyperparameters, each.
        accuracy: on the validation images, (configurations, epochs).
        loss: likewise.
        setup_seconds: until the first epoch could begin, (configurations,).
        epoch_seconds: of one, (configurations,).
        multiply_adds: for one image, (configurations,).
    """

    values: Sequence[Mapping[str, Any]]
    accuracy: np.ndarray
    loss: np.ndarray
    setup_seconds: np.ndarray
    epoch_seconds: np.ndarray
    multiply_adds: np.ndarray


# Recording


def images_file(dataset: str, data_dir: str | None, folder: Path) -> Path:
    """Writes the images to train and to validate on, as a file that a search reads."""
    from search.data.datasets import load_dataset

    limit = SUBSETS[dataset].get("train_limit")
    source = load_dataset(Experiment(dataset, STRATEGIES[:1], data_dir=data_dir, train_limit=limit))
    test = source.open_test()
    x, y = test.x[:VALIDATED], test.y[:VALIDATED]
    if len(y) < VALIDATED:  # a small data set's own validation images besides
        x = np.concatenate([source.validation.x, x])
        y = np.concatenate([source.validation.y, y])
    file = folder / f"{dataset}.npz"
    np.savez_compressed(
        file,
        x_train=source.train.x,
        y_train=source.train.y,
        x_val=x,
        y_val=y,
        x_test=test.x[:VALIDATED],  # no final opens it
        y_test=test.y[:VALIDATED],
    )
    return file


def record(
    dataset: str,
    data_dir: str | None,
    folder: Path,
    configurations: int,
    strategies: Sequence[str] = STRATEGIES,
) -> None:
    """Trains the configurations that are not trained yet."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{dataset}.npz"
    if not file.exists():
        images_file(dataset, data_dir, folder)
    asked = SUBSETS[dataset]
    experiment = Experiment(
        str(file.resolve()),
        STRATEGIES[:1],
        max_epochs=asked["max_epochs"],
        min_epochs=asked["max_epochs"],
        iterations=configurations,
        batch_size=asked["batch_size"],
        max_multiply_adds=asked.get("max_multiply_adds"),
        final_seeds=0,
    )
    command = shlex.join(["python", *sys.orig_argv[1:]])
    with concurrent.futures.ProcessPoolExecutor(
        2, mp_context=multiprocessing.get_context("spawn"), max_tasks_per_child=1
    ) as processes:
        under_way = {
            processes.submit(
                complete,
                folder / name,
                dataclasses.replace(experiment, strategies=(name,)),
                command,
            ): name
            for name in strategies
        }
        for ended in concurrent.futures.as_completed(under_way):
            ended.result()
            print(f"{under_way[ended]} is recorded", flush=True)


# Packing


def packed(store: Store) -> Curves:
    """Returns what a run's configurations came to; one that failed is left out."""
    rows: list[TrialRow] = [row for row in store.trials() if row.status == "completed"]
    epochs = [store.epochs(row.trial_id) for row in rows]
    return Curves(
        [row.values for row in rows],
        np.array([[epoch["val_accuracy"] for epoch in each] for each in epochs], np.float32),
        np.array([[epoch["val_loss"] for epoch in each] for each in epochs], np.float32),
        np.array([row.setup_seconds for row in rows], np.float32),
        np.array([np.median([epoch["seconds"] for epoch in each]) for each in epochs], np.float32),
        np.array([row.multiply_adds for row in rows], np.int64),
    )


def save(curves: Mapping[str, Curves], file: Path) -> None:
    """Writes a record."""
    arrays: dict[str, Any] = {}
    for name, each in curves.items():
        arrays[f"{name}.values"] = np.array(json.dumps(each.values))
        for part in Curves._fields[1:]:
            arrays[f"{name}.{part}"] = getattr(each, part)
    with file.open("wb") as out:
        np.savez_compressed(out, **arrays)


def load(file: Path) -> dict[str, Curves]:
    """Reads a record: strategy to its curves."""
    with np.load(file, allow_pickle=False) as arrays:
        names = [key.removesuffix(".values") for key in arrays if key.endswith(".values")]
        return {
            name: Curves(
                json.loads(str(arrays[f"{name}.values"])),
                *(arrays[f"{name}.{part}"] for part in Curves._fields[1:]),
            )
            for name in names
        }


def main() -> None:
    """Records, or packs."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    recorder = verbs.add_parser("record")
    recorder.add_argument("dataset", choices=SUBSETS)
    recorder.add_argument("--runs", type=Path, required=True, metavar="DIR")
    recorder.add_argument("--data-dir")
    recorder.add_argument("--configurations", type=int, default=40)
    recorder.add_argument("--strategies", type=lambda text: text.split(","), default=STRATEGIES)
    packer = verbs.add_parser("pack")
    packer.add_argument("runs", type=Path)
    packer.add_argument("record", type=Path)
    options = parser.parse_args()
    if options.verb == "record":
        record(
            options.dataset,
            options.data_dir,
            options.runs,
            options.configurations,
            options.strategies,
        )
    else:
        runs = sorted(path for path in options.runs.iterdir() if path.is_dir())
        save({path.name: packed(Store(path)) for path in runs}, options.record)


if __name__ == "__main__":
    main()
