"""Which hyperparameters matter within each strategy, and how far that is to be trusted."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from analysis.formatting import bare, clean, decimal, listing, percent, value
from analysis.report import style
from analysis.report.elements import Part, Picture, Section, Table
from analysis.report.findings import Findings
from analysis.run import Run
from analysis.statistics.importance import FEWEST, Importance, importance

MOST_MATTERING = 4  # hyperparameters shown of each strategy
MOST_DRAWN = 4
MOST_PAIRS = 2
LEAST_PAIR = 0.01
NO_BREAK = "\N{NO-BREAK SPACE}"
# What may be said of a surrogate, by how far it can be trusted.
FITS = {
    "good": "fits well",
    "rough": "fits roughly, so read the order and not the numbers",
    "none": "does not fit, and what it says of importance is not to be trusted",
}


def section(found: Findings) -> Section | None:
    """Which hyperparameters matter within each strategy, and how far that is to be trusted."""
    run = found.run
    results = [importance(run.trials, strategy) for strategy in run.experiment.strategies]
    fitted = [result for result in results if result.reason == "fitted"]
    # A curve persuades, so there is none of what does not fit.
    trusted = [result for result in fitted if result.trust != "none"]
    parts: list[Part] = [_shares(fitted, run)] if fitted else []
    parts += [_dependence(found, result) for result in trusted]
    pairs = [result.pairs.assign(strategy=result.strategy) for result in trusted]
    pairs = [frame for frame in pairs if len(frame)]
    if pairs:
        parts.append(_pairs(pd.concat(pairs, ignore_index=True), run))
    prose = _fits(results, run)
    return Section("matters", "What matters", prose, parts=parts) if prose else None


def sentence(result: Importance) -> str:
    """Returns how well the surrogate of a strategy fits, or why there is none."""
    return {
        "fitted": f"the surrogate {FITS[result.trust]}.",
        "too_few": f"{result.configurations} completed configurations are too few to say what "
        f"matters (at least {FEWEST}).",
        "one_value": "No hyperparameter has more than one value.",
        "equal_scores": "All configurations score the same, so nothing can be said of what "
        "matters.",
    }[result.reason]


def _fits(results: Sequence[Importance], run: Run) -> list[str]:
    said: dict[str, list[str]] = {}  # of many strategies there is the same to say
    for result in results:
        said.setdefault(sentence(result), []).append(run.label(result.strategy))
    return [f"{listing(those)}: {text}" for text, those in said.items()]


def _shares(results: Sequence[Importance], run: Run) -> Table:
    rows = [
        [
            run.label(result.strategy),
            str(result.configurations),
            decimal(result.r2),
            listing(
                [
                    _with_share(clean(row["hyperparameter"], 30), row["share"])
                    for row in result.main.head(MOST_MATTERING).to_dict("records")
                ]
            ),
        ]
        for result in results
    ]
    columns = ["strategy", "configurations", "R²", "share of the spread along it alone"]
    note = (
        "The surrogate is a random forest from hyperparameters to scores. R² is how much of the "
        "spread it predicts for configurations it has not seen, beyond what longer training is "
        "worth: 1 is all, 0 or less nothing. The CSV file has every hyperparameter, and the R² "
        "that is lost without it."
    )
    frame = pd.concat([result.main.assign(strategy=result.strategy) for result in results])
    frame = frame[["strategy", *frame.columns.drop("strategy")]]
    return Table("what-matters", columns, rows, numeric=False, note=note, frame=frame)


def _dependence(found: Findings, result: Importance) -> Picture:
    run = found.run
    names = list(result.main.hyperparameter[:MOST_DRAWN])
    colour = found.look[result.strategy].colour
    columns = min(2, len(names))
    rows = -(-len(names) // columns)

    def draw(*axes: Axes) -> None:
        for ax, name in zip(axes, names, strict=False):
            along = result.dependence[result.dependence.hyperparameter == name]
            draw_dependence(along, colour, ax, clean(name, 24))
            style.score_axis(ax.yaxis, run.experiment.objective)
        for ax in axes[len(names) :]:
            ax.set_visible(False)
        axes[0].figure.supylabel(
            f"validation {run.experiment.objective.label} predicted", fontsize=11
        )

    height = 0.4 + 2.2 * rows
    drawn = style.figure(draw, style.WIDTH, height, rows, columns, alike=False)
    title = f"Partial dependence of {run.label(result.strategy)} on its hyperparameters"
    return Picture(f"dependence-{result.strategy}", _caption(result, run), drawn, title)


def draw_dependence(along: pd.DataFrame, colour: str, ax: Axes, title: str) -> Axes:
    """Draws the mean score that a surrogate predicts along one hyperparameter.

    Args:
        along: `value`, in order, and `score`.
        colour: the strategy's.
        ax: where to draw.
        title: the hyperparameter.
    """
    places = range(len(along))
    texts = [bare(clean(value(one), 14)) for one in along.value]
    ax.plot(places, along.score, color=colour, marker="o", markersize=5, lw=1.6)
    ax.set(title=title, xlim=(-0.4, len(along) - 0.6))
    ax.set_xticks(places, texts, rotation=45, ha="right", rotation_mode="anchor")
    ax.tick_params(axis="x", labelsize=8.5, length=0)
    ax.yaxis.set_major_locator(MaxNLocator(nbins=4))
    return ax


def _caption(result: Importance, run: Run) -> str:
    """Describes partial dependence by the hyperparameter that matters most."""
    name = str(result.main.hyperparameter.iloc[0])
    along = result.dependence[result.dependence.hyperparameter == name]
    best = along.value.iloc[int(along.score.map(run.experiment.objective.better).argmax())]
    rise = run.experiment.objective.gap_in_words(along.score.max() - along.score.min())
    return (
        f"{run.label(result.strategy)}: what the surrogate predicts with each value, at the other "
        f"values of the trials. Along {clean(name, 30)} it differs by {rise}; best is at "
        f" {clean(value(best), 30)}."
    )


def _pairs(pairs: pd.DataFrame, run: Run) -> Table:
    rows = []
    for strategy, mine in pairs.groupby("strategy", sort=False):
        shown = mine[mine.share >= LEAST_PAIR].head(MOST_PAIRS)
        named = [
            _with_share(f"{clean(one, 30)} with {clean(other, 30)}", share)
            for one, other, share in zip(shown.one, shown.other, shown.share, strict=True)
        ]
        none = f"none of {percent(LEAST_PAIR, 0)} or more"
        rows.append([run.label(str(strategy)), listing(named) if named else none])
    note = (
        "What two hyperparameters do together beyond what each does alone, as a share of the "
        "spread. The CSV file has every pair that was looked at."
    )
    frame = pairs[["strategy", "one", "other", "share"]]
    columns = ["strategy", "share of the spread along two together"]
    return Table("pairs", columns, rows, numeric=False, note=note, frame=frame)


def _with_share(name: str, share: float) -> str:
    return f"{name} ({percent(share, 0).replace(' ', NO_BREAK)})"
