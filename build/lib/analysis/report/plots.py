"""Frame -> matplotlib Axes, and Axes -> bytes. Nothing here reads or writes the disk.

Figures are plain `Figure` objects: no pyplot, so no global state and nothing to close.
"""

from __future__ import annotations

import io
import itertools
import re
import zlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from markupsafe import escape
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator

from analysis.formatting import amount, bare, duration, label, milliseconds

# The first four are Okabe and Ito's (Color Universal Design, 2008). The others were chosen to stay
# apart from them in deuteranopia and protanopia. All have a contrast of about 3 or more with white
# and with the report's dark ground, so that one figure serves both. No twelve colours are safe for
# everyone: each strategy has a marker of its own as well.
COLOURS = (
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#7a4be0", "#b8860b",
    "#d6204e", "#8a8a8a", "#3595cf", "#5f7a3a", "#8f5673", "#00a0a0",
)  # fmt: skip
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", "p", ">", "*", "h")

INK = "#20242a"
"""Text and axes; in the page it becomes the colour of the text around the figure."""
FAINT = "#868c94"
"""Grid and background curves: legible on light and on dark."""

WIDTH = 5.2
"""Inches of a figure: at this width its text is legible on a phone and not coarse on a desk."""

_STYLE = {
    "axes.edgecolor": FAINT,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 10.5,
    "axes.titlecolor": INK,
    "axes.axisbelow": True,
    "font.size": 11,
    "grid.alpha": 0.35,
    "grid.color": FAINT,
    "grid.linewidth": 0.7,
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "svg.fonttype": "none",  # text stays text: small, sharp, and in the page's own font
    "text.color": INK,
    "text.parse_math": False,  # a $ in a name is a $
    "xtick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.color": FAINT,
    "ytick.labelcolor": INK,
}


class Style(NamedTuple):
    """How one strategy is drawn, everywhere."""

    colour: str
    marker: str


# A strategy has its colour by name, so that it is the same in every report and every comparison.
_KNOWN = (
    "lines", "cnn_lines", "cnn_flat", "line_cnn", "patches", "pixels", "hierarchical", "sweeps",
    "conv_sweeps", "conv_lstm", "cnn_control",
)  # fmt: skip


def styles(strategies: Sequence[str]) -> dict[str, Style]:
    """Returns each strategy's colour and marker, which follow from its name.

    A name that is not known here starts at a place that its letters give and takes the next free
    one, so that no two of `strategies` look alike.
    """
    taken = {name: _KNOWN.index(name) for name in strategies if name in _KNOWN}
    for name in strategies:
        if name not in taken:
            start = zlib.crc32(name.encode()) % len(COLOURS)
            ring = [(start + step) % len(COLOURS) for step in range(len(COLOURS))]
            laps = (lap * len(COLOURS) + place for lap in itertools.count() for place in ring)
            used = set(taken.values())
            taken[name] = next(place for place in laps if place not in used)
    return {name: _style(taken[name]) for name in strategies}


def _style(place: int) -> Style:
    lap, colour = divmod(place, len(COLOURS))
    return Style(COLOURS[colour], MARKERS[(place + lap) % len(MARKERS)])


def accuracy(
    summary: pd.DataFrame, seeds: pd.DataFrame, look: dict[str, Style], ax: Axes, xlabel: str
) -> Axes:
    """Draws accuracy by strategy, best at the top: the mean, its 95 % interval, and each seed.

    Args:
        summary: indexed by strategy, with `mean`, `low` and `high`; NaN is left out.
        seeds: `strategy` and `test_accuracy`, a row a seed; may be empty.
        look: each strategy's style.
        ax: where to draw.
        xlabel: what the accuracy is of.
    """
    names = list(summary.index)
    shown = seeds[seeds.strategy.isin(names)].dropna(subset="test_accuracy")
    if len(shown):
        # Below the interval, or its bar would hide them.
        sns.scatterplot(
            data=shown.assign(place=shown.strategy.map(names.index) + 0.27),
            x="test_accuracy", y="place", hue="strategy", legend=False, s=26, alpha=0.7,
            palette={name: look[name].colour for name in names}, linewidth=0, ax=ax,
        )  # fmt: skip
    for place, (name, row) in enumerate(summary.iterrows()):
        style = look[str(name)]
        reach = [[row["mean"] - row.low], [row.high - row["mean"]]]
        ax.errorbar(
            row["mean"], place, xerr=None if pd.isna(row.low) else reach, fmt=style.marker,
            color=style.colour, markersize=9, elinewidth=2.4, capsize=4, capthick=2, zorder=5,
        )  # fmt: skip
    ax.set(xlabel=xlabel, ylabel="", ylim=(len(names) - 0.4, -0.5))
    ax.set_yticks(range(len(names)), [_marked(name).replace(" (", "\n(") for name in names])
    ax.grid(visible=False, axis="y")
    ax.tick_params(axis="y", length=0)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=4))
    _percent(ax.xaxis)
    return ax


def learning_curves(
    epochs: pd.DataFrame, strategy: str, best: dict[str, str], look: dict[str, Style], ax: Axes
) -> Axes:
    """Draws one strategy's validation accuracy against the epoch, with the others' best behind it.

    Args:
        epochs: `strategy`, `configuration`, `epoch` and `val_accuracy`.
        strategy: whose curves to draw: every configuration's thin, the best one's thick.
        best: the configuration that stands for each strategy.
        look: each strategy's style.
        ax: where to draw.
    """
    colour, marker = look[strategy]
    common = {"x": "epoch", "y": "val_accuracy", "ax": ax, "estimator": None, "legend": False}
    mine = epochs[epochs.strategy == strategy]
    others = epochs[epochs.configuration.isin([c for n, c in best.items() if n != strategy])]
    leading = mine[mine.configuration == best.get(strategy)]
    many = mine.configuration.nunique() > 100
    if len(others):
        sns.lineplot(data=others, units="configuration", color=FAINT, lw=1.2, alpha=0.55, **common)
    if len(mine):
        # A rung of one epoch has no line to draw: the dots show it.
        thin: dict[str, Any] = {
            "color": colour,
            "lw": 0.9,
            "alpha": 0.45,
            "marker": "o",
            "markersize": 3.5,
        }
        if many:
            # One broken line draws a thousand curves in the time of one; and as an image they are
            # smaller than as paths.
            ax.plot(*_broken(mine), **thin, markeredgewidth=0, rasterized=True)
        else:
            sns.lineplot(data=mine, units="configuration", **thin, markeredgewidth=0, **common)
    if len(leading):
        sns.lineplot(
            data=leading, color=colour, lw=2.6, marker=marker, markersize=6, markeredgewidth=0,
            **common,
        )  # fmt: skip
    ax.set(
        title=_marked(strategy).replace(" (", "\n(").replace(", no recurrence", ""),
        xlabel="epoch",
        ylabel="",
    )
    ax.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    _percent(ax.yaxis)
    return ax


# What an axis of costs is called, and how it writes a number.
COSTS: dict[str, tuple[str, Callable[[float], str]]] = {
    "parameters": ("parameters", amount),
    "multiply_adds": ("multiply-adds for one image", amount),
    "train_seconds": ("time of a final training", duration),
    "latency_ms": ("time for one image", milliseconds),
}


def front(
    points: pd.DataFrame, spread: pd.Series, look: dict[str, Style], ax: Axes, cost: str
) -> Axes:
    """Draws accuracy against a cost (log axis), and the Pareto front as a line of steps.

    Args:
        points: `strategy`, `value` of the cost, above 0, `accuracy`, and `front`, whether none
            other beats it in both.
        spread: the standard deviation of the accuracy over seeds by strategy, NaN for none.
        look: each strategy's style.
        ax: where to draw.
        cost: one of `COSTS`.
    """
    name, said = COSTS[cost]
    best = points[points.front].sort_values("value")
    ax.step(best.value, best.accuracy, where="post", color=FAINT, lw=1.6, zorder=1)
    for row in points.to_dict("records"):
        style, over = look[row["strategy"]], spread.get(row["strategy"], np.nan)
        ax.errorbar(
            row["value"], row["accuracy"], yerr=None if pd.isna(over) else over,
            fmt=style.marker, color=style.colour, markersize=8, elinewidth=1.6, capsize=3,
        )  # fmt: skip
    low, high = points.value.min() / 1.6, points.value.max() * 1.6
    ax.set_xscale("log")
    ax.set(xlim=(low, high), xlabel=name)
    ratio = high / low
    steps = (1.0, 2.0, 5.0) if ratio < 10 else (1.0, 3.0) if ratio < 100 else (1.0,)
    ax.xaxis.set_major_locator(LogLocator(subs=steps, numticks=5))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: said(value)))
    ax.tick_params(axis="x", labelsize=10)
    ax.minorticks_off()
    ax.margins(y=0.12)
    _percent(ax.yaxis)
    return ax


def legend(strategies: Sequence[str], look: dict[str, Style], ax: Axes) -> None:
    """Draws below the whole figure of an Axes which mark is which strategy."""
    marks = [
        Line2D([], [], ls="", marker=look[name].marker, color=look[name].colour, markersize=8)
        for name in strategies
    ]
    names = [_marked(name) for name in strategies]
    ax.figure.legend(marks, names, loc="outside lower center", ncols=2)


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
    _percent(ax.yaxis)
    return ax


def heat(shares: pd.DataFrame, ax: Axes, xlabel: str, ylabel: str) -> Axes:
    """Draws shares in [0, 1] as a grid of shaded cells, with the percentages in them.

    The cells bring their own ground, so they read the same on a light page and on a dark one.

    Args:
        shares: a row of cells a row; the labels are the frame's.
        ax: where to draw.
        xlabel: what the columns are.
        ylabel: what the rows are.
    """
    values = 100 * shares.to_numpy(dtype=float)
    sns.heatmap(
        values, ax=ax, cmap="Blues", vmin=0, vmax=100, cbar=False, linewidths=1.5,
        linecolor=FAINT, annot=True, fmt=".0f", annot_kws={"fontsize": 9},
        xticklabels=[bare(str(name)) for name in shares.columns],
        yticklabels=[bare(str(name)).replace(" (", "\n(") for name in shares.index],
    )  # fmt: skip
    ax.set(xlabel=xlabel, ylabel=ylabel)
    long = max(len(str(name)) for name in shares.columns) > 3
    ax.tick_params(axis="x", length=0, rotation=45 if long else 0)
    ax.tick_params(axis="y", length=0, rotation=0)
    if long:
        for tick in ax.get_xticklabels():
            tick.set(ha="right", rotation_mode="anchor")
    return ax


def comparison(scores: pd.DataFrame, look: dict[str, Style], ax: Axes) -> Axes:
    """Draws the test accuracy of each strategy in each run, a line a strategy.

    Args:
        scores: a row a strategy, a column a run; NaN where a run has not tested it.
        look: each strategy's style.
        ax: where to draw.
    """
    runs = [bare(str(name)).replace(" (", "\n(") for name in scores.columns]
    for name, row in scores.iterrows():
        style = look[str(name)]
        ax.plot(
            range(len(runs)), row.to_numpy(), color=style.colour, marker=style.marker,
            markersize=7, lw=1.6, alpha=0.9, label=_marked(str(name)),
        )  # fmt: skip
    ax.set(ylabel="test accuracy", xlim=(-0.3, len(runs) - 0.7))
    ax.set_xticks(range(len(runs)), runs, rotation=25 if len(runs) > 4 else 0)
    ax.margins(y=0.08)
    _percent(ax.yaxis)
    ax.legend(loc="upper center", bbox_to_anchor=(0.45, -0.22), ncols=2)
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
    ax.set_yticks(range(len(names)), [_marked(name).replace(" (", "\n(") for name in names])
    ax.grid(visible=False, axis="y")
    ax.tick_params(axis="y", length=0)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=6))
    return ax


def figure(
    draw: Callable[..., object],
    width: float,
    height: float,
    rows: int = 1,
    columns: int = 1,
    alike: bool = True,
) -> Figure:
    """Returns a figure of width × height inches that `draw` has filled.

    Args:
        draw: takes rows × columns Axes, in reading order, which share their upright scale.
        width: in inches.
        height: in inches.
        rows: how many rows of Axes.
        columns: how many Axes a row.
        alike: whether they share the other scale, too.
    """
    with mpl.rc_context({**sns.axes_style("white"), **_STYLE}):
        drawn = Figure(figsize=(width, height), layout="constrained")
        shared = rows * columns > 1
        axes = drawn.subplots(rows, columns, squeeze=False, sharex=shared and alike, sharey=shared)
        draw(*axes.flat)
    return drawn


def to_png(drawn: Figure) -> bytes:
    """Returns a figure as PNG on white."""
    content = io.BytesIO()
    with mpl.rc_context(_STYLE):
        drawn.savefig(content, format="png", dpi=144, facecolor="white")
    return content.getvalue()


def to_svg(drawn: Figure, name: str, description: str) -> str:
    """Returns a figure as an SVG element to put into a page: transparent, text in its colour.

    Args:
        drawn: the figure.
        name: unlike that of any other figure in the page; keeps their ids apart.
        description: what it shows, for those who cannot see it.
    """
    content = io.StringIO()
    # The salt makes the ids, and so the page, the same every time.
    with mpl.rc_context({**_STYLE, "svg.hashsalt": name}):
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        drawn.savefig(content, format="svg", transparent=True, metadata=nothing)
    svg = content.getvalue()
    svg = svg[svg.index("<svg") :].replace(INK, "currentColor")
    # HTML needs no namespaces. A fixed size would not shrink on a phone: the view box stays.
    svg = re.sub(r' xmlns(:\w+)?="[^"]*"', "", svg, count=2)
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'\b(id="|url\(#|href="#)', rf"\g<1>{name}-", svg)
    return svg.replace("<svg", f'<svg role="img" aria-label="{escape(description)}"', 1)


def _marked(strategy: str) -> str:
    """A strategy's label, of which matplotlib draws every character."""
    return bare(label(strategy))


def _broken(epochs: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Returns all configurations' curves as one line (epochs, accuracies), with NaN in between."""
    ordered = epochs.sort_values(["configuration", "epoch"], kind="stable")
    names = ordered.configuration.to_numpy()
    ends = np.flatnonzero(names[1:] != names[:-1]) + 1
    values = (ordered[column].to_numpy(dtype=float) for column in ("epoch", "val_accuracy"))
    x, y = (np.insert(value, ends, np.nan) for value in values)
    return x, y


def _percent(axis: Axis) -> None:
    axis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:.4g} %"))
