"""Run -> frame: whether the finalists were still learning when their training ended."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from scipy import stats

from analysis.run import Run, representatives

FEWEST = 5
"""Epochs of the last third; a slope through fewer says nothing of its own uncertainty."""


def rising(run: Run) -> pd.DataFrame:
    """Returns how steeply validation scores still rose over the last third of the training.

    The median of the slopes between all pairs of epochs (Theil and Sen), which no single epoch can
    turn, with its 95 % interval by Kendall's test (Sen, Journal of the American Statistical
    Association 63, 1968). Of a strategy with several finalists it is that of the mean of their
    curves. Only curves to the last epoch count: those of trials that reached it.

    Args:
        run: the run.

    Returns:
        A frame indexed by strategy, in the experiment's order: `slope`, in score an epoch, more is
        better, with `low` and `high`; `rise`, what another third of the training would add at that
        slope. All are NaN where the last third has fewer than five epochs, or nobody reached it, or
        the finals were trained for longer than any trial.

    >>> from analysis.example import example
    >>> bool(rising(example(lines=0.9)).slope.isna().all())  # nine epochs: a third is too short
    True
    """
    metric, most = run.experiment.objective, run.experiment.max_epochs
    third = most // 3 if most == run.experiment.epochs_of_finals else 0
    chosen = run.trials[run.trials.trial_id.isin(run.finals.trial_id)]
    if chosen.empty:
        chosen = representatives(run).reset_index()
    rows = []
    for strategy in run.experiment.strategies:
        found = dict.fromkeys(("slope", "low", "high", "rise"), math.nan)
        mine = set(chosen.configuration[chosen.strategy == strategy]) if len(chosen) else set()
        curve = _mean_curve(run.epochs, mine, metric.validation, most - third, most)
        if third >= FEWEST and len(curve) == third:
            scores = metric.better(1.0) * curve.to_numpy(dtype=float)
            slope, _, low, high = stats.theilslopes(scores, np.arange(third))
            found = {"slope": slope, "low": low, "high": high, "rise": slope * third}
        rows.append(found)
    return pd.DataFrame(rows, index=pd.Index(run.experiment.strategies, name="strategy"))


def _mean_curve(
    epochs: pd.DataFrame, configurations: set[str], column: str, after: int, last: int
) -> pd.Series:
    """Returns the mean validation score by epoch, of those that were trained to the last."""
    if column not in epochs or not configurations:
        return pd.Series(dtype=float)
    mine = epochs[epochs.configuration.isin(configurations)]
    ended = mine.groupby("configuration").epoch.max()
    mine = mine[mine.configuration.isin(ended.index[ended == last]) & (mine.epoch > after)]
    return mine.groupby("epoch")[column].mean().dropna()
