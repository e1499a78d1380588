"""Run -> frames: what the finals say by strategy, and which differences are more than chance."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from analysis.run import Run
from analysis.statistics import intervals, samples
from search.store import Metric, by_mean

SIGNIFICANT = intervals.LEVEL
FEWEST = 3
"""Replicates of a strategy below which it is neither a winner nor tied: two say next to nothing of
how far a third would differ."""


@dataclasses.dataclass(frozen=True, eq=False)
class Comparisons:
    """What the finals of a run say.

    Attributes:
        summary: what `by_strategy` returns.
        against_best: what `against_best` returns.
        judged: the strategies that are compared, the best first: those with three replicates and
            the predictions of all, searched for the whole of their share.
    """

    summary: pd.DataFrame
    against_best: pd.DataFrame
    judged: tuple[str, ...]


def compare(run: Run, draws: int = intervals.DRAWS) -> Comparisons:
    """Compares the strategies of a run by its finals.

    Args:
        run: the run, of one data set.
        draws: how many the bootstrap takes. The same finals give the same draws.

    >>> from analysis.example import example
    >>> list(compare(example(lines=0.9, patches=0.5)).against_best.index)
    ['patches']
    """
    names, metric = run.experiment.strategies, run.experiment.objective
    summary = by_strategy(run.finals, run.test_labels, names, metric, draws)
    found = samples.samples(run.finals, run.test_labels, names, metric)
    judged = {
        str(name): found[name]
        for name in summary.index
        if name in found and len(found[name]) >= FEWEST and name not in cut_short(run)
    }
    against = against_best(judged, metric, run.experiment.level)
    return Comparisons(summary, against, tuple(judged))


def cut_short(run: Run) -> tuple[str, ...]:
    """Returns the strategies of which the budget left no whole search.

    >>> from analysis.example import example
    >>> cut_short(example(lines=0.9))
    ()
    """
    whole = run.searches.groupby("strategy").whole.any()
    return tuple(name for name in run.experiment.strategies if not whole.get(name, True))


def by_strategy(
    finals: pd.DataFrame,
    labels: np.ndarray | None,
    strategies: Sequence[str],
    metric: Metric,
    draws: int = intervals.DRAWS,
) -> pd.DataFrame:
    """Summarises the finals of one data set.

    Args:
        finals: the rows of one data set, as for `samples.correctness`.
        labels: the test images' classes, shape (test images,), or None.
        strategies: every strategy that competed.
        metric: what is judged by.
        draws: how many the bootstrap takes. The same finals give the same draws.

    Returns:
        A frame indexed by strategy, the best first and untested last, with test scores: over
        replicates (iterations, or seeds where there is one iteration) `mean`, `std`
        (NaN for one), `min`, `max`, the bootstrap's 95 % interval `low` to `high`, and the numbers
        of `replicates`, of completed `seeds` and of `failed` ones.

    >>> from analysis.example import example
    >>> from search.store import ACCURACY
    >>> run = example(lines=0.9, patches=0.5)
    >>> by_strategy(run.finals, run.test_labels, ["patches", "lines"], ACCURACY).seeds
    strategy
    lines      3
    patches    3
    Name: seeds, dtype: int64
    """
    correct = samples.samples(finals, labels, strategies, metric)
    tested = {name: samples.replicates(finals, name) for name in strategies}
    ends: dict[str, np.ndarray] = {}
    if correct:
        drawn = intervals.bootstrap([*correct.values()], _generator(), draws)
        ends = dict(zip(correct, intervals.percentiles(drawn, metric.ends).T, strict=True))
    rows = []
    for strategy, found in tested.items():
        mine = finals[finals.strategy == strategy]
        row: dict[str, float] = {
            "replicates": len(found),
            "seeds": len(samples.completed(mine)),
            "failed": int((mine.status == "failed").sum()),
        }
        if len(found):
            row |= {"mean": found.mean(), "min": found.min(), "max": found.max()}
            row |= {"std": float(np.std(found, ddof=1)) if len(found) > 1 else math.nan}
            low, high = ends.get(strategy, (math.nan, math.nan))
            row |= {"low": low, "high": high}
        rows.append(row)
    columns = ["mean", "std", "min", "max", "low", "high", "replicates", "seeds", "failed"]
    frame = pd.DataFrame(rows, index=pd.Index(strategies, name="strategy"), columns=columns)
    order = _best_first(finals, strategies, metric)
    return frame.loc[[*order, *(name for name in strategies if name not in order)]]


def against_best(judged: Mapping[str, np.ndarray], metric: Metric, level: float) -> pd.DataFrame:
    """Compares the best strategy with each of the others.

    A strategy is told from the best by Bonferroni's correction for the number of others: as in
    Hsu's comparisons with the best (Annals of Statistics 9, 1981), which strategy is the best is
    asked, and not who differs from whom, or eleven strategies would pay for fifty-five pairs.

    To win is to beat every other, so the probability to name a winner by mistake is at most the
    largest of the uncorrected p (Gutmann and Maymin, Is the selected population the best?, Annals
    of Statistics 15, 1987). Where that is below the level, it counts, with intervals to match.

    Args:
        judged: strategy to its evidence, one of `samples.samples`, the best first.
        metric: what is judged by.
        level: of each look (`Experiment.level`).

    Returns:
        A frame indexed by strategy, without the best, the best of them first. It has `best`, its
        name; `difference`, how much better than it this one is (at most 0); the interval `low` to
        `high`, which holds 0 unless the two are told apart; `p`, corrected for the others and for
        the looks; `significant`: whether they are told apart (p below 0.05); `more_replicates`,
        how many more would tell them apart if they differ as they seem to (infinite for more than
        100; 0 where they are told apart).

    >>> from search.store import ACCURACY
    >>> images = np.arange(200) / 200
    >>> evidence = {
    ...     name: np.array([images < mean, images < mean + 0.01, images < mean - 0.01])
    ...     for name, mean in (("lines", 0.9), ("patches", 0.5))
    ... }
    >>> against_best(evidence, ACCURACY, 0.05).significant
    strategy
    patches    True
    Name: significant, dtype: bool
    """
    columns = ["best", "difference", "low", "high", "p", "significant", "more_replicates"]
    best, *others = judged or [""]
    p = np.array([samples.gain(judged[best], judged[other], metric).p for other in others])
    winner = bool(len(p)) and p.max() < level
    corrected = np.minimum(p * len(p), p.max()) if winner else p * len(p)
    corrected = intervals.for_looks(corrected, level)
    rows: list[tuple[object, ...]] = []
    for other, chance in zip(others, corrected, strict=True):
        one, two = judged[best], judged[other]
        found = samples.gain(one, two, metric, level if winner else level / len(p))
        more = 0.0
        if chance >= SIGNIFICANT:
            more = intervals.more_replicates(one, two, level / len(p))
        rows.append(
            (best, -found.value, -found.high, -found.low, chance, chance < SIGNIFICANT, more)
        )
    frame = pd.DataFrame(rows, columns=columns, index=pd.Index(others, name="strategy"))
    return frame.astype({"significant": bool, "more_replicates": float})


def pairwise(
    finals: pd.DataFrame,
    labels: np.ndarray | None,
    strategies: Sequence[str],
    metric: Metric,
    level: float = intervals.LEVEL,
) -> pd.DataFrame:
    """Compares every two strategies that were tested.

    Args:
        finals: the rows of one data set, as for `samples.correctness`.
        labels: the test images' classes, shape (test images,), or None.
        strategies: every strategy that competed; of equal means the first here is the better.
        metric: what is judged by.
        level: of each look (`Experiment.level`).

    Returns:
        A row a pair: `strategy` and the worse `other`; `difference`, by how much it is the better
        (at least 0); `p`, corrected by Holm for all pairs, and for the looks; `significant`:
        whether they can be told apart (p below 0.05). p is NaN, and `significant` False, where one
        has fewer than three replicates, or no predictions. Best strategy first, then other.

    >>> from analysis.example import example
    >>> from search.store import ACCURACY
    >>> run = example(patches=0.5, lines=0.9)
    >>> pairs = pairwise(run.finals, run.test_labels, ["patches", "lines"], ACCURACY)
    >>> pairs.iloc[0, [0, 1, 4]].to_dict()
    {'strategy': 'lines', 'other': 'patches', 'significant': True}
    """
    correct = samples.samples(finals, labels, strategies, metric)
    order = _best_first(finals, strategies, metric)
    means = {name: float(samples.replicates(finals, name).mean()) for name in order}
    rows: list[tuple[object, ...]] = []
    for one, other in itertools.combinations(order, 2):
        gap, p = metric.better(means[one]) - metric.better(means[other]), math.nan
        if min(len(correct.get(name, ())) for name in (one, other)) >= FEWEST:
            p = samples.gain(correct[one], correct[other], metric).p
        rows.append((one, other, gap, p))
    frame = pd.DataFrame(rows, columns=["strategy", "other", "difference", "p"])
    corrected = intervals.for_looks(intervals.holm(frame.p.to_numpy(dtype=float)), level)
    frame = frame.assign(p=corrected, significant=corrected < SIGNIFICANT)
    return frame.astype({"significant": bool})


def _best_first(finals: pd.DataFrame, strategies: Sequence[str], metric: Metric) -> list[str]:
    found = {name: samples.replicates(finals, name) for name in strategies}
    return by_mean({name: mine.tolist() for name, mine in found.items() if len(mine)}, metric)


def _generator() -> np.random.Generator:
    """The same finals give the same intervals, and the same report to the byte."""
    return np.random.default_rng(0)
