"""What several data sets say together: ranks, whether they differ by more than chance, and wins."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from analysis.formatting import NOTHING, clean, listing, p_value, plural
from analysis.report import style
from analysis.report.elements import Part, Picture, Section, Table
from analysis.run import Run, label
from analysis.statistics import ranks as rankings
from analysis.statistics.ranks import FEWEST_DATASETS, FEWEST_STRATEGIES, RankTest


def section(
    runs: Mapping[str, Run], look: Mapping[str, style.Style], order: Sequence[str]
) -> Section | None:
    """What the data sets say together; nothing where no strategy was tested.

    Args:
        runs: by what each is called.
        look: each strategy's style.
        order: of the strategies in the table of wins.
    """
    by_dataset = rankings.accuracy_table(rankings.accuracies(runs))
    if by_dataset.empty:
        return None
    known = list(runs.values())
    metric = known[0].experiment.objective
    tested = rankings.compare_ranks(by_dataset, metric)
    placed = rankings.ranks(by_dataset, metric)
    parts: list[Part] = []
    if not math.isnan(tested.critical_difference):
        parts.append(_diagram(placed["mean rank"], tested.critical_difference, look, known))
    if len(placed):
        parts.append(_rank_table(placed, known))
    if matrix := _win_table(known, order):
        parts.append(matrix)
    return Section("ranks", "Over data sets", [sentence(tested, known)], parts)


def sentence(tested: RankTest, runs: Sequence[Run]) -> str:
    """Returns what ranks over data sets show, in words.

    Args:
        tested: what they show.
        runs: those that were compared, for their names.
    """
    missing = _names(tested.left_out, runs)
    left_out = f" Not tested on all of them, so left out: {missing}." if missing else ""
    return _found(tested, runs) + left_out


def _found(tested: RankTest, runs: Sequence[Run]) -> str:
    if tested.finding == "too_few":
        strategies = plural(tested.strategies, "strategy", "strategies")
        return (
            f"{plural(tested.datasets, 'data set')} and {strategies} are too few to test ranks "
            f"over data sets: that takes {FEWEST_DATASETS} and {FEWEST_STRATEGIES}. "
            "The ranks describe these data sets and say nothing of others."
        )
    if tested.finding == "equal":
        return "All strategies are equally accurate on every data set."
    start = f"Over {tested.datasets} data sets "
    ending = f"(Friedman's test: {p_value(tested.p)})."
    if tested.first is None:
        return f"{start}no strategy ranks higher than chance explains {ending}"
    needed = f"the critical difference of {tested.critical_difference:.2f}"
    behind = _names(tested.behind, runs)
    return (
        f"{start}strategies rank differently {ending} {label(runs, tested.first)} ranks highest, "
        f"on average {tested.mean_rank:.1f}; "
        + (f"beyond {needed} behind it: {behind}." if behind else f"none is behind it by {needed}.")
    )


def _diagram(
    mean: pd.Series, needed: float, look: Mapping[str, style.Style], runs: Sequence[Run]
) -> Picture:
    joined = rankings.cliques(mean, needed)
    labels = [label(runs, str(name)) for name in mean.index]
    drawn = style.figure(
        lambda ax: draw(mean, needed, joined, look, labels, ax),
        style.WIDTH,
        1.6 + 0.34 * len(mean) + 0.22 * len(joined),
    )
    caption = (
        "A mark is a strategy's mean rank, 1 if it is the most accurate everywhere. Two differ, "
        "beyond what chance explains (Nemenyi's test at 5 % over all pairs), where they lie "
        f"further apart than {needed:.2f}."
    )
    groups = "; ".join(_names(group, runs) for group in joined)
    caption += f" A thick bar below joins those that do not: {groups}." if groups else " All do."
    title = "Mean rank over data sets, by strategy, with the critical difference"
    return Picture("critical-difference", caption, drawn, title)


def draw(
    mean_ranks: pd.Series,
    needed: float,
    cliques: Sequence[Sequence[str]],
    look: Mapping[str, style.Style],
    labels: Sequence[str],
    ax: Axes,
) -> Axes:
    """Draws mean ranks, best at the top, and below them a bar over each group not told apart.

    Args:
        mean_ranks: indexed by strategy, lowest first.
        needed: the critical difference, drawn as a bar of that length.
        cliques: groups of neighbours that lie within it.
        look: each strategy's style.
        labels: the strategies', in the same order.
        ax: where to draw.
    """
    values = mean_ranks.to_numpy(dtype=float)
    for place, (name, value) in enumerate(zip(mean_ranks.index, values, strict=True)):
        mark = look[str(name)]
        ax.plot(value, place, mark.marker, color=mark.colour, markersize=9, zorder=5)
    left, bottom = min(1.0, values.min()), len(values) - 0.2
    bars = [(min(ranks), max(ranks)) for ranks in (mean_ranks[list(c)] for c in cliques)]
    for row, (low, high) in enumerate(bars):
        # As wide as the marks at its ends.
        height = [bottom + 0.55 * row] * 2
        ax.plot([low, high], height, color=style.INK, lw=4, solid_capstyle="round")
    ends = [left, left + needed]
    ax.plot(ends, [-0.95] * 2, color=style.FAINT, lw=2, marker="|", markersize=8)
    ax.text(left + needed / 2, -1.1, f"critical difference {needed:.2f}", ha="center", fontsize=9)
    right = max(values.max(), left + needed)
    style.strategy_axis(labels, ax)
    ax.set(
        xlabel="mean rank over data sets",
        xlim=(left - 0.15, right + 0.15),
        ylim=(bottom + 0.55 * len(bars), -1.8),
    )
    ax.xaxis.set_major_locator(MaxNLocator(nbins=6))
    return ax


def _rank_table(placed: pd.DataFrame, runs: Sequence[Run]) -> Table:
    """Returns each strategy's rank by data set and the mean of them, the best first."""
    data = [str(name) for name in placed.columns if name != "mean rank"]
    rows = [
        [label(runs, str(name)), f"{row['mean rank']:.2f}", *(_place(row[one]) for one in data)]
        for name, row in placed.iterrows()
    ]
    head = ["strategy", "mean rank", *(clean(name, 24) for name in data)]
    note = (
        "1 is the most accurate on a data set, equals sharing the mean of their ranks; of several "
        "runs on one data set the mean accuracy counts. Only strategies that were tested on every "
        "data set."
    )
    frame = placed.rename_axis("strategy").reset_index()
    return Table("ranks", head, rows, note=note, frame=frame)


def _win_table(runs: Sequence[Run], order: Sequence[str]) -> Table | None:
    """Returns how often each strategy beat each other; None where no two met in a run."""
    pairs = rankings.win_matrix(runs)
    if pairs.empty:
        return None
    met: dict[Any, Any] = {(row.strategy, row.other): row for row in pairs.itertuples()}
    names = [name for name in order if name in set(pairs.strategy)]

    def cell(name: str, other: str) -> str:
        row = met.get((name, other))
        if row is None:
            return NOTHING
        unknown = f" ({row.unknown} unknown)" if row.unknown else ""
        return f"{row.wins} / {row.ties} / {row.losses}{unknown}"

    rows = [[label(runs, name), *(cell(name, other) for other in names)] for name in names]
    note = (
        "In how many runs the row's strategy was more accurate than the column's, beyond what "
        "chance explains / could not be told apart from it / was less accurate. Unknown are those "
        "where nobody knows how sure a difference is: on a single seed, say."
    )
    head = ["strategy", *(label(runs, name) for name in names)]
    return Table("win-matrix", head, rows, note=note, frame=pairs)


def _names(strategies: Iterable[str], runs: Sequence[Run]) -> str:
    return listing([label(runs, name) for name in strategies])


def _place(rank: float) -> str:
    return f"{rank:.0f}" if rank == int(rank) else f"{rank:.1f}"
