"""What each strategy costs, and what accuracy that buys."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator

from analysis import formatting
from analysis.report import style
from analysis.report.elements import Part, Picture, Section, Table
from analysis.report.evidence import in_terms_of
from analysis.report.findings import Findings
from analysis.statistics import budgets

# By the name in `budgets.COSTS`: what the axis is called, and how it writes a number.
COSTS: dict[str, tuple[str, Callable[[float], str]]] = {
    "parameters": ("parameters", formatting.amount),
    "multiply_adds": ("multiply-adds for one image", formatting.amount),
    "train_seconds": ("time of a final training", formatting.duration),
    "latency_ms": ("time for one image", formatting.milliseconds),
}


def section(found: Findings) -> Section:
    """Returns the fronts, as far as accuracies are known, and the table of costs."""
    if found.standing.empty:
        return Section("cost", "Cost", ["No trained model, so no cost."])
    points = budgets.costs(found.run, found.summary)
    measure = f"test {found.metric}" if len(found.tested) else f"validation {found.metric}"
    if found.tested.empty:
        points = points.assign(accuracy=found.standing.score)
    fronts = budgets.pareto(points, found.run.experiment.objective)
    fronts = fronts[fronts.value > 0]  # there is no 0 on a logarithmic axis
    parts: list[Part] = []
    if len(fronts):
        title = f"{measure.capitalize()} against what it costs"
        drawn = _figure(found, fronts, measure)
        parts.append(Picture("accuracy-against-cost", _caption(found, fronts), drawn, title))
        parts.append(_front_table(found, fronts))
    return Section("cost", "Cost", parts=[*parts, _cost_table(found)])


def _figure(found: Findings, fronts: pd.DataFrame, measure: str) -> Figure:
    kinds = list(dict.fromkeys(fronts.cost))
    shown = set(fronts.strategy)
    labels = {n: found.label(n) for n in found.run.experiment.strategies if n in shown}
    columns = min(2, len(kinds))
    rows = -(-len(kinds) // columns)

    def draw(*axes: Axes) -> None:
        for ax, kind in zip(axes, kinds, strict=False):
            draw_front(fronts[fronts.cost == kind], found.summary["std"], found.look, ax, kind)
            style.score_axis(ax.yaxis, found.objective)
        style.hide(axes[len(kinds) :])
        axes[0].figure.supylabel(measure, fontsize=11)
        style.legend(labels, found.look, axes[0])

    height = 2.4 * rows + 0.25 * -(-len(labels) // 2) + 0.2
    return style.figure(draw, style.WIDTH, height, rows, columns, alike=False)


def draw_front(
    points: pd.DataFrame,
    spread: pd.Series,
    look: Mapping[str, style.Style],
    ax: Axes,
    cost: str,
) -> Axes:
    """Draws accuracy against a cost (log axis), and the Pareto front as a line of steps.

    Args:
        points: a row a strategy: `strategy`, `value` of the cost, above 0, `accuracy`, or what
            is judged by instead, and `front`, whether none other beats it in both.
        spread: the standard deviation of the accuracy over seeds by strategy, NaN for none.
        look: each strategy's style.
        ax: where to draw.
        cost: one of `COSTS`.
    """
    name, said = COSTS[cost]
    best = points[points.front].sort_values("value")
    ax.step(best.value, best.accuracy, where="post", color=style.FAINT, lw=1.6, zorder=1)
    for row in points.to_dict("records"):
        colour, marker = look[row["strategy"]]
        over = spread.get(row["strategy"], np.nan)
        ax.errorbar(
            row["value"], row["accuracy"], yerr=None if pd.isna(over) else over,
            fmt=marker, color=colour, markersize=8, elinewidth=1.6, capsize=3,
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
    return ax


def _caption(found: Findings, fronts: pd.DataFrame) -> str:
    better = "Down" if found.run.experiment.objective.lowest_is_best else "Up"
    more = in_terms_of(found.run, "more accurate", "better")
    text = [f"{better} is {more}, left is cheaper."]
    if len(found.summary["std"].dropna()):
        text.append("A bar is the standard deviation over seeds.")
    shown = set(fronts.strategy)
    names = [name for name in found.order if name in shown]
    if len(names) == 1:
        return " ".join(text)
    text.append(
        f"The line is the front: what no other strategy beats in {found.metric} and in this cost "
        "at once, by their means."
    )
    on = fronts.groupby("strategy").front
    always, ever = on.all(), on.any()
    every = [found.label(name) for name in names if always[name]]
    never = [found.label(name) for name in names if not ever[name]]
    several = fronts.cost.nunique() > 1
    if every:
        text.append(f"On {'every front' if several else 'it'}: {formatting.listing(every)}.")
    if never:
        text.append(f"On {'none' if several else 'it not'}: {formatting.listing(never)}.")
    return " ".join(text)


def _front_table(found: Findings, fronts: pd.DataFrame) -> Table:
    rows = []
    for kind, points in fronts[fronts.front].groupby("cost", sort=False):
        name, said = COSTS[str(kind)]
        on = [
            f"{found.label(row['strategy'])} "
            f"({said(row['value'])}, {found.objective.in_words(row['accuracy'])})"
            for row in points.to_dict("records")
        ]
        rows.append([name, formatting.listing(on)])
    head = ["cost", "on the front, the cheapest first"]
    return Table("pareto", head, rows, numeric=False, frame=fronts)


def _cost_table(found: Findings) -> Table:
    columns = [
        "strategy",
        "parameters",
        "multiply-adds",
        "time per epoch",
        "final training",
        "latency",
        "peak memory",
        f"timesteps{formatting.TIMES}features",
    ]
    finals = found.run.finals[found.run.finals.status == "completed"].groupby("strategy")
    measured = pd.DataFrame(
        {"final_seconds": finals.train_seconds.mean(), "latency_ms": finals.latency_ms.median()}
    )
    names = "parameters multiply_adds seconds_per_epoch peak_memory_bytes timesteps features"
    frame = found.standing[names.split()].join(measured, how="left")
    rows = []
    for name in found.run.experiment.strategies:
        cells = [formatting.NOTHING] * 7
        if name in frame.index:
            row: Any = frame.loc[name]
            none = math.isnan(row.timesteps)  # a control has no sequence
            shape = [] if none else [f"{int(n):,}" for n in (row.timesteps, row.features)]
            cells = [
                formatting.amount(row.parameters),
                formatting.amount(row.multiply_adds),
                formatting.duration(row.seconds_per_epoch),
                formatting.duration(row.final_seconds),
                formatting.milliseconds(row.latency_ms),
                formatting.memory(row.peak_memory_bytes),
                formatting.TIMES.join(shape) or formatting.NOTHING,
            ]
        rows.append([found.label(name), *cells])
    note = (
        "Multiply-adds are for one image. Time per epoch is the median of the search's epochs, "
        "final training the mean over seeds, latency the median time for one image in a batch of "
        f"one. Timesteps{formatting.TIMES}features is the sequence that the LSTM reads."
    )
    frame = frame.rename_axis("strategy").reset_index()
    return Table("costs", columns, rows, note=note, frame=frame)
