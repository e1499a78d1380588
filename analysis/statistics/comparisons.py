"""Run -> frames: what the finals say by strategy, and which differences are more than chance."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.run import Run
from analysis.statistics import intervals, samples
from search.store import Metric, by_mean

SIGNIFICANT = 1 - intervals.CONFIDENCE


@dataclasses.dataclass(frozen=True, eq=False)
class Comparisons:
    """What the finals of a run say.

    Attributes:
        summary: what `by_strategy` returns.
        pairs: what `pairwise` returns.
        against_best: what `against_best` returns.
    """

    summary: pd.DataFrame
    pairs: pd.DataFrame
    against_best: pd.DataFrame


def compare(run: Run, draws: int = intervals.DRAWS) -> Comparisons:
    """Compares the strategies of a run by its finals.

    Args:
        run: the run, of one data set.
        draws: how many the bootstrap takes. The same finals give the same draws.

    >>> from analysis.example import example
    >>> list(compare(example(lines=0.9, patches=0.5)).against_best.index)
    ['patches']
    """
    names, metric = run.experiment.strategies, run.experiment.metric
    pairs = pairwise(run.finals, run.test_labels, names, metric)
    summary = by_strategy(run.finals, run.test_labels, names, metric, draws)
    return Comparisons(summary, pairs, against_best(pairs))


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
        A frame indexed by strategy, the best first and untested last, with test scores in
        [0, 1]: over replicates (iterations, or seeds where there is one iteration) `mean`, `std`
        (NaN for one), `min`, `max`, the bootstrap's 95 % interval `low` to `high`, `p_best`, the
        probability that this one is truly the best (NaN where a tested strategy has a single
        replicate or no predictions), and the numbers of `replicates`, of completed `seeds` and of
        `failed` ones.

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
    chances: dict[str, float] = {}
    if correct:
        scores = [sample.scores for sample in correct.values()]
        drawn = intervals.bootstrap(scores, _generator(), draws)
        ends = dict(zip(correct, intervals.percentiles(drawn).T, strict=True))
        if all(name in correct for name in strategies if len(tested[name])):
            best = intervals.probability_of_best(metric.better(1.0) * drawn)
            chances = dict(zip(correct, best, strict=True))
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
            row |= {"low": low, "high": high, "p_best": chances.get(strategy, math.nan)}
        rows.append(row)
    columns = [
        *("mean", "std", "min", "max", "low", "high", "p_best"),
        *("replicates", "seeds", "failed"),
    ]
    frame = pd.DataFrame(rows, index=pd.Index(strategies, name="strategy"), columns=columns)
    order = _best_first(finals, strategies, metric)
    return frame.loc[[*order, *(name for name in strategies if name not in order)]]


def pairwise(
    finals: pd.DataFrame,
    labels: np.ndarray | None,
    strategies: Sequence[str],
    metric: Metric,
) -> pd.DataFrame:
    """Compares every two strategies that were tested.

    To be the best is to beat every other, so the probability to say so by mistake is at most the
    largest p of the best's comparisons, uncorrected (an intersection-union test; Berger,
    Technometrics 24, 1982). Where that is below 0.05 and Holm's p is larger, it is taken: naming a
    winner among eleven does not pay for the fifty-five pairs.

    Args:
        finals: the rows of one data set, as for `samples.correctness`.
        labels: the test images' classes, shape (test images,), or None.
        strategies: every strategy that competed; of equal means the first here is the better.
        metric: what is judged by.

    Returns:
        A row a pair: `strategy` and the worse `other`; `difference`, by how much it is the better
        (at least 0); the 95 % interval `low` to `high` of this one comparison; `p`, corrected by
        Holm for all pairs; `significant`: whether they can be told apart (p below 0.05);
        `more_seeds`, how many more would tell them apart if they differ as they seem to (infinite
        for more than 100; 0 where they are told apart). All but the difference are NaN, and
        `significant` is False, where one has a single replicate or no predictions. Best strategy
        first, then other.

    >>> from analysis.example import example
    >>> from search.store import ACCURACY
    >>> run = example(patches=0.5, lines=0.9)
    >>> pairs = pairwise(run.finals, run.test_labels, ["patches", "lines"], ACCURACY)
    >>> pairs.iloc[0, [0, 1, 6]].to_dict()
    {'strategy': 'lines', 'other': 'patches', 'significant': True}
    """
    correct = samples.samples(finals, labels, strategies, metric)
    order = _best_first(finals, strategies, metric)
    means = {name: float(samples.replicates(finals, name).mean()) for name in order}
    rows: list[tuple[object, ...]] = []
    for one, other in itertools.combinations(order, 2):
        gap = metric.better(means[one]) - metric.better(means[other])
        found = intervals.estimate(gap, [(math.nan, math.nan)])
        if one in correct and other in correct:
            found = samples.gain(correct[one], correct[other], metric)
        rows.append((one, other, *found[:4]))
    columns = ["strategy", "other", "difference", "low", "high", "p"]
    frame = pd.DataFrame(rows, columns=columns)
    p = frame.p.to_numpy(dtype=float)
    corrected = intervals.holm(p)
    of_best = (frame.strategy == order[0]).to_numpy() if len(frame) else np.zeros(0, dtype=bool)
    if of_best.any() and p[of_best].max() < SIGNIFICANT:  # never where one is NaN
        corrected[of_best] = np.minimum(corrected[of_best], p[of_best].max())
    frame = frame.assign(p=corrected, significant=corrected < SIGNIFICANT)
    frame["more_seeds"] = [
        0.0 if row["significant"] else _more_seeds(correct, row["strategy"], row["other"])
        for row in frame.to_dict("records")
    ]
    return frame.astype({"significant": bool, "more_seeds": float})


def against_best(pairs: pd.DataFrame) -> pd.DataFrame:
    """Returns the comparisons of the best strategy with each of the others.

    Args:
        pairs: what `pairwise` returns.

    Returns:
        A frame indexed by strategy, without the best and the untested, the best of them first. It
        has `best`, its name; `difference`, how much better than it this one is (at most 0); `low`
        to `high`; `p`; `significant`; `more_seeds`.

    >>> pairs = pd.DataFrame({
    ...     "strategy": ["a", "a", "b"], "other": ["b", "c", "c"], "difference": [0.1, 0.3, 0.2],
    ...     "low": 0.0, "high": 0.5, "p": 0.2, "significant": False, "more_seeds": 4.0,
    ... })
    >>> against_best(pairs).difference.to_dict()
    {'b': -0.1, 'c': -0.3}
    """
    mine = pairs[pairs.strategy == pairs.strategy.iloc[0]] if len(pairs) else pairs
    frame = pd.DataFrame(
        {
            "best": mine.strategy, "difference": -mine.difference, "low": -mine.high,
            "high": -mine.low, "p": mine.p, "significant": mine.significant,
            "more_seeds": mine.more_seeds,
        }
    )  # fmt: skip
    return frame.set_axis(pd.Index(mine.other, name="strategy"))


def groups(pairs: pd.DataFrame) -> pd.DataFrame:
    """Returns the groups of strategies that cannot be told apart, as letters.

    Two strategies share a letter if and only if they cannot be told apart (Piepho, Journal of
    Computational and Graphical Statistics 13, 2004): insert and absorb, from one group of all.

    Args:
        pairs: what `pairwise` returns.

    Returns:
        A frame indexed by strategy, the best first: `groups`, a string such as "ab".

    >>> pairs = pd.DataFrame({
    ...     "strategy": ["a", "a", "b"], "other": ["b", "c", "c"],
    ...     "significant": [False, True, False],
    ... })
    >>> groups(pairs).groups.to_dict()
    {'a': 'a', 'b': 'ab', 'c': 'b'}
    """
    names = list(dict.fromkeys([*pairs.strategy, *pairs.other]))
    found = [frozenset(names)] if names else []
    for row in pairs[pairs.significant].itertuples():
        split = [
            part
            for group in found
            for part in (
                [group - {row.strategy}, group - {row.other}]
                if {row.strategy, row.other} <= group
                else [group]
            )
        ]
        unique = list(dict.fromkeys(split))
        found = [group for group in unique if not any(group < other for other in unique)]
    found.sort(key=lambda group: sorted(map(names.index, group)))
    letters = [
        "".join(_letter(place) for place, group in enumerate(found) if name in group)
        for name in names
    ]
    return pd.DataFrame({"groups": letters}, index=pd.Index(names, name="strategy"))


def _letter(place: int) -> str:
    return (
        chr(ord("a") + place) if place < 26 else f"{_letter(place // 26 - 1)}{_letter(place % 26)}"
    )


def _more_seeds(correct: dict[str, samples.Sample], one: str, other: str) -> float:
    if one not in correct or other not in correct:
        return math.nan
    return intervals.more_seeds(*samples.matched(correct[one], correct[other]))


def _best_first(finals: pd.DataFrame, strategies: Sequence[str], metric: Metric) -> list[str]:
    found = {name: samples.replicates(finals, name) for name in strategies}
    return by_mean({name: mine.tolist() for name, mine in found.items() if len(mine)}, metric)


def _generator() -> np.random.Generator:
    """The same finals give the same intervals, and the same report to the byte."""
    return np.random.default_rng(0)
