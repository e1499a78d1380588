"""Frames -> frame: what several data sets say together.

Demšar, Statistical Comparisons of Classifiers over Multiple Data Sets (JMLR 7, 2006): ranks by data
set, Friedman's test whether any differ, and Nemenyi's critical difference which do.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping
from typing import Literal

import numpy as np
import pandas as pd
from scipy import stats

from analysis.run import Run
from analysis.statistics import comparisons
from analysis.statistics.comparisons import SIGNIFICANT
from analysis.statistics.intervals import CONFIDENCE
from search.store import Metric

FEWEST_DATASETS = 5
FEWEST_STRATEGIES = 3


def accuracies(runs: Mapping[str, Run]) -> pd.DataFrame:
    """Returns a row a run and strategy that was tested in it.

    Args:
        runs: by what each is called.

    Returns:
        `run`, `dataset`, `strategy`, `mean` test accuracy in [0, 1] and `seeds`.

    >>> from analysis.example import example
    >>> accuracies({"one": example(lines=0.9, patches=0.5)}).strategy.to_list()
    ['lines', 'patches']
    """
    columns = ["run", "dataset", "strategy", "mean", "seeds"]
    parts = [pd.DataFrame(columns=columns)]
    for name, run in runs.items():
        asked = run.experiment
        summary = comparisons.by_strategy(run.finals, None, asked.strategies, asked.objective)
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

    >>> accuracy_table(pd.DataFrame({
    ...     "run": ["one", "two"], "dataset": "digits", "strategy": "lines", "mean": [0.5, 0.75],
    ... })).lines.to_dict()
    {'digits': 0.625}
    """
    table = scores.groupby([index, "strategy"])["mean"].mean().unstack("strategy")
    names, rows = list(dict.fromkeys(scores.strategy)), list(dict.fromkeys(scores[index]))
    return table.reindex(index=rows, columns=names).astype(float)


def complete(table: pd.DataFrame) -> pd.DataFrame:
    """Returns the table without the strategies that are not tested on every data set.

    Args:
        table: a row a data set, a column a strategy; NaN where untested.

    >>> complete(pd.DataFrame({"a": [0.9, 0.8], "b": [0.7, math.nan]})).columns.to_list()
    ['a']
    """
    return table.dropna(axis="columns")


def ranks(table: pd.DataFrame, metric: Metric) -> pd.DataFrame:
    """Returns each strategy's rank by data set and over them.

    Args:
        table: what `accuracy_table` returns; strategies that lack a data set are left out, since
            a rank among others is another rank.
        metric: says which way is better.

    Returns:
        A frame indexed by strategy, the best mean rank first: a column a data set, 1 for the best,
        equals sharing the mean of their ranks; and `mean rank`.

    >>> from search.store import ACCURACY
    >>> ranks(pd.DataFrame({"a": [0.9, 0.8], "b": [0.7, 0.8]}, ["digits", "mnist"]), ACCURACY)
       digits  mnist  mean rank
    a     1.0    1.5       1.25
    b     2.0    1.5       1.75
    """
    placed = complete(table).rank(axis="columns", ascending=metric.lowest_is_best).T
    return placed.assign(**{"mean rank": placed.mean(axis="columns")}).sort_values(
        "mean rank", kind="stable"
    )


def win_matrix(runs: Iterable[Run]) -> pd.DataFrame:
    """Returns on how many data sets each strategy beats each other, beyond what chance explains.

    Args:
        runs: any number. Each counts once, two on one data set both.

    Returns:
        A row a pair of strategies in either order that met in a run: `strategy`, `other`, `wins`
        (told apart, strategy ahead), `ties` (chance explains the difference), `losses`, `unknown`
        (nobody knows whether it does: a single seed, say), and `ahead`, in how many its mean is
        the better, whether or not by chance.

    >>> from analysis.example import example
    >>> win_matrix([example(lines=0.9, patches=0.5)])
      strategy    other  wins  ties  losses  unknown  ahead
    0    lines  patches     1     0       0        0      1
    1  patches    lines     0     0       1        0      0
    """
    parts = []
    for run in runs:
        asked = run.experiment
        pairs = comparisons.pairwise(
            run.finals, run.test_labels, asked.strategies, asked.objective, asked.level
        )
        won, above = pairs.significant.astype(int), (pairs.difference > 0).astype(int)
        unknown = pairs.p.isna().astype(int)
        there = pairs[["strategy", "other"]].assign(
            wins=won, ties=1 - won - unknown, losses=0, unknown=unknown, ahead=above
        )
        back = there.rename(columns={"strategy": "other", "other": "strategy"})
        parts += [there, back.assign(wins=0, losses=won, ahead=0)]
    columns = ["strategy", "other", "wins", "ties", "losses", "unknown", "ahead"]
    if not parts:
        return pd.DataFrame(columns=columns)
    met = pd.concat(parts)[columns]
    return met.groupby(columns[:2], sort=False).sum().reset_index()


Finding = Literal["too_few", "equal", "alike", "differ"]


@dataclasses.dataclass(frozen=True)
class RankTest:
    """What ranks over data sets show.

    Attributes:
        finding: `too_few` data sets or strategies to test; `equal` everywhere; `alike`, no more
            uneven than chance explains; `differ`.
        statistic: Friedman's χ², NaN where there are too few data sets or strategies.
        p: the probability of ranks so uneven if all strategies were alike; NaN likewise.
        critical_difference: how far two mean ranks must lie apart (Nemenyi, 5 % over all pairs);
            NaN likewise.
        datasets: how many were compared.
        strategies: how many were compared.
        left_out: who was not tested on all of them.
        first: who ranks highest where they differ, else None.
        mean_rank: of the first; NaN likewise.
        behind: who lies behind the first by more than the critical difference, the best first.
    """

    finding: Finding
    statistic: float
    p: float
    critical_difference: float
    datasets: int
    strategies: int
    left_out: tuple[str, ...]
    first: str | None = None
    mean_rank: float = math.nan
    behind: tuple[str, ...] = ()


def compare_ranks(table: pd.DataFrame, metric: Metric) -> RankTest:
    """Tests whether the strategies' ranks differ over data sets.

    Args:
        table: what `accuracy_table` returns; strategies that lack a data set are left out.
        metric: says which way is better.

    >>> from search.store import ACCURACY
    >>> table = pd.DataFrame({"a": [0.9] * 6, "b": [0.8] * 6, "c": [0.7] * 6})
    >>> found = compare_ranks(table, ACCURACY)
    >>> found.finding, found.first, found.behind, round(found.critical_difference, 2)
    ('differ', 'a', ('c',), 1.35)
    """
    kept = complete(table)
    data, count = kept.shape
    left_out = tuple(str(name) for name in table.columns if name not in kept.columns)
    if data < FEWEST_DATASETS or count < FEWEST_STRATEGIES:
        return RankTest("too_few", math.nan, math.nan, math.nan, data, count, left_out)
    needed = critical_difference(count, data)
    if (kept.nunique(axis="columns") == 1).all():  # SciPy divides by the spread of the ranks
        return RankTest("equal", 0.0, 1.0, needed, data, count, left_out)
    found = stats.friedmanchisquare(*kept.to_numpy().T)
    tested = (float(found.statistic), float(found.pvalue), needed, data, count, left_out)
    if found.pvalue >= SIGNIFICANT:
        return RankTest("alike", *tested)
    mean = ranks(table, metric)["mean rank"]
    first = str(mean.index[0])
    behind = tuple(str(name) for name in mean.index if mean[name] - mean[first] > needed)
    return RankTest("differ", *tested, first, float(mean[first]), behind)


def critical_difference(strategies: int, datasets: int) -> float:
    """Returns how far two mean ranks must lie apart to differ by Nemenyi's test at 5 %.

    q √(k (k + 1) / 6 N), with q the studentized range of k means over √2 (Demšar 2006, table 5).

    Args:
        strategies: k, how many are ranked.
        datasets: N, on how many data sets.

    >>> round(critical_difference(5, 14), 2)
    1.63
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

    >>> cliques(pd.Series({"a": 1.0, "b": 1.5, "c": 2.4}), 1.0)
    [('a', 'b'), ('b', 'c')]
    """
    names, values = [str(name) for name in mean_ranks.index], mean_ranks.to_numpy(dtype=float)
    ends = np.searchsorted(values, values + needed + 1e-12, side="right")
    return [
        tuple(names[start:end])
        for start, end in enumerate(ends)
        if end - start > 1 and (start == 0 or end > ends[start - 1])
    ]
