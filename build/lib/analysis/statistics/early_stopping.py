"""Frame -> frame: whether stopping trials early was fair.

Hyperband drops a configuration for what it was after a few epochs. That is fair as far as the order
then is the order later. Only those that went on can be compared, and those were the better ones:
among such the order is harder to foretell than among all, so these correlations are on the low
side.
"""

from __future__ import annotations

import math

import pandas as pd
from scipy import stats

from analysis.formatting import label, listing, percent, plural
from analysis.run import best_first

FEWEST = 4
"""With fewer configurations a rank correlation is one of a handful of values."""


def rung_scores(trials: pd.DataFrame) -> pd.DataFrame:
    """Returns what each configuration scored at the end of each of its rungs.

    Args:
        trials: those of one data set.

    Returns:
        A row a completed trial: `strategy`, `configuration`, `epoch` at which the rung ends,
        `score`.
    """
    done = trials[(trials.status == "completed") & trials.score.notna()]
    kept = done[["strategy", "configuration", "last_epoch", "score"]]
    return kept.rename(columns={"last_epoch": "epoch"})


def rank_correlations(trials: pd.DataFrame) -> pd.DataFrame:
    """Returns how well the order at one rung's end foretold the order at a later one's.

    Brackets are put together: configurations that ended rungs at the same two epochs are compared,
    whichever bracket they were in.

    Args:
        trials: those of one data set.

    Returns:
        A row a strategy and two epochs: `strategy`, `epoch`, `later`, `consecutive`: whether no
        rung of the strategy ends between them, `final`: whether `later` is the strategy's last,
        `configurations`, how many ended both, and Kendall's τ (`kendall`) and Spearman's ρ
        (`spearman`) of their scores, NaN for fewer than four or where all are equal.
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


def shorter_searches(trials: pd.DataFrame) -> pd.DataFrame:
    """Returns whom each strategy would have sent to the finals had the search stopped earlier.

    Args:
        trials: those of one data set.

    Returns:
        A row a strategy and rung's end, the last of a strategy the whole search: `strategy`;
        `epoch`, the most that any configuration would have been trained; `finalist`, who was sent;
        `chosen`, who would have been; `same`; `rank`, the finalist's by its score at or before that
        epoch among all the strategy's configurations, `of` them (ties share the better rank; NaN
        where its bracket's first rung ends later, so that nobody had seen it); `reached`, the best
        that the one chosen scored in the end; and `lost`, the finalist's score minus that, at least
        0, and the least that was lost where the one chosen was stopped early.
    """
    columns = [
        "strategy", "epoch", "finalist", "chosen", "same", "rank", "of", "reached", "lost"
    ]  # fmt: skip
    done = best_first(trials)
    rows = []
    for strategy in dict.fromkeys(trials.strategy):
        mine = done[done.strategy == strategy]
        if mine.empty:
            continue
        best = mine.drop_duplicates("configuration").set_index("configuration").score
        finalist = str(mine.configuration.iloc[0])
        for epoch in sorted(set(mine.last_epoch)):
            seen = mine[mine.last_epoch <= epoch].drop_duplicates("configuration")
            chosen = str(seen.configuration.iloc[0])
            score = seen.set_index("configuration").score
            rank = int((score > score[finalist]).sum()) + 1 if finalist in score.index else math.nan
            reached = float(best[chosen])
            rows.append(
                (strategy, epoch, finalist, chosen, chosen == finalist, rank, len(seen), reached,
                 float(best[finalist]) - reached)
            )  # fmt: skip
    return pd.DataFrame(rows, columns=columns).astype({"same": bool, "rank": float})


def fairness(correlations: pd.DataFrame, shorter: pd.DataFrame) -> list[str]:
    """Returns in words whether stopping early was fair.

    Args:
        correlations: what `rank_correlations` returns.
        shorter: what `shorter_searches` returns.
    """
    sentences = []
    known = correlations[correlations.consecutive].dropna(subset="kendall")
    if known.empty:
        sentences.append(
            f"Too few configurations went on from one rung to the next (fewer than {FEWEST} of any "
            "strategy) to say whether their order held."
        )
    else:
        weights = known.configurations
        by_name = (known.kendall * weights).groupby(known.strategy, sort=False).sum()
        by_name = by_name / weights.groupby(known.strategy, sort=False).sum()
        low, high = str(by_name.idxmin()), str(by_name.idxmax())
        text = "Kendall's \N{GREEK SMALL LETTER TAU} between one rung and the next is "
        if low == high:
            sentences.append(f"{text}{by_name[low]:.2f} for {label(low)}.")
        else:
            sentences.append(
                f"{text}lowest for {label(low)} ({by_name[low]:.2f}) and highest for {label(high)} "
                f"({by_name[high]:.2f}): 1 is the same order, 0 no relation."
            )
    first = shorter.drop_duplicates("strategy")
    whole = shorter.drop_duplicates("strategy", keep="last")
    first = first[first.epoch.to_numpy() < whole.epoch.to_numpy()]
    others = first[~first.same]
    if len(others):
        named = [
            f"{label(name)} ({percent(lost)})"
            for name, lost in zip(others.strategy, others.lost, strict=True)
        ]
        epochs = plural(int(first.epoch.min()), "epoch")
        sentences.append(
            f"After the first rung ({epochs}) a shorter search would have chosen another "
            f"configuration for {listing(named)}; in brackets the validation accuracy lost by it, "
            "at least where the one chosen was stopped early."
        )
    elif len(first):
        sentences.append("Every finalist was its strategy's best after the first rung already.")
    return sentences
