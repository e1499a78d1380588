"""Why it is so: sections on recurrence, equal budgets, hyperparameters and early stopping."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from analysis import formatting
from analysis.report import captions, plots
from analysis.report.elements import Part, Picture, Section, Table
from analysis.report.findings import Findings
from analysis.statistics import budgets, control, early_stopping, warm_start
from analysis.statistics.importance import FITS, Importance, importance

MOST_MATTERING = 4  # hyperparameters shown of each strategy
MOST_DRAWN = 4
EQUAL = {
    "epochs": "equal epochs",
    "seconds": "equal time",
    "multiply_adds": "equal multiply-adds",
}
MOST_PAIRS = 2
LEAST_PAIR = 0.01
NO_BREAK = "\N{NO-BREAK SPACE}"


def recurrence(found: Findings) -> Section | None:
    """Whether recurrence earns its place: every strategy against the control."""
    run = found.run
    frame = control.against_control(
        run.finals, found.labels, run.experiment.strategies, budgets.costs(run, found.summary)
    )
    if frame.empty:
        return None
    said = control.recurrence(frame).sentence
    frame = frame.reset_index()
    rows = [
        [
            formatting.label(row["strategy"]),
            formatting.points(row["difference"], signed=True),
            " to ".join(formatting.points(row[end], signed=True) for end in ("low", "high")),
            row["helps"],
            *(
                formatting.multiple(row[cost])
                for cost in ("multiply_adds", "train_seconds", "latency_ms")
            ),
        ]
        for row in frame.to_dict("records")
    ]
    columns = [
        *("strategy", "difference, points", "95 % interval", "does it help"),
        *("multiply-adds", "training time", "latency"),
    ]
    note = "Test accuracy minus the control's; the costs are multiples of the control's."
    table = Table("against-control", columns, rows, note=note, frame=frame)
    title = "Does recurrence earn its place?"
    return Section("recurrence", title, [said], parts=[table])


def equal_budgets(found: Findings) -> Section | None:
    """What each strategy had reached when all had spent the same epochs, time or computation."""
    run = found.run
    images = float(run.datasets.train_images.iloc[0]) if len(run.datasets) else float("nan")
    frame = budgets.at_equal(budgets.progress(run.trials, run.epochs, images))
    if frame.empty:
        return None
    whole = frame[frame.fraction == 1.0].pivot(index="strategy", columns="measure", values="best")
    whole = whole[[measure for measure in EQUAL if measure in whole]]
    whole = whole.sort_values(str(whole.columns[0]), ascending=False, kind="stable")
    rows = [
        [formatting.label(str(name)), *map(formatting.percent, row)]
        for name, row in zip(whole.index, whole.to_numpy(), strict=True)
    ]
    columns = ["strategy", *(EQUAL[str(measure)] for measure in whole.columns)]
    note = (
        "Best validation accuracy when every strategy had spent as much as the one that spent "
        "least in all. The CSV file also has a quarter and a half of it."
    )
    table = Table("equal-budgets", columns, rows, note=note, frame=frame)
    return Section("equal-budgets", "At equal budgets", parts=[table])


def matters(found: Findings) -> Section | None:
    """Which hyperparameters matter within each strategy, and how far that is to be trusted."""
    names = found.run.experiment.strategies
    results = [importance(found.run.trials, strategy) for strategy in names]
    fitted = [result for result in results if len(result.main)]
    said: dict[str, list[str]] = {}  # of many strategies there is the same to say
    for result in results:
        sentence = f"the surrogate {FITS[result.trust]}." if result in fitted else result.sentence
        said.setdefault(sentence, []).append(formatting.label(result.strategy))
    # A curve persuades, so there is none of what does not fit.
    trusted = [result for result in fitted if result.trust != "none"]
    together = [
        result.pairs.assign(strategy=result.strategy) for result in trusted if len(result.pairs)
    ]
    parts: list[Part] = [_shares(fitted)] if fitted else []
    parts += [_dependence(found, result) for result in trusted]
    if together:
        parts.append(_pairs(pd.concat(together, ignore_index=True)))
    prose = [f"{formatting.listing(those)}: {sentence}" for sentence, those in said.items()]
    return Section("matters", "What matters", prose, parts=parts) if prose else None


def _shares(results: Sequence[Importance]) -> Table:
    rows = [
        [
            formatting.label(result.strategy),
            str(result.configurations),
            formatting.decimal(result.r2),
            formatting.listing(
                [
                    _with_share(formatting.clean(row["hyperparameter"], 30), row["share"])
                    for row in result.main.head(MOST_MATTERING).to_dict("records")
                ]
            ),
        ]
        for result in results
    ]
    columns = ["strategy", "configurations", "R²", "share of the spread along it alone"]
    note = (
        "The surrogate is a random forest from hyperparameters to scores. R² is how much of the "
        "spread it foretells for configurations it has not seen, beyond what longer training is "
        "worth: 1 is all, 0 or less nothing. The CSV file has every hyperparameter, and the R² "
        "that is lost without it."
    )
    frame = pd.concat([result.main.assign(strategy=result.strategy) for result in results])
    frame = frame[["strategy", *frame.columns.drop("strategy")]]
    return Table("what-matters", columns, rows, numeric=False, note=note, frame=frame)


def _dependence(found: Findings, result: Importance) -> Picture:
    names = list(result.main.hyperparameter[:MOST_DRAWN])
    colour = found.look[result.strategy].colour
    columns = min(2, len(names))
    rows = -(-len(names) // columns)

    def draw(*axes: plots.Axes) -> None:
        for ax, name in zip(axes, names, strict=False):
            along = result.dependence[result.dependence.hyperparameter == name]
            along = along.assign(value=along.value.map(_short))
            plots.dependence(along, colour, ax, formatting.clean(name, 24))
        for ax in axes[len(names) :]:
            ax.set_visible(False)
        axes[0].figure.supylabel("validation accuracy foretold", fontsize=11)

    drawn = plots.figure(draw, plots.WIDTH, 0.4 + 2.2 * rows, rows, columns, alike=False)
    title = f"Partial dependence of {formatting.label(result.strategy)} on its hyperparameters"
    return Picture(f"dependence-{result.strategy}", captions.dependence(result), drawn, title)


def _short(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return (
        f"{value:.2g}" if isinstance(value, float) else formatting.bare(formatting.clean(value, 14))
    )


def _pairs(pairs: pd.DataFrame) -> Table:
    rows = []
    for strategy, mine in pairs.groupby("strategy", sort=False):
        shown = mine[mine.share >= LEAST_PAIR].head(MOST_PAIRS)
        named = [
            _with_share(f"{formatting.clean(one, 30)} with {formatting.clean(other, 30)}", share)
            for one, other, share in zip(shown.one, shown.other, shown.share, strict=True)
        ]
        none = f"none of {formatting.percent(LEAST_PAIR, 0)} or more"
        rows.append([formatting.label(str(strategy)), formatting.listing(named) if named else none])
    note = (
        "What two hyperparameters do together beyond what each does alone, as a share of the "
        "spread. The CSV file has every pair that was looked at."
    )
    frame = pairs[["strategy", "one", "other", "share"]]
    columns = ["strategy", "share of the spread along two together"]
    return Table("pairs", columns, rows, numeric=False, note=note, frame=frame)


def _with_share(name: str, share: float) -> str:
    return f"{name} ({formatting.percent(share, 0).replace(' ', NO_BREAK)})"


def seeding(found: Findings) -> Section | None:
    """How the configurations that came from designs fared against those that were drawn."""
    if not found.run.experiment.initial:
        return None
    frame = warm_start.fates(found.run)
    rows = [
        [
            formatting.label(row["strategy"]),
            warm_start.origin(row["origin"]),
            formatting.percent(row["score"]),
            formatting.percent(row["random_starts"]),
            formatting.NOTHING
            if math.isnan(row["place"])
            else f"{row['place']:.0f} of {row['of']:.0f}",
            formatting.NOTHING if math.isnan(row["reached"]) else f"{row['reached']:.0f}",
            "yes" if row["finalist"] is True else "no",
            formatting.clean(row["translated"], 200) or formatting.NOTHING,
        ]
        for row in frame.to_dict("records")
    ]
    columns = [
        *("strategy", "seed from", "validation accuracy", "random starts"),
        *("place", "trained to epoch", "finalist", "translated"),
    ]
    note = (
        "Validation accuracy at the end of the first rung, of the seed and the median of the "
        "random starts beside it; its place among them all; how far it was promoted in the end; "
        "whether its strategy's best configuration is this one; and what had to be changed for "
        "these images."
    )
    table = Table("seeds", columns, rows, note=note, frame=frame)
    return Section("seeds", "How the seeds fared", warm_start.fared(found.run), [table])


def stopping(found: Findings) -> Section | None:
    """Whether it was fair to stop configurations early."""
    correlations = early_stopping.rank_correlations(found.run.trials)
    shorter = early_stopping.shorter_searches(found.run.trials)
    sentences = early_stopping.fairness(correlations, shorter)
    if not sentences:
        return None
    parts: list[Part] = []
    known = correlations[correlations.consecutive].dropna(subset=["kendall", "spearman"])
    if len(known):
        rows = [
            [
                formatting.label(row["strategy"]),
                f"{row['epoch']} to {row['later']}",
                str(row["configurations"]),
                *(formatting.decimal(row[name]) for name in ("kendall", "spearman")),
            ]
            for row in known.to_dict("records")
        ]
        names = ["Kendall's \N{GREEK SMALL LETTER TAU}", "Spearman's \N{GREEK SMALL LETTER RHO}"]
        columns = ["strategy", "epochs", "configurations", *names]
        note = (
            "How well the order at the end of one rung foretold that at the next, of those that "
            "went on. The CSV file has every pair of rungs."
        )
        parts.append(Table("rank-correlations", columns, rows, note=note, frame=correlations))
    cut = shorter[shorter.epoch < shorter.groupby("strategy").epoch.transform("max")]
    if len(cut):
        rows = [
            [
                formatting.label(row["strategy"]),
                str(row["epoch"]),
                "kept" if row["same"] else "lost",
                "not begun" if math.isnan(row["rank"]) else f"{row['rank']:.0f} of {row['of']}",
                formatting.points(row["lost"]),
            ]
            for row in cut.to_dict("records")
        ]
        columns = ["strategy", "stopped at epoch", "finalist", "its place then", "points lost"]
        note = (
            "What a search that trained nothing longer would have sent to the finals: the same "
            "configuration (kept) or another (lost). Points of validation accuracy, at least, by "
            "what the other reached."
        )
        parts.append(Table("shorter-searches", columns, rows, note=note, frame=shorter))
    return Section("stopping", "Was stopping early fair?", sentences, parts)
