"""Findings -> the report's sections, in their order. A new one is a function and a line."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd
from matplotlib.figure import Figure

from analysis import formatting
from analysis.report import captions, cells, plots
from analysis.report.elements import Part, Picture, Section
from analysis.report.findings import Findings
from analysis.report.gallery import class_accuracy, mistakes, readings, samples
from analysis.report.reasons import equal_budgets, matters, recurrence, seeding, stopping
from analysis.report.trialtable import trial_table
from analysis.statistics import budgets, comparisons


def accuracy(found: Findings) -> Picture | None:
    """Draws the first screen's figure, or nothing where nothing has been scored."""
    tested, standing = found.tested, found.standing
    if len(tested):
        measure, shown, caption = "test accuracy", tested, captions.accuracy(tested)
    elif len(standing):
        measure, caption = "validation accuracy", captions.validation(standing)
        shown = standing.assign(mean=standing.score, low=float("nan"), high=float("nan"))
        shown = shown.sort_values("mean", ascending=False, kind="stable")
    else:
        return None
    drawn = plots.figure(
        lambda ax: plots.accuracy(shown, found.run.finals, found.look, ax, measure),
        plots.WIDTH,
        0.9 + 0.42 * len(shown),
    )
    return Picture("accuracy", caption, drawn, f"{measure.capitalize()} by strategy")


def wins(found: Findings) -> Section:
    """What wins where: by strategy with its uncertainty, and by class."""
    if not found.summary.seeds.sum():
        return Section("wins", "What wins where", ["No model has been tested yet."])
    groups = comparisons.groups(found.pairs).groups if found.pairs.p.notna().all() else None
    grid = cells.strategies(found.run, found.summary, found.comparison, found.standing, groups)
    parts: list[Part] = [grid]
    if by_class := class_accuracy(found):
        parts.append(by_class)
    return Section("wins", "What wins where", parts=parts)


def cost(found: Findings) -> Section:
    """What each strategy costs, and what accuracy that buys."""
    if found.standing.empty:
        return Section("cost", "Cost", ["No trained model, so no cost."])
    points = budgets.costs(found.run, found.summary)
    measure = "test accuracy" if len(found.tested) else "validation accuracy"
    if found.tested.empty:
        points = points.assign(accuracy=found.standing.score)
    front = budgets.pareto(points)
    front = front[front.value > 0]  # there is no 0 on a logarithmic axis
    parts: list[Part] = []
    if len(front):
        title = f"{measure.capitalize()} against what it costs"
        caption = captions.front(front, bool(len(found.summary["std"].dropna())))
        parts.append(
            Picture("accuracy-against-cost", caption, _fronts(front, found, measure), title)
        )
        parts.append(cells.fronts(front))
    return Section("cost", "Cost", parts=[*parts, cells.costs(found.run, found.standing)])


def _fronts(front: pd.DataFrame, found: Findings, measure: str) -> Figure:
    kinds = list(dict.fromkeys(front.cost))
    shown = set(front.strategy)
    names = [name for name in found.run.experiment.strategies if name in shown]
    columns = min(2, len(kinds))
    rows = -(-len(kinds) // columns)

    def draw(*axes: plots.Axes) -> None:
        for ax, kind in zip(axes, kinds, strict=False):
            plots.front(front[front.cost == kind], found.summary["std"], found.look, ax, kind)
        for ax in axes[len(kinds) :]:
            ax.set_visible(False)
        axes[0].figure.supylabel(measure, fontsize=11)
        plots.legend(names, found.look, axes[0])

    height = 2.4 * rows + 0.25 * -(-len(names) // 2) + 0.2
    return plots.figure(draw, plots.WIDTH, height, rows, columns, alike=False)


def learning(found: Findings) -> Section:
    """How each strategy's configurations learned, epoch by epoch."""
    curves = found.run.epochs.dropna(subset="val_accuracy")
    names = [name for name in found.run.experiment.strategies if name in set(curves.strategy)]
    if not names:
        return Section("curves", "Learning curves", ["No trial has recorded an epoch."])
    best = dict(zip(found.standing.index, found.standing.configuration, strict=True))
    picture = Picture(
        "learning-curves",
        captions.learning_curves(curves, best),
        _curves(curves, names, best, found),
        "Validation accuracy against the epoch, by strategy",
    )
    return Section("curves", "Learning curves", parts=[picture])


def _curves(
    curves: pd.DataFrame, names: list[str], best: dict[str, str], found: Findings
) -> Figure:
    columns = 1 if len(names) == 1 else 2 if len(names) <= 4 else 3
    rows = -(-len(names) // columns)

    def draw(*axes: plots.Axes) -> None:
        for ax, name in zip(axes, names, strict=False):
            plots.learning_curves(curves, name, best, found.look, ax)
        for ax in axes[len(names) :]:
            ax.set_visible(False)
        # Where none is below, the axis is labelled here.
        for ax in axes[max(0, len(names) - columns) : len(names)]:
            ax.tick_params(axis="x", labelbottom=True)
            ax.xaxis.label.set_visible(True)
        axes[0].figure.supylabel("validation accuracy", fontsize=11)

    return plots.figure(draw, plots.WIDTH, 0.6 + (3.0 if rows == 1 else 2.2 * rows), rows, columns)


def configurations(found: Findings) -> Section:
    """The best hyperparameters of each strategy."""
    title = "The best configuration of each strategy"
    if found.standing.empty:
        return Section("configurations", title, ["No trial has ended well."])
    return Section("configurations", title, parts=[cells.settings(found.standing)])


def trials(found: Findings) -> Section:
    """Every trial, and how many of each strategy ended in which way."""
    parts: list[Part] = [cells.progress(found.run)]
    if len(found.run.trials):
        parts.append(trial_table(found.run))
    return Section("trials", "All trials", parts=parts)


def failures(found: Findings) -> Section:
    """What failed, and why."""
    grid = cells.failures(found.run)
    if not grid.rows:
        return Section("failures", "What failed", ["Nothing failed."])
    return Section("failures", "What failed", parts=[grid])


def again(found: Findings) -> Section:
    """The command, seed, versions, hardware and hours."""
    return Section(
        "again",
        "How to do it again",
        parts=[cells.facts(found.run)],
        code=formatting.bare(formatting.clean(found.run.about.get("command") or "", 2000)),
    )


Maker = Callable[[Findings], Section | None]

SECTIONS: Sequence[Maker] = (
    wins,
    cost,
    recurrence,
    equal_budgets,
    learning,
    matters,
    stopping,
    seeding,
    configurations,
    trials,
    failures,
    samples,
    readings,
    mistakes,
    again,
)
"""The whole report, top to bottom."""

QUICK: Sequence[Maker] = (trials, failures, again)
"""While the search runs: what changes, and is cheap."""


def make(found: Findings) -> list[Section]:
    """Returns the sections that there is something to say in."""
    made = (section(found) for section in (QUICK if found.unfinished else SECTIONS))
    return [section for section in made if section]
