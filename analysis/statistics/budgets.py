"""Frame -> frame: what accuracy costs, in epochs, time, multiply-adds, parameters and latency."""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.run import Run, representatives
from search.store import Metric

MEASURES = ("epochs", "seconds", "multiply_adds")
COSTS = ("parameters", "multiply_adds", "train_seconds", "latency_ms")


def progress(
    trials: pd.DataFrame, epochs: pd.DataFrame, train_images: float, metric: Metric
) -> pd.DataFrame:
    """Returns how good each strategy's best trial was when it had spent so much.

    A trial counts when it has ended, with its accuracy at the end of its rung, so that nothing is
    chosen for one lucky epoch on the way. Trials of one strategy are put one after the other in the
    order in which they ended, whatever ran beside them: what is spent is the sum.

    Args:
        trials: those of one data set.
        epochs: the epochs of these trials.
        train_images: how many images an epoch has; NaN where nobody knows.
        metric: says which way is better.

    Returns:
        A row a finished trial, sorted by strategy (in the order in which they began) and time:
        `strategy`, `trial_id`, `configuration`, `score`, `best`, the best validation score so far
        (NaN before the first), and what was spent by then: `epochs`; `seconds` of training,
        validation and set-up; `multiply_adds` of the forward passes over the training images (the
        backward passes take about twice as much again, for every strategy). Failed trials spend and
        achieve nothing.

    >>> trials = pd.DataFrame({
    ...     "strategy": "lines", "trial_id": ["x", "y"], "configuration": ["x", "y"],
    ...     "status": "completed", "score": [0.5, 0.25], "started": [0.0, 1.0],
    ...     "finished": [1.0, 2.0], "train_seconds": 2.0, "setup_seconds": 1.0,
    ...     "multiply_adds": 10.0,
    ... })
    >>> from search.store import ACCURACY
    >>> epochs = pd.DataFrame({"trial_id": ["x", "y"], "epoch": 1})
    >>> spent = progress(trials, epochs, 100, ACCURACY)
    >>> spent[["best", "epochs", "seconds"]].to_dict("list")
    {'best': [0.5, 0.5], 'epochs': [1.0, 2.0], 'seconds': [3.0, 6.0]}
    """
    ended = trials[trials.status != "running"]
    rank = {name: place for place, name in enumerate(dict.fromkeys(trials.strategy))}
    ended = ended.assign(
        place=ended.strategy.map(rank), order=ended.finished.fillna(ended.started)
    ).sort_values(["place", "order"], kind="stable", ignore_index=True)
    trained = ended.trial_id.map(epochs.groupby("trial_id").size()).fillna(0)
    spent = pd.DataFrame(
        {
            "epochs": trained,
            "seconds": ended.train_seconds.fillna(0) + ended.setup_seconds.fillna(0),
            "multiply_adds": ended.multiply_adds.fillna(0) * trained * train_images,
        },
        dtype=float,
    )
    score = ended.score.where(ended.status == "completed")
    sign = metric.better(1.0)
    best = sign * (sign * score).groupby(ended.strategy).cummax().groupby(ended.strategy).ffill()
    kept = ended[["strategy", "trial_id", "configuration"]].assign(score=score, best=best)
    return kept.join(spent.groupby(ended.strategy).cumsum())


def at_equal(
    spent: pd.DataFrame,
    metric: Metric,
    fractions: tuple[float, ...] = (0.25, 0.5, 1.0),
) -> pd.DataFrame:
    """Returns the strategies' best validation score when all have spent the same.

    The whole is what the strategy that spent least has spent, so that nobody is judged by what it
    had not yet done.

    Args:
        spent: what `progress` returns.
        metric: says which way is better.
        fractions: of the whole, in (0, 1].

    Returns:
        A row a measure, fraction and strategy: `measure` (`epochs`, `seconds` or `multiply_adds`),
        `fraction`, `budget` in that measure's unit, `strategy`, `best` (NaN where no trial had
        ended by then), and `rank`, 1 for the best, equals sharing the mean of their ranks. A
        measure of which some strategy spent nothing that is known is left out.

    >>> spent = pd.DataFrame({
    ...     "strategy": ["a", "a", "b"], "epochs": [1.0, 4.0, 2.0], "seconds": np.nan,
    ...     "multiply_adds": np.nan, "best": [0.25, 0.75, 0.5],
    ... })
    >>> from search.store import ACCURACY
    >>> whole = at_equal(spent, ACCURACY, fractions=(1.0,))
    >>> whole[["budget", "strategy", "best", "rank"]].to_dict("list")
    {'budget': [2.0, 2.0], 'strategy': ['a', 'b'], 'best': [0.25, 0.5], 'rank': [2.0, 1.0]}
    """
    rows = []
    names = list(dict.fromkeys(spent.strategy))
    for measure in MEASURES:
        whole = spent.groupby("strategy")[measure].max().min() if names else np.nan
        if not whole > 0:
            continue
        for fraction in fractions:
            # A sum of times is only equal to itself up to rounding.
            within = spent[spent[measure] <= fraction * whole * (1 + 1e-9)]
            quality = metric.better(1.0) * within.best
            best = quality.groupby(within.strategy).max().reindex(names)
            rows.append(
                pd.DataFrame(
                    {
                        "measure": measure, "fraction": fraction, "budget": fraction * whole,
                        "strategy": names, "best": metric.better(1.0) * best.to_numpy(),
                        "rank": best.rank(ascending=False).to_numpy(),
                    }
                )
            )  # fmt: skip
    columns = ["measure", "fraction", "budget", "strategy", "best", "rank"]
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=columns)


def costs(run: Run, summary: pd.DataFrame) -> pd.DataFrame:
    """Returns what each strategy's finalist achieves and costs.

    Args:
        run: the run.
        summary: what `statistics.by_strategy` says of its finals.

    Returns:
        A frame indexed by strategy, those with a completed trial alone: `accuracy` (mean test
        accuracy; NaN where untested), `parameters`, `multiply_adds` for one image, `train_seconds`,
        the mean time of a final training, and `latency_ms`, the median time for one image.

    >>> from analysis.statistics.comparisons import by_strategy
    >>> from analysis.example import example
    >>> from search.store import ACCURACY
    >>> run = example(lines=0.9)
    >>> summary = by_strategy(run.finals, None, ["lines"], ACCURACY)
    >>> costs(run, summary).loc["lines", "train_seconds"].item()
    5.0
    """
    standing = representatives(run)
    finals = run.finals[run.finals.status == "completed"].groupby("strategy")
    return pd.DataFrame(
        {
            "accuracy": summary["mean"].reindex(standing.index).astype(float),
            "parameters": standing.parameters,
            "multiply_adds": standing.multiply_adds,
            "train_seconds": finals.train_seconds.mean().reindex(standing.index),
            "latency_ms": finals.latency_ms.median().reindex(standing.index),
        }
    )


def pareto(points: pd.DataFrame, metric: Metric, kinds: tuple[str, ...] = COSTS) -> pd.DataFrame:
    """Returns which strategies none other beats in accuracy and cost at once, for each cost.

    Args:
        points: indexed by strategy, with `accuracy` and a column for each of `kinds`.
        metric: says which way `accuracy` is better.
        kinds: the costs, less is better.

    Returns:
        A row a cost and strategy, without those where either is unknown: `cost`, `strategy`,
        `value`, `accuracy`, `front`: whether nothing is at least as good in both and better in one.
        By cost, then value.

    >>> points = pd.DataFrame({"accuracy": [0.9, 0.8], "parameters": [50.0, 90.0]}, ["a", "b"])
    >>> from search.store import ACCURACY
    >>> pareto(points, ACCURACY, ("parameters",)).front.to_list()
    [True, False]
    """
    parts = []
    for kind in kinds:
        known = (
            points[["accuracy", kind]]
            .dropna()
            .sort_values([kind, "accuracy"], ascending=[True, metric.lowest_is_best], kind="stable")
        )
        value, accuracy = known[kind].to_numpy(dtype=float), known.accuracy.to_numpy(dtype=float)
        parts.append(
            pd.DataFrame(
                {
                    "cost": kind, "strategy": known.index, "value": value, "accuracy": accuracy,
                    "front": on_front(value, metric.better(1.0) * accuracy),
                }
            )
        )  # fmt: skip
    return pd.concat(parts, ignore_index=True).astype({"front": bool})


def on_front(value: np.ndarray, accuracy: np.ndarray) -> np.ndarray:
    """Returns which points no other is at least as good as in both and better in one.

    Args:
        value: what each costs, shape (points,).
        accuracy: shape (points,).

    Returns:
        bool, shape (points,); of equal points all or none.

    >>> on_front(np.array([1.0, 2.0, 3.0]), np.array([0.5, 0.4, 0.6]))
    array([ True, False,  True])
    """
    order = np.lexsort((-accuracy, value))
    cost, gain = value[order], accuracy[order]
    # The most accurate of all that cost less, and of all that cost the same (which come first).
    first = np.searchsorted(cost, cost, side="left")
    highest = np.concatenate([[-np.inf], np.maximum.accumulate(gain)])
    front = np.empty(len(order), dtype=bool)
    front[order] = (gain > highest[first]) & (gain == gain[first]) if len(order) else False
    return front
