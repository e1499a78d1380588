"""Run -> frames: how the configurations that a search was given fared against those it drew.

The given ones are the warm start's initial configurations, the others random starts. Both start in
the first rung of the longest bracket: as long trained, on the same images. That is where they are
compared; what was drawn for other brackets is left out.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pandas as pd
from scipy import stats

from analysis.run import Run, representatives
from search.store import Metric

EXCHANGES = 9999
"""How often initial configurations and random starts are exchanged for p."""


def first_rung(run: Run) -> pd.DataFrame:
    """Returns what the rung had in which the initial configurations start.

    Args:
        run: the run.

    Returns:
        A row a trial that has ended, of the strategies with a warm start: `strategy`,
        `configuration`, `epoch` at which the rung ends, validation `score` in [0, 1] (NaN where it
        failed), `place` among its strategy's, 1 for the best, equals sharing the better, failed
        ones last; `of`, how many there are; `initial`, its number among the experiment's initial
        configurations, or -1 for a random start; `reached`, the epoch to which its configuration
        was trained in the end; and `finalist`, whether its configuration is the strategy's best.

    >>> from analysis.example import example
    >>> first_rung(example(given={"lines": [1]}, lines=0.9)).initial.to_list()
    [-1, 0, -1, -1]
    """
    asked, trials = run.experiment, run.trials
    given = {one.strategy for one in asked.initial}
    longest = trials.bracket == trials.bracket.max()
    first = longest & (trials.rung == 0) & (trials.iteration == 0)
    rows = trials[first & trials.strategy.isin(given) & (trials.status != "running")]
    rows = rows.assign(score=rows.score.where(rows.status == "completed").astype(float))
    done = trials[trials.status == "completed"].groupby("configuration").last_epoch.max()
    found = [
        asked.initial_of(row["strategy"], row["hyperparameters"]) for row in rows.to_dict("records")
    ]
    groups = _quality(rows.score, asked.objective).groupby(rows.strategy)
    best = set(representatives(run).configuration)
    return pd.DataFrame(
        {
            "strategy": rows.strategy,
            "configuration": rows.configuration,
            "epoch": rows.last_epoch,
            "score": rows.score,
            "place": groups.rank(method="min", ascending=False).astype(int),
            "of": groups.transform("size").astype(int),
            "initial": [-1 if one is None else asked.initial.index(one) for one in found],
            "reached": rows.configuration.map(done).fillna(0).astype(int),
            "finalist": rows.configuration.isin(best),
        }
    ).reset_index(drop=True)


def fates(run: Run) -> pd.DataFrame:
    """Returns what became of each initial configuration.

    Args:
        run: the run.

    Returns:
        A row an initial configuration, in the experiment's order: `strategy`, `origin`,
        `translated`, hyperparameter to its value there and its value here (None where it has no
        meaning here; empty where nothing was), `random_starts`, the median score of those beside
        it, in [0, 1] (a failed one counts as the lowest), and the columns of `first_rung` from
        `epoch` to `finalist`, NaN where it has not ended that rung.

    >>> from analysis.example import example
    >>> found = fates(example(given={"lines": [0]}, lines=0.9))
    >>> found[["origin", "place", "reached"]].to_dict("records")
    [{'origin': 'designs/lines.json', 'place': 1, 'reached': 9}]
    """
    rung = first_rung(run)
    drawn = rung[rung.initial < 0]
    # A failed start is worse than any score; the median is one of the scores but for that.
    lowest = math.inf if run.experiment.objective.lowest_is_best else 0.0
    median = drawn.score.fillna(lowest).groupby(drawn.strategy).median()
    rows = [
        {
            "strategy": one.strategy,
            "origin": one.origin,
            "translated": {
                name: (old, one.values.get(name)) for name, old in one.translated.items()
            },
            "random_starts": median.get(one.strategy, math.nan),
        }
        for one in run.experiment.initial
    ]
    columns = ["strategy", "origin", "translated", "random_starts"]
    frame = pd.DataFrame(rows, columns=columns)
    kept = rung[["initial", "epoch", "score", "place", "of", "reached", "finalist"]]
    return frame.join(kept[kept.initial >= 0].set_index("initial"))


def _quality(score: pd.Series, metric: Metric) -> pd.Series:
    """Returns scores so that more is better, a failed trial's below all."""
    return (metric.better(1.0) * score).fillna(-math.inf)


def superiority(
    rung: pd.DataFrame, metric: Metric, exchanges: int = EXCHANGES
) -> tuple[float, float]:
    """Returns how often an initial configuration beat a random start, and how surely.

    The share is Mann and Whitney's U over the number of pairs (Annals of Mathematical Statistics
    18, 1947), added up over strategies; p is a permutation test's.

    Args:
        rung: what `first_rung` returns.
        metric: says which way is better.
        exchanges: how many the test takes. The same scores give the same p.

    Returns:
        The share of the pairs of an initial configuration and a random start of one strategy in
        which the initial one scored better, equals counting half, 0.5 if being one made no
        difference; and the probability of a share at least so far from it if initial configurations
        were any of those beside them: by exchanging them within each strategy, at random. Both NaN
        where there is no such pair.

    >>> rung = pd.DataFrame({
    ...     "strategy": "lines", "score": [0.9, 0.5, 0.95], "initial": [0, -1, -1],
    ... })
    >>> from search.store import ACCURACY
    >>> superiority(rung, ACCURACY)[0]
    0.5
    """
    pairs, parts = 0, []
    for _, mine in rung.groupby("strategy", sort=False):
        is_initial = (mine.initial >= 0).to_numpy()
        given, drawn = int(is_initial.sum()), int((~is_initial).sum())
        if not given or not drawn:
            continue
        ranks = stats.rankdata(_quality(mine.score, metric))
        # The pairs that initial configurations win.
        least = given * (given + 1) / 2
        parts.append((ranks, given, float(ranks[is_initial].sum()) - least, least))
        pairs += given * drawn
    if not pairs:
        return math.nan, math.nan
    share = sum(won for _, _, won, _ in parts) / pairs
    random = np.random.default_rng(0)
    drawn_shares = np.zeros(exchanges)
    for ranks, given, _, least in parts:
        mixed = random.permuted(np.tile(ranks, (exchanges, 1)), axis=1)
        drawn_shares += mixed[:, :given].sum(axis=1) - least
    far = np.abs(drawn_shares / pairs - 0.5) >= abs(share - 0.5) - 1e-12
    return share, float((far.sum() + 1) / (exchanges + 1))


@dataclasses.dataclass(frozen=True)
class WarmStart:
    """How the initial configurations fared.

    Attributes:
        given: how many there are.
        ended: how many of them have ended the rung in which they started.
        random_starts: how many random starts beside them have.
        epochs: at which that rung ends; several where strategies differ.
        share: of pairs in which an initial configuration beat a random start, in [0, 1]; NaN where
            there is no pair.
        p: the probability of a share so far from one half by chance; NaN likewise.
        strategies: who has a warm start, in the experiment's order.
        won: in whom of them the best configuration is an initial one.
        expected: in how many of them it would be if any configuration were as likely to be best.
    """

    given: int
    ended: int
    random_starts: int
    epochs: tuple[int, ...]
    share: float
    p: float
    strategies: tuple[str, ...]
    won: tuple[str, ...]
    expected: float


def warm_start(run: Run) -> WarmStart:
    """Returns how the initial configurations of a run fared.

    Args:
        run: the run.

    >>> from analysis.example import example
    >>> found = warm_start(example(given={"lines": [0]}, lines=0.9, patches=0.9))
    >>> found.given, found.random_starts, found.won, found.expected
    (1, 3, ('lines',), 0.25)
    """
    rung, given = first_rung(run), fates(run)
    share, p = superiority(rung, run.experiment.objective)
    number = given.groupby("strategy").size()
    strategies = tuple(name for name in run.experiment.strategies if name in number.index)
    counts = run.trials.groupby("strategy").configuration.nunique()
    return WarmStart(
        given=len(given),
        ended=int(given.score.notna().sum()),
        random_starts=int((rung.initial < 0).sum()),
        epochs=tuple(sorted(set(map(int, rung.epoch)))),
        share=share,
        p=p,
        strategies=strategies,
        won=tuple(n for n in strategies if given.finalist[given.strategy == n].eq(True).any()),
        expected=float(sum(number[n] / counts.get(n, math.nan) for n in strategies)),
    )
