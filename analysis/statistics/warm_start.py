"""Frame -> frame: how the configurations that a search was given fared against those it drew.

Both start in the first rung of the longest bracket: as long trained, on the same images. That is
where they are compared; what was drawn for other brackets is left out.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from scipy import stats

from analysis.formatting import clean, label, listing, p_value, percent, plural
from analysis.run import Run, representatives
from analysis.statistics.intervals import CONFIDENCE

EXCHANGES = 9999
"""How often seeds and random starts are exchanged for p."""


def first_rung(run: Run) -> pd.DataFrame:
    """Returns what the rung had in which the seeds start.

    Args:
        run: the run.

    Returns:
        A row a trial that has ended, of the strategies with seeds: `strategy`, `configuration`,
        `epoch` at which the rung ends, `score` (NaN where it failed), `place` among its strategy's,
        1 for the best, equals sharing the better, failed ones last; `of`, how many there are;
        `seed`, its number in the experiment's seeds, or -1 for a random start; `reached`, the epoch
        to which its configuration was trained in the end; and `finalist`, whether its configuration
        is the strategy's best.
    """
    asked, trials = run.experiment, run.trials
    seeded = {seed.strategy for seed in asked.initial}
    longest = trials.bracket == trials.bracket.max()
    first = longest & (trials.rung == 0) & (trials.iteration == 0)
    rows = trials[first & trials.strategy.isin(seeded) & (trials.status != "running")]
    rows = rows.assign(score=rows.score.where(rows.status == "completed").astype(float))
    done = trials[trials.status == "completed"].groupby("configuration").last_epoch.max()
    found = [
        asked.initial_of(row["strategy"], row["hyperparameters"]) for row in rows.to_dict("records")
    ]
    groups = rows.score.fillna(-math.inf).groupby(rows.strategy)
    best = set(representatives(run).configuration)
    return pd.DataFrame(
        {
            "strategy": rows.strategy,
            "configuration": rows.configuration,
            "epoch": rows.last_epoch,
            "score": rows.score,
            "place": groups.rank(method="min", ascending=False).astype(int),
            "of": groups.transform("size").astype(int),
            "seed": [-1 if one is None else asked.initial.index(one) for one in found],
            "reached": rows.configuration.map(done).fillna(0).astype(int),
            "finalist": rows.configuration.isin(best),
        }
    ).reset_index(drop=True)


def fates(run: Run) -> pd.DataFrame:
    """Returns what became of each seed.

    Args:
        run: the run.

    Returns:
        A row a seed, in the experiment's order: `strategy`, `origin`, `translated` ("units 48 → 32"
        and the like, empty where nothing was), the columns of `first_rung` from `epoch` to
        `finalist`, NaN where it has not ended that rung, and `random_starts`, the median score of
        those beside it (a failed one counts as the lowest).
    """
    rung = first_rung(run)
    drawn = rung[rung.seed < 0]
    # A failed start is worse than any score; the median is one of the scores but for that.
    median = drawn.score.fillna(0.0).groupby(drawn.strategy).median()
    rows = [
        {
            "strategy": seed.strategy,
            "origin": seed.origin,
            "translated": ", ".join(
                f"{name} {old} \N{RIGHTWARDS ARROW} {seed.values.get(name, 'none')}"
                for name, old in seed.translated.items()
            ),
            "random_starts": median.get(seed.strategy, math.nan),
        }
        for seed in run.experiment.initial
    ]
    columns = ["strategy", "origin", "translated", "random_starts"]
    frame = pd.DataFrame(rows, columns=columns)
    kept = rung[["seed", "epoch", "score", "place", "of", "reached", "finalist"]]
    return frame.join(kept[kept.seed >= 0].set_index("seed"))


def superiority(rung: pd.DataFrame, exchanges: int = EXCHANGES) -> tuple[float, float]:
    """Returns how often a seed scored higher than a random start, and how surely.

    Args:
        rung: what `first_rung` returns.
        exchanges: how many the test takes. The same scores give the same p.

    Returns:
        The share of the pairs of a seed and a random start of one strategy in which the seed scored
        higher, equals counting half, 0.5 if being a seed made no difference; and the probability of
        a share at least so far from it if seeds were any of the configurations beside them: by
        exchanging them within each strategy, at random. Both NaN where there is no such pair.
    """
    pairs, parts = 0, []
    for _, mine in rung.groupby("strategy", sort=False):
        is_seed = (mine.seed >= 0).to_numpy()
        given, drawn = int(is_seed.sum()), int((~is_seed).sum())
        if not given or not drawn:
            continue
        ranks = stats.rankdata(mine.score.fillna(-math.inf))
        # Mann and Whitney's U: the pairs that seeds win.
        least = given * (given + 1) / 2
        parts.append((ranks, given, float(ranks[is_seed].sum()) - least, least))
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


def fared(run: Run) -> list[str]:
    """Returns in words how the seeds fared, and how sure that is."""
    rung, seeds = first_rung(run), fates(run)
    share, p = superiority(rung)
    ended = int(seeds.score.notna().sum())
    if math.isnan(share):
        return [
            f"{plural(len(seeds), 'configuration')} came from designs. There is no random start "
            "yet that ended the same rung, so nothing to compare them with."
        ]
    epochs = listing([str(epoch) for epoch in sorted(set(rung.epoch))], "or")
    drawn = int((rung.seed < 0).sum())
    sentence = (
        f"At the end of the rung in which they started (epoch {epochs}), a configuration that "
        f"came from a design scored higher than a random start beside it in "
        f"{percent(share, 0)} of pairs; 50 % would say that it makes no difference. "
    )
    sentence += (
        f"That is more than chance explains ({p_value(p)}"
        if p < 1 - CONFIDENCE
        else f"Chance explains that ({p_value(p)}"
    )
    sentence += (
        f", exchanging {plural(ended, 'seed')} and {plural(drawn, 'random start')} within their "
        "strategies). Each was trained once, and judged on the validation images."
    )
    strategies = [n for n in run.experiment.strategies if n in set(seeds.strategy)]
    won = [n for n in strategies if seeds.finalist[seeds.strategy == n].eq(True).any()]
    counts = run.trials.groupby("strategy").configuration.nunique()
    expected = sum(float((seeds.strategy == n).sum()) / counts.get(n, math.nan) for n in strategies)
    shown = listing([label(name) for name in won]) or "none"
    of = plural(len(strategies), "strategy", "strategies")
    return [
        sentence,
        f"The best configuration is a seed in {len(won)} of {of} with seeds ({shown}); if any "
        f"configuration were as likely to be the best, {expected:.1f} would be expected.",
    ]


def origin(path: str) -> str:
    """Returns where a seed is from, without the folders above."""
    return clean(path.rpartition("/")[2], 60)
