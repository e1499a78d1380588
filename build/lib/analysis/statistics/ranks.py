"""Frames -> frame: what several data sets say together.

Demšar, Statistical Comparisons of Classifiers over Multiple Data Sets (JMLR 7, 2006): ranks by data
set, Friedman's test whether any differ, and Nemenyi's critical difference which do.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
from scipy import stats

from analysis.formatting import label, listing, p_value, plural
from analysis.run import Run
from analysis.statistics import comparisons
from analysis.statistics.intervals import CONFIDENCE

FEWEST_DATASETS = 5
FEWEST_STRATEGIES = 3


def accuracies(runs: Mapping[str, Run]) -> pd.DataFrame:
    """Returns a row a run and strategy that was tested in it.

    Args:
        runs: by what each is called.

    Returns:
        `run`, `dataset`, `strategy`, `mean` test accuracy and `seeds`.
    """
    columns = ["run", "dataset", "strategy", "mean", "seeds"]
    parts = [pd.DataFrame(columns=columns)]
    for name, run in runs.items():
        summary = comparisons.by_strategy(run.finals, None, run.experiment.strategies)
        tested = summary[summary.seeds > 0].reset_index()
        parts.append(tested.assign(run=name, dataset=run.experiment.dataset_name)[columns])
    return pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)


def accuracy_table(scores: pd.DataFrame, index: str = "dataset") -> pd.DataFrame:
    """Returns accuracies with a row a data set, or a run, and a column a strategy.

    Args:
        scores: what `accuracies` returns.
        index: `dataset` or `run`. Of several runs on one data set the mean is taken, so that a data
            set counts once.

    Returns:
        NaN where a strategy was not tested on a data set, or in a run. Rows and columns are in the
        order of `scores`.
    """
    table = scores.groupby([index, "strategy"])["mean"].mean().unstack("strategy")
    names, rows = list(dict.fromkeys(scores.strategy)), list(dict.fromkeys(scores[index]))
    return table.reindex(index=rows, columns=names).astype(float)


def complete(table: pd.DataFrame) -> pd.DataFrame:
    """Returns the table without the strategies that are not tested on every data set."""
    return table.dropna(axis="columns")


def ranks(table: pd.DataFrame) -> pd.DataFrame:
    """Returns each strategy's rank by data set and over them.

    Args:
        table: what `accuracy_table` returns; strategies that lack a data set are left out, since
            a rank among others is another rank.

    Returns:
        A frame indexed by strategy, the best mean rank first: a column a data set, 1 for the most
        accurate, equals sharing the mean of their ranks; and `mean rank`.
    """
    placed = complete(table).rank(axis="columns", ascending=False).T
    return placed.assign(**{"mean rank": placed.mean(axis="columns")}).sort_values(
        "mean rank", kind="stable"
    )


def win_matrix(runs: Iterable[Run]) -> pd.DataFrame:
    """Returns on how many data sets each strategy beats each other, beyond what chance explains.

    Args:
        runs: any number. Each counts once, two on one data set both.

    Returns:
        A row a pair of strategies in either order that met in a run: `strategy`, `other`, `wins`
        (told apart, strategy ahead), `ties` (not told apart), `losses`, and `ahead`, in how many
        its mean is the higher, whether or not by chance.
    """
    parts = []
    for run in runs:
        pairs = comparisons.pairwise(run.finals, run.test_labels, run.experiment.strategies)
        apart, above = pairs.apart.astype(int), (pairs.difference > 0).astype(int)
        there = pairs[["strategy", "other"]].assign(
            wins=apart, ties=1 - apart, losses=0, ahead=above
        )
        back = there.rename(columns={"strategy": "other", "other": "strategy"})
        parts += [there, back.assign(wins=0, losses=apart, ahead=0)]
    columns = ["strategy", "other", "wins", "ties", "losses", "ahead"]
    if not parts:
        return pd.DataFrame(columns=columns)
    met = pd.concat(parts)[columns]
    return met.groupby(columns[:2], sort=False).sum().reset_index()


@dataclasses.dataclass(frozen=True)
class AcrossDatasets:
    """What ranks over data sets show.

    Attributes:
        statistic: Friedman's χ², NaN where there are too few data sets or strategies.
        p: the probability of ranks so uneven if all strategies were alike; NaN likewise.
        critical_difference: how far two mean ranks must lie apart (Nemenyi, 5 % over all pairs);
            NaN likewise.
        datasets: how many were compared.
        sentence: all this in words.
    """

    statistic: float
    p: float
    critical_difference: float
    datasets: int
    sentence: str


def compare_ranks(table: pd.DataFrame) -> AcrossDatasets:
    """Tests whether the strategies' ranks differ over data sets.

    Args:
        table: what `accuracy_table` returns; strategies that lack a data set are left out.
    """
    kept = complete(table)
    data, count = kept.shape
    missing = [label(str(name)) for name in table.columns if name not in kept.columns]
    left_out = f" Not tested on all of them, so left out: {listing(missing)}." if missing else ""
    if data < FEWEST_DATASETS or count < FEWEST_STRATEGIES:
        text = (
            f"{plural(data, 'data set')} and {count} strategies are too few to test ranks over "
            f"data sets: that takes {FEWEST_DATASETS} and {FEWEST_STRATEGIES}. "
            "The ranks describe these data sets and say nothing of others."
        ).replace("1 strategies", "1 strategy")
        return AcrossDatasets(math.nan, math.nan, math.nan, data, text + left_out)
    if (kept.nunique(axis="columns") == 1).all():  # SciPy divides by the spread of the ranks
        text = "All strategies are equally accurate on every data set."
        return AcrossDatasets(0.0, 1.0, critical_difference(count, data), data, text + left_out)
    found = stats.friedmanchisquare(*kept.to_numpy().T)
    needed = critical_difference(count, data)
    mean = ranks(table)["mean rank"]
    start = f"Over {data} data sets "
    ending = f"(Friedman's test: {p_value(float(found.pvalue))})."
    if found.pvalue >= 1 - CONFIDENCE:
        text = f"{start}no strategy ranks higher than chance explains {ending}"
    else:
        first = str(mean.index[0])
        behind = [label(str(name)) for name in mean.index if mean[name] - mean[first] > needed]
        text = (
            f"{start}strategies rank differently {ending} {label(first)} ranks highest, on average "
            f"{mean[first]:.1f}; "
            + (
                f"beyond the critical difference of {needed:.2f} behind it: {listing(behind)}."
                if behind
                else f"none is behind it by the critical difference of {needed:.2f}."
            )
        )
    return AcrossDatasets(
        float(found.statistic), float(found.pvalue), needed, data, text + left_out
    )


def critical_difference(strategies: int, datasets: int) -> float:
    """Returns how far two mean ranks must lie apart to differ by Nemenyi's test at 5 %.

    q √(k (k + 1) / 6 N), with q the studentized range of k means over √2 (Demšar 2006, table 5).
    """
    q = float(stats.studentized_range.ppf(CONFIDENCE, strategies, np.inf)) / math.sqrt(2)
    return q * math.sqrt(strategies * (strategies + 1) / (6 * datasets))


def cliques(mean_ranks: pd.Series, needed: float) -> list[tuple[str, ...]]:
    """Returns the bars of a critical-difference diagram.

    Args:
        mean_ranks: indexed by strategy, lowest first.
        needed: the critical difference.

    Returns:
        The largest runs of at least two neighbours whose mean ranks differ by at most `needed`.
    """
    names, values = [str(name) for name in mean_ranks.index], mean_ranks.to_numpy(dtype=float)
    ends = np.searchsorted(values, values + needed + 1e-12, side="right")
    return [
        tuple(names[start:end])
        for start, end in enumerate(ends)
        if end - start > 1 and (start == 0 or end > ends[start - 1])
    ]
