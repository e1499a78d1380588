"""How each strategy's configurations learned, epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from analysis import formatting
from analysis.report import style
from analysis.report.elements import Picture, Section
from analysis.report.findings import Findings


def section(found: Findings) -> Section:
    """Returns the curves, Axes a strategy, or says that there are none."""
    column = found.run.experiment.objective.validation
    curves = found.run.epochs.dropna(subset=column).assign(reached=lambda frame: frame[column])
    names = [name for name in found.run.experiment.strategies if name in set(curves.strategy)]
    if not names:
        return Section("curves", "Learning curves", ["No trial has recorded an epoch."])
    best = dict(zip(found.standing.index, found.standing.configuration, strict=True))
    picture = Picture(
        "learning-curves",
        _caption(found, curves, best),
        _figure(found, curves, names, best),
        f"Validation {found.metric} against the epoch, by strategy",
    )
    return Section("curves", "Learning curves", parts=[picture])


def _figure(
    found: Findings, curves: pd.DataFrame, names: list[str], best: dict[str, str]
) -> Figure:
    columns = 1 if len(names) == 1 else 2 if len(names) <= 4 else 3
    rows = -(-len(names) // columns)

    def draw(*axes: Axes) -> None:
        for ax, name in zip(axes, names, strict=False):
            draw_curves(curves, name, best, found.look[name], ax)
            style.score_axis(ax.yaxis, found.objective)
            title = style.two_lines(found.label(name))
            ax.set(title=title)
        style.hide(axes[len(names) :])
        # Where none is below, the axis is labelled here.
        for ax in axes[max(0, len(names) - columns) : len(names)]:
            ax.tick_params(axis="x", labelbottom=True)
            ax.xaxis.label.set_visible(True)
        axes[0].figure.supylabel(f"validation {found.metric}", fontsize=11)

    height = 0.6 + (3.0 if rows == 1 else 2.2 * rows)
    return style.figure(draw, style.WIDTH, height, rows, columns)


def draw_curves(
    epochs: pd.DataFrame, strategy: str, best: Mapping[str, str], look: style.Style, ax: Axes
) -> Axes:
    """Draws one strategy's validation score against the epoch, with the others' best behind it.

    Args:
        epochs: a row an epoch of a configuration: `strategy`, `configuration`, `epoch`, 1 for the
            first, and `reached`, the validation score.
        strategy: whose curves to draw: every configuration's thin, the best one's thick.
        best: the configuration that stands for each strategy.
        look: the strategy's style.
        ax: where to draw.
    """
    colour, marker = look
    common = {"x": "epoch", "y": "reached", "ax": ax, "estimator": None, "legend": False}
    mine = epochs[epochs.strategy == strategy]
    others = epochs[epochs.configuration.isin([c for n, c in best.items() if n != strategy])]
    leading = mine[mine.configuration == best.get(strategy)]
    many = mine.configuration.nunique() > 100
    if len(others):
        sns.lineplot(
            data=others, units="configuration", color=style.FAINT, lw=1.2, alpha=0.55, **common
        )
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
    ax.set(xlabel="epoch", ylabel="")
    ax.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    return ax


def _broken(epochs: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Returns all configurations' curves as one line (epochs, scores), with NaN in between."""
    ordered = epochs.sort_values(["configuration", "epoch"], kind="stable")
    names = ordered.configuration.to_numpy()
    ends = np.flatnonzero(names[1:] != names[:-1]) + 1
    values = (ordered[column].to_numpy(dtype=float) for column in ("epoch", "reached"))
    x, y = (np.insert(value, ends, np.nan) for value in values)
    return x, y


def _caption(found: Findings, epochs: pd.DataFrame, best: Mapping[str, str]) -> str:
    """Describes the curves by who leads at the first epoch and who at the last."""
    leading = epochs[epochs.configuration.isin(best.values())]
    several = leading.strategy.nunique() > 1
    text = "A thin line or dot is one configuration, the thick line the best of its strategy" + (
        "; grey are the best of the others." if several else "."
    )
    if leading.empty:
        return text
    ends = [leading[leading.epoch == epoch] for epoch in (leading.epoch.min(), leading.epoch.max())]
    better, said = found.objective.better, found.objective.in_words
    (start, end) = (rows.loc[rows.reached.map(better).idxmax()] for rows in ends)
    first = formatting.plural(int(start.epoch), "epoch")
    early, late = said(start.reached), said(end.reached)
    if not several or start.epoch == end.epoch:
        last = formatting.plural(int(end.epoch), "epoch")
        return f"{text} {found.label(end.strategy)} stands at {late} after {last}."
    if start.strategy == end.strategy:
        return (
            f"{text} Of the best, {found.label(end.strategy)} leads both after {first} ({early}) "
            f"and after {int(end.epoch)} ({late})."
        )
    return (
        f"{text} Of the best, {found.label(start.strategy)} leads after {first} ({early}), "
        f"{found.label(end.strategy)} after {int(end.epoch)} ({late}): "
        "stopping early would have picked another."
    )
