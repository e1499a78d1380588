"""The first screen: how accurate each strategy is, as a picture and as a brief table."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from analysis import formatting
from analysis.report import style
from analysis.report.elements import Picture, Table
from analysis.report.findings import Findings
from analysis.report.tested import tested
from analysis.run import best_first
from analysis.statistics import samples
from search.store import Metric


def picture(found: Findings) -> Picture | None:
    """Draws accuracy by strategy, or nothing where nothing has been scored."""
    if len(found.tested):
        measure, shown, caption = f"test {found.metric}", found.tested, _caption(found)
    elif len(found.standing):
        measure, caption = f"validation {found.metric}", _validation_caption(found)
        standing = best_first(found.standing, found.run.experiment.objective)
        shown = standing.assign(mean=standing.score, low=float("nan"), high=float("nan"))
    else:
        return None
    labels = [found.label(str(name)) for name in shown.index]
    # One far below all would squeeze the others; the table has it.
    score = found.objective.height
    near = found.baselines[found.baselines.test_score.map(score) > score(shown["mean"].min()) / 2]
    simple = dict(zip(near.label, near.test_score, strict=True))
    drawn = style.figure(
        lambda ax: draw(
            shown, found.run.finals, labels, found.look, ax, measure, found.objective, simple
        ),
        style.WIDTH,
        0.8 + 0.36 * (len(shown) + len(simple)),
    )
    return Picture("accuracy", caption, drawn, f"{measure.capitalize()} by strategy")


def draw(
    summary: pd.DataFrame,
    seeds: pd.DataFrame,
    labels: list[str],
    look: Mapping[str, style.Style],
    ax: Axes,
    xlabel: str,
    metric: Metric,
    baselines: Mapping[str, float] = MappingProxyType({}),
) -> Axes:
    """Draws accuracy by strategy, best at the top: the mean, its 95 % interval, and each seed.

    Below them are the simple classifiers, which take no part: a cross each.

    Args:
        summary: a row a strategy, its index; `mean`, `low` and `high`; an interval of NaN is left
            out.
        seeds: a row a strategy and seed: `strategy` and `test_score`; may be empty.
        labels: what the strategies are called, (strategies,), in the order of `summary`.
        look: each strategy's style.
        ax: where to draw.
        xlabel: what the accuracy is of.
        metric: what it is, where it is another.
        baselines: what a simple classifier is called to its score.
    """
    names = list(summary.index)
    shown = seeds[seeds.strategy.isin(names)].dropna(subset="test_score")
    if len(shown):
        # Below the interval, or its bar would hide them.
        sns.scatterplot(
            data=shown.assign(place=shown.strategy.map(names.index) + 0.27),
            x="test_score", y="place", hue="strategy", legend=False, s=26, alpha=0.7,
            palette={name: look[name].colour for name in names}, linewidth=0, ax=ax,
        )  # fmt: skip
    for place, (name, row) in enumerate(summary.iterrows()):
        colour, marker = look[str(name)]
        reach = [[row["mean"] - row.low], [row.high - row["mean"]]]
        ax.errorbar(
            row["mean"], place, xerr=None if pd.isna(row.low) else reach, fmt=marker,
            color=colour, markersize=9, elinewidth=2.4, capsize=4, capthick=2, zorder=5,
        )  # fmt: skip
    places = range(len(names), len(names) + len(baselines))
    ax.plot([*baselines.values()], places, "x", color="0.45", markersize=8, markeredgewidth=2)
    ax.set(xlabel=xlabel, ylabel="", ylim=(len(names) + len(baselines) - 0.4, -0.5))
    style.strategy_axis([*labels, *baselines], ax)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=4))
    style.score_axis(ax.xaxis, metric)
    return ax


def _caption(found: Findings) -> str:
    shown, metric = found.tested, found.objective  # the best first
    one = (shown.seeds == 1).all()
    several = samples.several_iterations(found.run.finals)
    over = "searches, seeds" if several else "seeds"
    text = [
        "Each mark is a single seed, so nothing shows how far another would differ."
        if one
        else "The large mark is the mean, each small dot one training."
    ]
    if shown.low.notna().any():
        text.append(f"The bar is the mean's 95 % interval over {over} and test images.")
    if len(shown) > 1:
        first, last = str(shown.index[0]), str(shown.index[-1])
        best, worst = shown["mean"].iloc[0], shown["mean"].iloc[-1]
        text.append(
            f"From {found.label(first)} ({metric.in_words(best)}) to {found.label(last)} "
            f"({metric.in_words(worst)}) it is {metric.gap_in_words(abs(best - worst))}."
        )
    if shown["std"].notna().any():
        widest = str(shown["std"].idxmax())
        span = metric.gap_in_words(shown["max"][widest] - shown["min"][widest])
        text.append(
            f"{'Searches' if several else 'Seeds'} differ most for {found.label(widest)}: {span} "
            "between the worst and the best."
        )
    return " ".join(text)


def _validation_caption(found: Findings) -> str:
    scores = found.standing.score
    first = found.order[0]
    return (
        "Each mark is the best configuration so far, on the validation images and one seed: "
        "no test result, and not a fair comparison while some were trained for longer than others. "
        f"{found.label(first)} leads, with {found.objective.in_words(scores[first])}."
    )


def brief(found: Findings) -> Table:
    """Returns how accurate each strategy is and at what cost, a row a strategy, the best first.

    Below them stand the simple classifiers, which take no part.
    """
    finals, metric = bool(found.summary.seeds.sum()), found.objective
    measures = (
        [f"test {found.metric}", metric.gap_heading("behind")]
        if finals
        else [f"validation {found.metric}", "after epochs"]
    )
    rows = []
    for name in found.order:
        standing: Any = found.standing.loc[name] if name in found.standing.index else None
        if finals:
            cells = tested(found, name)
            middle = [cells.result, cells.difference]
        elif standing is None:
            middle = [formatting.NOTHING] * 2
        else:
            middle = [metric.in_words(standing.score), str(int(standing.last_epoch))]
        adds = formatting.NOTHING if standing is None else formatting.amount(standing.multiply_adds)
        rows.append([found.label(name), *middle, adds])
    best = found.tested["mean"].iloc[0] if finals else float("nan")
    for row in found.baselines.to_dict("records"):
        behind = metric.gap(row["test_score"] - best, signed=True)
        score = metric.in_words(row["test_score"])
        rows.append([row["label"], score, behind, formatting.NOTHING])
    note = "A control has no recurrence." if found.run.controls else ""
    return Table("brief", ["strategy", *measures, "multiply-adds"], rows, note=note)
