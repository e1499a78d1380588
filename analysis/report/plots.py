"""The two figures whose sections are still to move: they go with them."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from analysis.formatting import label
from analysis.report.style import FAINT, INK, WIDTH, Style, figure, percent_axis, strategy_axis

__all__ = ["WIDTH", "Axes", "critical_difference", "dependence", "figure"]


def dependence(along: pd.DataFrame, colour: str, ax: Axes, title: str) -> Axes:
    """Draws the mean score that a surrogate foretells along one hyperparameter.

    Args:
        along: `value` as text, in order, and `score`.
        colour: the strategy's.
        ax: where to draw.
        title: the hyperparameter.
    """
    places = range(len(along))
    ax.plot(places, along.score, color=colour, marker="o", markersize=5, lw=1.6)
    ax.set(title=title, xlim=(-0.4, len(along) - 0.6))
    ax.set_xticks(places, list(along.value), rotation=45, ha="right", rotation_mode="anchor")
    ax.tick_params(axis="x", labelsize=8.5, length=0)
    ax.yaxis.set_major_locator(MaxNLocator(nbins=4))
    percent_axis(ax.yaxis)
    return ax


def critical_difference(
    mean_ranks: pd.Series,
    needed: float,
    cliques: Sequence[Sequence[str]],
    look: dict[str, Style],
    ax: Axes,
) -> Axes:
    """Draws mean ranks, best at the top, and below them a bar over each group not told apart.

    Args:
        mean_ranks: indexed by strategy, lowest first.
        needed: the critical difference, drawn as a bar of that length.
        cliques: groups of neighbours that lie within it.
        look: each strategy's style.
        ax: where to draw.
    """
    names, values = [str(name) for name in mean_ranks.index], mean_ranks.to_numpy(dtype=float)
    for place, (name, value) in enumerate(zip(names, values, strict=True)):
        style = look[name]
        ax.plot(value, place, style.marker, color=style.colour, markersize=9, zorder=5)
    left, bottom = min(1.0, values.min()), len(names) - 0.2
    bars = [(min(ranks), max(ranks)) for ranks in (mean_ranks[list(c)] for c in cliques)]
    for row, (low, high) in enumerate(bars):
        # As wide as the marks at its ends.
        ax.plot([low, high], [bottom + 0.55 * row] * 2, color=INK, lw=4, solid_capstyle="round")
    ax.plot([left, left + needed], [-0.95] * 2, color=FAINT, lw=2, marker="|", markersize=8)
    ax.text(left + needed / 2, -1.1, f"critical difference {needed:.2f}", ha="center", fontsize=9)
    right = max(values.max(), left + needed)
    ax.set(
        xlabel="mean rank over data sets",
        xlim=(left - 0.15, right + 0.15),
        ylim=(bottom + 0.55 * len(bars), -1.8),
    )
    strategy_axis([label(name) for name in names], ax)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=6))
    return ax
