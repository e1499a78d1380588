"""What are MNIST's designs worth on Fashion-MNIST? Epochs to the same accuracy, with and without.

    python -m benchmarks.warm_start --data-dir DIR [--seeds 5] [--out runs/warm-start]

One search of MNIST finds a design of each strategy. Then, for every seed, Fashion-MNIST is searched
twice: from random starts alone, and with those designs in the first slots (`--warm-start`). The
two searches of a pair have the same images, the same split and the same random configurations in
all other slots, so they differ in the initial configurations alone. DIR holds mnist.npz and
fashion_mnist.npz.

Counted are the epochs of all trials in the order in which they were started, until the highest
validation accuracy so far reaches a target. The target is taken from both searches of a pair alike:
the lower of their two final best accuracies, so both reach it, and neither chose it. A second one
is the same for all pairs: the lowest of all final best accuracies.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis import Run, load_run
from analysis.statistics.intervals import estimate, variance_of_mean
from benchmarks.searches import complete_all
from search.environment import start_backend
from search.experiment import Experiment

STRATEGIES = ("lines", "cnn_lines")
COLD, WARM = "cold", "warm"  # from random starts alone; with designs in the first slots
LIMITS: dict[str, Any] = {"train_limit": 2000, "max_epochs": 4, "factor": 4, "final_seeds": 0}


def experiment(dataset: str, data_dir: str, seed: int) -> Experiment:
    """Returns a small search of a data set."""
    return Experiment(dataset, STRATEGIES, data_dir=data_dir, seed=seed, **LIMITS)


def pair(folder: Path, data_dir: str, seed: int) -> dict[str, tuple[Path, Experiment]]:
    """Returns the two searches of a seed; the run of MNIST must be there."""
    start_backend()
    from search.data.datasets import load_dataset
    from search.search_spaces import search_spaces
    from search.warm_start import read_initial

    plain = experiment("fashion_mnist", data_dir, seed)
    spaces = search_spaces(plain, load_dataset(plain))
    initial, _ = read_initial([folder / "mnist"], plain, spaces)
    return {
        COLD: (folder / f"{COLD}-{seed}", plain),
        WARM: (folder / f"{WARM}-{seed}", dataclasses.replace(plain, initial=initial)),
    }


def best_so_far(run: Run) -> np.ndarray:
    """Returns the highest validation accuracy after each epoch of a search, shape (epochs,)."""
    started = run.trials.set_index("trial_id").started
    order = run.epochs.assign(started=run.epochs.trial_id.map(started))
    told = order.sort_values(["started", "epoch"], kind="stable").val_accuracy
    return np.maximum.accumulate(told.to_numpy())


def epochs_until(best: np.ndarray, target: float) -> int:
    """Returns how many epochs it took until the best so far reached the target."""
    return int(np.argmax(best >= target)) + 1


def comparison(curves: dict[int, dict[str, np.ndarray]]) -> pd.DataFrame:
    """Returns a row a seed and target: the epochs of both searches and their ratio.

    Args:
        curves: seed -> `cold` and `warm` -> what `best_so_far` returns.
    """
    ends = {seed: {kind: best[-1] for kind, best in pair.items()} for seed, pair in curves.items()}
    common = min(end for pair in ends.values() for end in pair.values())
    rows = [
        {
            "target": kind, "seed": seed, "accuracy": target, **ends[seed],
            **{f"{name}_epochs": epochs_until(best, target) for name, best in pair.items()},
        }
        for kind in ("of the pair", "of all")
        for seed, pair in curves.items()
        for target in [min(ends[seed].values()) if kind == "of the pair" else common]
    ]  # fmt: skip
    return pd.DataFrame(rows).assign(ratio=lambda frame: frame.cold_epochs / frame.warm_epochs)


def table(found: pd.DataFrame) -> str:
    """Returns the comparison as Markdown, with the mean ratio and its interval."""
    lines = [
        "| target | seed | validation accuracy | epochs without | epochs with a warm start | "
        "ratio | best without | best with |",
        "| :--- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    rows: Any = found.itertuples()
    lines += [
        f"| {row.target} | {row.seed} | {100 * row.accuracy:.1f} % | {row.cold_epochs} | "
        f"{row.warm_epochs} | {row.ratio:.2f} | {100 * row.cold:.1f} % | "
        f"{100 * row.warm:.1f} % |"
        for row in rows
    ]
    for kind, mine in found.groupby("target", sort=False):
        logs = -np.log(mine.ratio.to_numpy())
        mean = estimate(logs.mean(), [variance_of_mean(logs)])
        lines.append(
            f"\nTarget {kind}: searches with a warm start needed {np.exp(mean.value):.2f} times "
            "the epochs "
            f"(geometric mean of {len(logs)}; 95 % interval {np.exp(mean.low):.2f} to "
            f"{np.exp(mean.high):.2f}, Student's t of the logarithms)."
        )
    return "\n".join(lines)


def searches(folder: Path, data_dir: str, seeds: int) -> Iterator[tuple[Path, Experiment]]:
    """Yields every search, MNIST's first."""
    yield folder / "mnist", experiment("mnist", data_dir, 0)
    for seed in range(seeds):
        yield from pair(folder, data_dir, seed).values()


def main() -> None:
    """Runs what is missing and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data-dir", required=True, help="holds mnist.npz and fashion_mnist.npz")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("runs/warm-start"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    data_dir = str(Path(options.data_dir).resolve())
    for path in complete_all(searches(options.out, data_dir, options.seeds)):
        print(path.name, f"{best_so_far(load_run(path))[-1]:.3f}", flush=True)
    curves = {
        seed: {kind: best_so_far(load_run(options.out / f"{kind}-{seed}"))
               for kind in (COLD, WARM)}
        for seed in range(options.seeds)
    }  # fmt: skip
    print(table(comparison(curves)))


if __name__ == "__main__":
    main()
