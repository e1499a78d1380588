"""Does the search name a winner that is known by construction? `benchmarks/planted.py` has which.

    python -m benchmarks.planted_truth [--seeds 20] [--only NAME ...] [--out runs/planted-truth]

Every seed is an experiment of its own: other images, other configurations, other weights. A search
counts where the verdict is "wins", of the right strategy. Where an axis is planted, too, the
finalist of that strategy must have it: `axis` is a hyperparameter of `lines`, so the verdict names
the strategy and the winning design its axis. A tie that includes the winner does not count.

Runs that are there are read and not repeated; one that was stopped goes on. Give --seeds 0 to print
the table of those that are done.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from scipy import stats

from analysis import Run, load_run
from analysis.run import pending_finals, representatives
from analysis.statistics.decision import decide
from benchmarks.planted import PLANTED, write
from benchmarks.searches import complete_all
from search.experiment import Experiment

STEPS = 30
"""Steps an epoch, of which the longest trials and the finals have four. A search has ten
configurations of each strategy, and half of those of `lines` have the wrong axis."""


def experiment(folder: Path, name: str, seed: int) -> Experiment:
    """What is asked for on one data set with one seed; writes the images."""
    file = folder / f"{name}-{seed}.npz"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        write(file, name, seed)
    planted = PLANTED[name]
    return Experiment(
        str(file.resolve()), planted.contestants, seed=seed, max_epochs=4, factor=2,
        batch_size=max(1, round(0.8 * planted.train / STEPS)),
    )  # fmt: skip


def answer(run: Run) -> tuple[str, str | None, str | None]:
    """Returns the verdict's kind, the strategy it puts first, and its finalist's axis."""
    decision, best = decide(run), representatives(run)
    if decision.best not in best.index:
        return decision.kind, decision.best, None
    return decision.kind, decision.best, best.hyperparameters[str(decision.best)].get("axis")


def finished(folder: Path) -> Iterator[tuple[str, int, Run]]:
    """Yields name, seed and run of every search that is done."""
    for name in PLANTED:
        for path in sorted(folder.glob(f"{name}-*/")):
            run = load_run(path)
            if len(run.finals) and not pending_finals(run).any():
                yield name, run.experiment.seed, run


def outcomes(folder: Path) -> pd.DataFrame:
    """Returns a row a search that is done: what was named, how accurate, how long it took."""
    rows = []
    for name, seed, run in finished(folder):
        planted = PLANTED[name]
        kind, best, axis = answer(run)
        named = kind == "wins" and best == planted.winner and planted.axis in (None, axis)
        means = run.finals.groupby("strategy").test_score.mean()
        seconds = (run.trials.finished - run.trials.started).sum() + run.finals.train_seconds.sum()
        rows.append(
            {
                "name": name, "seed": seed, "verdict": kind, "best": best, "axis": axis,
                "named": named, "winner": means[planted.winner],
                "others": means.drop(planted.winner).max(), "seconds": seconds,
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def counts(found: pd.DataFrame) -> pd.DataFrame:
    """Returns a row a data set: how often the planted winner was named, of how many.

    `low` to `high` is the exact 95 % interval (Clopper and Pearson, Biometrika 26, 1934).
    """
    rows = []
    for name, mine in found.groupby("name", sort=False):
        named, searches = int(mine.named.sum()), len(mine)
        interval = stats.binomtest(named, searches).proportion_ci(method="exact")
        rows.append(
            {
                "name": name, "named": named, "searches": searches, "low": interval.low,
                "high": interval.high, "winner": mine.winner.mean(), "worst": mine.winner.min(),
                "others": mine.others.mean(), "best": mine.others.max(),
                "seconds": mine.seconds.median(),
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def table(found: pd.DataFrame) -> str:
    """Returns the counts as Markdown, and the searches that missed."""
    lines = [
        "| data set | contestants | planted winner | named | 95 % interval | its test accuracy, "
        "mean (lowest) | the other's, mean (highest) | seconds a search, median |",
        "| :--- | :--- | :--- | ---: | ---: | ---: | ---: | ---: |",
    ]
    rows: Any = counts(found).itertuples()
    missed: Any = found[~found.named].itertuples()
    for row in rows:
        planted = PLANTED[row.name]
        winner = f"{planted.winner}, {planted.axis}" if planted.axis else planted.winner
        lines.append(
            f"| {row.name} | {', '.join(planted.contestants)} | {winner} | {row.named} of "
            f"{row.searches} | {100 * row.low:.0f} to {100 * row.high:.0f} % | "
            f"{100 * row.winner:.1f} ({100 * row.worst:.1f}) % | {100 * row.others:.1f} "
            f"({100 * row.best:.1f}) % | {row.seconds:.0f} |"
        )
    lines += [
        f"\nMissed: {row.name}, seed {row.seed}: {row.verdict}, {row.best}"
        f"{f', {row.axis}' if row.axis else ''} ({100 * row.winner:.1f} against "
        f"{100 * row.others:.1f} %)"
        for row in missed
    ]
    return "\n".join(lines)


def main() -> None:
    """Runs what is missing and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=20, help="searches a data set (default: 20)")
    parser.add_argument("--only", choices=PLANTED, nargs="+", default=list(PLANTED))
    parser.add_argument("--out", type=Path, default=Path("runs/planted-truth"))
    options = parser.parse_args()
    known = {(name, seed) for name, seed, _ in finished(options.out)}
    missing = (
        (options.out / f"{name}-{seed}", experiment(options.out, name, seed))
        for seed in range(options.seeds)
        for name in options.only
        if (name, seed) not in known
    )
    for path in complete_all(missing):
        print(path.name, *answer(load_run(path)), flush=True)
    print(table(outcomes(options.out)))


if __name__ == "__main__":
    main()
