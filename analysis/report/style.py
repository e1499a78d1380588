"""How figures look: until `plots.py` is dissolved, its parts by their new names."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.axis import Axis

from analysis.formatting import bare
from analysis.report import plots
from analysis.report.plots import FAINT, INK, WIDTH, Style, figure

__all__ = ["FAINT", "INK", "WIDTH", "Style", "figure", "percent_axis", "strategy_axis"]


def percent_axis(axis: Axis) -> None:
    """Writes an axis of shares as percentages."""
    plots._percent(axis)


def strategy_axis(labels: Sequence[str], ax: Axes) -> None:
    """Puts labels on the upright axis, one a strategy."""
    ax.set_yticks(range(len(labels)), [bare(label).replace(" (", "\n(") for label in labels])
    ax.grid(visible=False, axis="y")
    ax.tick_params(axis="y", length=0)
