"""How every figure looks: colours, markers, axes; and a figure as bytes. No disk.

Figures are plain `Figure` objects: no pyplot, so no global state and nothing to close.
"""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import matplotlib as mpl
import pandas as pd
import seaborn as sns
from markupsafe import escape
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from analysis.formatting import bare
from search.store import Metric

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

_RC = {
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


def styles(positions: Mapping[str, int]) -> dict[str, Style]:
    """Returns each strategy's colour and marker, which follow from its place in the registry.

    So a strategy looks the same in every report and every comparison. Where two claim one place,
    as in runs of different versions, the first keeps it and the others take the lowest that nobody
    claims: no two look alike.

    Args:
        positions: by strategy its place in the registry, 0 for the first.

    >>> styles({"lines": 0, "patches": 4})["patches"] == styles({"patches": 4})["patches"]
    True
    """
    claimed = set(positions.values())
    free = (place for place in itertools.count() if place not in claimed)
    taken: dict[int, str] = {}
    for name, position in positions.items():
        taken[next(free) if position in taken else position] = name
    places = {name: place for place, name in taken.items()}
    return {name: _style(places[name]) for name in positions}


def _style(place: int) -> Style:
    lap, colour = divmod(place, len(COLOURS))
    return Style(COLOURS[colour], MARKERS[(place + lap) % len(MARKERS)])


def legend(labels: Mapping[str, str], look: Mapping[str, Style], ax: Axes) -> None:
    """Draws below the whole figure of an Axes which mark is which strategy.

    Args:
        labels: by strategy what it is called, in order.
        look: each strategy's style.
        ax: one of the figure's.
    """
    marks = [
        Line2D([], [], ls="", marker=look[name].marker, color=look[name].colour, markersize=8)
        for name in labels
    ]
    names = [bare(label) for label in labels.values()]
    ax.figure.legend(marks, names, loc="outside lower center", ncols=2)


def strategy_axis(labels: Sequence[str], ax: Axes) -> None:
    """Writes strategies' labels up the left side, the first at the top, without grid or ticks."""
    ax.set_yticks(range(len(labels)), [two_lines(label) for label in labels])
    ax.grid(visible=False, axis="y")
    ax.tick_params(axis="y", length=0)


def score_axis(axis: Axis, metric: Metric) -> None:
    """Writes a metric's values along an axis, shares in percent."""
    if metric.in_percent:
        axis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:.4g} %"))


def two_lines(label: str) -> str:
    r"""Returns a label for a figure, where what stands in brackets has a line of its own.

    >>> two_lines("digits (one)")
    'digits\n(one)'
    """
    # Of a label matplotlib draws every character, those too that have no shape.
    return bare(label).replace(" (", "\n(")


def hide(axes: Sequence[Axes]) -> None:
    """Takes Axes that nothing was drawn in out of the figure."""
    for ax in axes:
        ax.set_visible(False)


def heat(shares: pd.DataFrame, ax: Axes, xlabel: str, ylabel: str) -> Axes:
    """Draws shares in [0, 1] as a grid of shaded cells, with the percentages in them.

    The cells bring their own ground, so they read the same on a light page and on a dark one.

    Args:
        shares: a row of cells a row; (rows, columns), in [0, 1]; the labels are the frame's.
        ax: where to draw.
        xlabel: what the columns are.
        ylabel: what the rows are.
    """
    values = 100 * shares.to_numpy(dtype=float)
    sns.heatmap(
        values, ax=ax, cmap="Blues", vmin=0, vmax=100, cbar=False, linewidths=1.5,
        linecolor=FAINT, annot=True, fmt=".0f", annot_kws={"fontsize": 9},
        xticklabels=[bare(str(name)) for name in shares.columns],
        yticklabels=[two_lines(str(name)) for name in shares.index],
    )  # fmt: skip
    ax.set(xlabel=xlabel, ylabel=ylabel)
    long = max(len(str(name)) for name in shares.columns) > 3
    ax.tick_params(axis="x", length=0, rotation=45 if long else 0)
    ax.tick_params(axis="y", length=0, rotation=0)
    if long:
        for tick in ax.get_xticklabels():
            tick.set(ha="right", rotation_mode="anchor")
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
    with mpl.rc_context({**sns.axes_style("white"), **_RC}):
        drawn = Figure(figsize=(width, height), layout="constrained")
        shared = rows * columns > 1
        axes = drawn.subplots(rows, columns, squeeze=False, sharex=shared and alike, sharey=shared)
        draw(*axes.flat)
    return drawn


def to_png(drawn: Figure) -> bytes:
    """Returns a figure as PNG on white."""
    content = io.BytesIO()
    with mpl.rc_context(_RC):
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
    with mpl.rc_context({**_RC, "svg.hashsalt": name}):
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
