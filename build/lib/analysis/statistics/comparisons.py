"""Frame -> frame: what the finals say by strategy, and which differences are more than chance."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.statistics import intervals

SIGNIFICANT = 1 - intervals.CONFIDENCE


def correctness(
    finals: pd.DataFrame, labels: np.ndarray | None, strategies: Sequence[str]
) -> dict[str, np.ndarray]:
    """Returns which test images each seed of each strategy names correctly.

    Args:
        finals: the rows of one data set.
        labels: the test images' classes, shape (test images,), or None where nobody knows.
        strategies: every strategy that competed.

    Returns:
        By strategy, bool of shape (completed seeds, test images). A strategy without a completed
        seed, or of whose seeds one has no predictions, is left out.
    """
    if labels is None or not len(labels):
        return {}
    found = {}
    completed = _completed(finals)
    for name in strategies:
        named = list(completed.predictions[completed.strategy == name])
        if named and all(one is not None and len(one) == len(labels) for one in named):
            found[name] = np.stack(named) == labels
    return found


def by_strategy(
    finals: pd.DataFrame,
    labels: np.ndarray | None,
    strategies: Sequence[str],
    draws: int = intervals.DRAWS,
) -> pd.DataFrame:
    """Summarises the finals of one data set.

    Args:
        finals: the rows of one data set.
        labels: the test images' classes, shape (test images,), or None.
        strategies: every strategy that competed.
        draws: how many the bootstrap takes. The same finals give the same draws.

    Returns:
        A frame indexed by strategy, most accurate first and untested last, with test accuracies in
        [0, 1]: `mean`, `std` over seeds (NaN for one seed), `min`, `max`, the bootstrap's 95 %
        interval `low` to `high`, `p_best`, the probability that this one is truly the most
        accurate (NaN where a tested strategy has a single seed or no predictions), and the numbers
        of completed `seeds` and of `failed` ones.
    """
    right = correctness(finals, labels, strategies)
    tested = {name: _seeds(finals[finals.strategy == name]) for name in strategies}
    ends: dict[str, np.ndarray] = {}
    chances: dict[str, float] = {}
    if right:
        drawn = intervals.bootstrap(list(right.values()), _generator(), draws)
        ends = dict(zip(right, intervals.percentiles(drawn).T, strict=True))
        if all(name in right for name in strategies if len(tested[name])):
            chances = dict(zip(right, intervals.probability_of_best(drawn), strict=True))
    rows = []
    for strategy, seeds in tested.items():
        mine = finals[finals.strategy == strategy]
        row: dict[str, float] = {
            "seeds": len(seeds),
            "failed": int((mine.status == "failed").sum()),
        }
        if len(seeds):
            row |= {"mean": seeds.mean(), "min": seeds.min(), "max": seeds.max()}
            row |= {"std": float(np.std(seeds, ddof=1)) if len(seeds) > 1 else math.nan}
            low, high = ends.get(strategy, (math.nan, math.nan))
            row |= {"low": low, "high": high, "p_best": chances.get(strategy, math.nan)}
        rows.append(row)
    columns = ["mean", "std", "min", "max", "low", "high", "p_best", "seeds", "failed"]
    frame = pd.DataFrame(rows, index=pd.Index(strategies, name="strategy"), columns=columns)
    return frame.sort_values("mean", ascending=False, kind="stable", na_position="last")


def pairwise(
    finals: pd.DataFrame, labels: np.ndarray | None, strategies: Sequence[str]
) -> pd.DataFrame:
    """Compares every two strategies that were tested.

    To be the best is to beat every other, so the probability to say so by mistake is at most the
    largest p of the best's comparisons, uncorrected (an intersection-union test; Berger,
    Technometrics 24, 1982). Where that is below 0.05 and Holm's p is larger, it is taken: naming a
    winner among eleven does not pay for the fifty-five pairs.

    Args:
        finals: the rows of one data set.
        labels: the test images' classes, shape (test images,), or None.
        strategies: every strategy that competed; of equal means the first here is the better.

    Returns:
        A row a pair: `strategy` and the less accurate `other`; `difference` of their accuracies
        (at least 0); the 95 % interval `low` to `high` of this one comparison; `p`, corrected by
        Holm for all pairs; `apart`: whether they can be told apart (p below 0.05); `more_seeds`,
        how many more would tell them apart if they differ as they seem to (infinite for more than
        100; 0 where they are apart). All but the difference are NaN, and `apart` is False, where
        one has a single seed or no predictions. Most accurate strategy first, then other.
    """
    right = correctness(finals, labels, strategies)
    order = _by_accuracy(finals, strategies)
    means = {name: float(_seeds(finals[finals.strategy == name]).mean()) for name in order}
    rows: list[tuple[object, ...]] = []
    for one, other in itertools.combinations(order, 2):
        found = intervals.estimate(means[one] - means[other], [(math.nan, math.nan)])
        if one in right and other in right:
            found = intervals.difference(right[one], right[other])
        rows.append((one, other, *found[:4]))
    columns = ["strategy", "other", "difference", "low", "high", "p"]
    frame = pd.DataFrame(rows, columns=columns)
    p = frame.p.to_numpy(dtype=float)
    corrected = intervals.holm(p)
    of_best = (frame.strategy == order[0]).to_numpy() if len(frame) else np.zeros(0, dtype=bool)
    if of_best.any() and p[of_best].max() < SIGNIFICANT:  # never where one is NaN
        corrected[of_best] = np.minimum(corrected[of_best], p[of_best].max())
    frame = frame.assign(p=corrected, apart=corrected < SIGNIFICANT)
    frame["more_seeds"] = [
        0.0 if row["apart"] else _more_seeds(right, row["strategy"], row["other"])
        for row in frame.to_dict("records")
    ]
    return frame.astype({"apart": bool, "more_seeds": float})


def against_best(pairs: pd.DataFrame) -> pd.DataFrame:
    """Returns the comparisons of the most accurate strategy with each of the others.

    Args:
        pairs: what `pairwise` returns.

    Returns:
        A frame indexed by strategy, without the best and the untested, most accurate first. It has
        `best`, its name; `difference`, this strategy's accuracy minus the best's (at most 0);
        `low` to `high`; `p`; `apart`; `more_seeds`.
    """
    mine = pairs[pairs.strategy == pairs.strategy.iloc[0]] if len(pairs) else pairs
    frame = pd.DataFrame(
        {
            "best": mine.strategy, "difference": -mine.difference, "low": -mine.high,
            "high": -mine.low, "p": mine.p, "apart": mine.apart, "more_seeds": mine.more_seeds,
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
        A frame indexed by strategy, most accurate first: `groups`, a string such as "ab".
    """
    names = list(dict.fromkeys([*pairs.strategy, *pairs.other]))
    found = [frozenset(names)] if names else []
    for row in pairs[pairs.apart].itertuples():
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


def _more_seeds(right: dict[str, np.ndarray], one: str, other: str) -> float:
    known = one in right and other in right
    return intervals.more_seeds(right[one], right[other]) if known else math.nan


def _by_accuracy(finals: pd.DataFrame, strategies: Sequence[str]) -> list[str]:
    seeds = {name: _seeds(finals[finals.strategy == name]) for name in strategies}
    return sorted((n for n in strategies if len(seeds[n])), key=lambda n: -seeds[n].mean())


def _generator() -> np.random.Generator:
    """The same finals give the same intervals, and the same report to the byte."""
    return np.random.default_rng(0)


def _completed(finals: pd.DataFrame) -> pd.DataFrame:
    return finals[(finals.status == "completed") & finals.test_accuracy.notna()]


def _seeds(finals: pd.DataFrame) -> np.ndarray:
    return _completed(finals).test_accuracy.to_numpy(dtype=float)
