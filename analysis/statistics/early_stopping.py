"""Frame -> frame: whether stopping trials early was fair.

Hyperband drops a configuration for what it was after a few epochs. That is fair as far as the order
then is the order later. Only those that went on can be compared, and those were the better ones:
among such the order is harder to predict than among all, so these correlations are on the low
side.
"""

from __future__ import annotations

import dataclasses
import math

import pandas as pd
from scipy import stats

from analysis.run import best_first, latest
from search.store import Metric

FEWEST = 4
"""With fewer configurations a rank correlation is one of a handful of values."""


def rung_scores(trials: pd.DataFrame) -> pd.DataFrame:
    """Returns what each configuration scored at the end of each of its rungs.

    Args:
        trials: those of one data set.

    Returns:
        A row a completed trial: `strategy`, `configuration`, `epoch` at which the rung ends,
        `score`, in [0, 1].

    >>> rung_scores(pd.DataFrame({
    ...     "strategy": "lines", "configuration": ["a", "b"], "last_epoch": 1,
    ...     "status": ["completed", "failed"], "score": [0.5, math.nan],
    ... })).to_dict("records")
    [{'strategy': 'lines', 'configuration': 'a', 'epoch': 1, 'score': 0.5}]
    """
    done = trials[(trials.status == "completed") & trials.score.notna()]
    kept = done[["strategy", "configuration", "last_epoch", "score"]]
    return kept.rename(columns={"last_epoch": "epoch"})


def rank_correlations(trials: pd.DataFrame) -> pd.DataFrame:
    """Returns how well the order at one rung's end predicted the order at a later one's.

    Brackets are put together: configurations that ended rungs at the same two epochs are compared,
    whichever bracket they were in.

    Args:
        trials: those of one data set.

    Returns:
        A row a strategy and two epochs: `strategy`, `epoch`, `later`, `consecutive`: whether no
        rung of the strategy ends between them, `final`: whether `later` is the strategy's last,
        `configurations`, how many ended both, and Kendall's τ (`kendall`) and Spearman's ρ
        (`spearman`) of their scores, in [−1, 1], NaN for fewer than four or where all are equal.

    >>> trials = pd.DataFrame({
    ...     "strategy": "lines", "configuration": [*"abcd", *"abcd"], "status": "completed",
    ...     "last_epoch": [1] * 4 + [3] * 4, "score": [0.1, 0.2, 0.3, 0.4, 0.2, 0.3, 0.5, 0.4],
    ... })
    >>> rank_correlations(trials).iloc[0][["epoch", "later", "kendall"]].to_dict()
    {'epoch': 1, 'later': 3, 'kendall': 0.6666666666666669}
    """
    columns = [
        "strategy", "epoch", "later", "consecutive", "final", "configurations", "kendall",
        "spearman",
    ]  # fmt: skip
    scores = rung_scores(trials)
    rows = []
    for strategy, mine in scores.groupby("strategy", sort=False):
        wide = mine.pivot(index="configuration", columns="epoch", values="score")
        ends = sorted(wide.columns)
        for place, epoch in enumerate(ends):
            for later in ends[place + 1 :]:
                both = wide[[epoch, later]].dropna()
                if len(both):
                    near, last = later == ends[place + 1], later == ends[-1]
                    rows.append((strategy, epoch, later, near, last, len(both), *_correlate(both)))
    return pd.DataFrame(rows, columns=columns).astype({"consecutive": bool, "final": bool})


def _correlate(both: pd.DataFrame) -> tuple[float, float]:
    one, two = both.to_numpy().T
    if len(both) < FEWEST or len(set(one)) == 1 or len(set(two)) == 1:
        return math.nan, math.nan
    kendall = float(stats.kendalltau(one, two).statistic)
    return kendall, float(stats.spearmanr(one, two).statistic)


def shorter_searches(trials: pd.DataFrame, metric: Metric) -> pd.DataFrame:
    """Returns whom each strategy would have sent to the finals had the search stopped earlier.

    Args:
        trials: those of one data set.
        metric: says which way is better.

    Returns:
        A row a strategy and rung's end, the last of a strategy the whole search: `strategy`;
        `epoch`, the most that any configuration would have been trained; `finalist`, who was sent;
        `chosen`, who would have been; `same`; `rank`, the finalist's by its score at or before that
        epoch among all the strategy's configurations, `of` them (ties share the better rank; NaN
        where its bracket's first rung ends later, so that nobody had seen it); `reached`, what
        the one chosen scored in its last rung; and `lost`, by how much the finalist's score is
        better, at least 0, and the least that was lost where the one chosen was stopped early.

    >>> from search.store import ACCURACY
    >>> shorter = shorter_searches(pd.DataFrame({
    ...     "trial_id": [*"abcd"], "strategy": "lines", "configuration": [*"xyxy"],
    ...     "status": "completed", "last_epoch": [1, 1, 3, 3], "val_loss": 1.0,
    ...     "score": [0.25, 0.5, 0.75, 0.5],
    ... }), ACCURACY)
    >>> shorter[["epoch", "finalist", "chosen", "rank", "lost"]].to_dict("records")[0]
    {'epoch': 1, 'finalist': 'x', 'chosen': 'y', 'rank': 2.0, 'lost': 0.25}
    """
    columns = [
        "strategy", "epoch", "finalist", "chosen", "same", "rank", "of", "reached", "lost"
    ]  # fmt: skip
    sign = metric.better(1.0)  # times which more is better
    rows = []
    for strategy in dict.fromkeys(trials.strategy):
        mine = trials[trials.strategy == strategy]
        order = best_first(latest(mine), metric)
        if order.empty:
            continue
        finalist = str(order.configuration.iloc[0])
        done = mine[mine.status == "completed"].sort_values("last_epoch", kind="stable")
        last = (
            sign
            * done.drop_duplicates("configuration", keep="last").set_index("configuration").score
        )
        for epoch in sorted(set(done.last_epoch)):
            seen = best_first(latest(mine[mine.last_epoch <= epoch]), metric)
            if seen.empty:
                continue
            chosen = str(seen.configuration.iloc[0])
            score = sign * seen.set_index("configuration").score
            rank = int((score > score[finalist]).sum()) + 1 if finalist in score.index else math.nan
            lost = max(float(last[finalist] - last[chosen]), 0.0)
            rows.append(
                (strategy, epoch, finalist, chosen, chosen == finalist, rank, len(seen),
                 sign * float(last[chosen]), lost)
            )  # fmt: skip
    return pd.DataFrame(rows, columns=columns).astype({"same": bool, "rank": float})


@dataclasses.dataclass(frozen=True)
class Fairness:
    """Whether stopping early was fair.

    Attributes:
        kendall: by strategy, the mean of Kendall's τ between one rung's end and the next, each
            counted with its configurations; without those of whom too few went on.
        lost: by strategy whose finalist a search of the first rung alone would not have chosen,
            the validation score lost by it, in [0, 1].
        first_epoch: when the first rung of a strategy with several ended; 0 where none has several.
    """

    kendall: dict[str, float]
    lost: dict[str, float]
    first_epoch: int


def fairness(correlations: pd.DataFrame, shorter: pd.DataFrame) -> Fairness:
    """Returns whether stopping early was fair.

    Args:
        correlations: what `rank_correlations` returns.
        shorter: what `shorter_searches` returns.

    >>> correlations = pd.DataFrame({
    ...     "strategy": "lines", "consecutive": True, "configurations": [9, 3],
    ...     "kendall": [1.0, 0.0],
    ... })
    >>> shorter = pd.DataFrame({
    ...     "strategy": "lines", "epoch": [1, 3], "same": [False, True], "lost": [0.25, 0.0],
    ... })
    >>> fairness(correlations, shorter)
    Fairness(kendall={'lines': 0.75}, lost={'lines': 0.25}, first_epoch=1)
    """
    known = correlations[correlations.consecutive].dropna(subset="kendall")
    weights = known.configurations
    total = (known.kendall * weights).groupby(known.strategy, sort=False).sum()
    kendall = total / weights.groupby(known.strategy, sort=False).sum()
    first = shorter.drop_duplicates("strategy")
    whole = shorter.drop_duplicates("strategy", keep="last")
    first = first[first.epoch.to_numpy() < whole.epoch.to_numpy()]
    others = first[~first.same]
    return Fairness(
        kendall={str(name): float(tau) for name, tau in kendall.items()},
        lost=dict(zip(others.strategy, map(float, others.lost), strict=True)),
        first_epoch=int(first.epoch.min()) if len(first) else 0,
    )
