"""What wins where: every strategy's test result and how sure that is."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from analysis import formatting
from analysis.report.elements import Section, Table
from analysis.report.findings import Findings
from analysis.report.tested import tested
from analysis.statistics import samples
from analysis.statistics.intervals import LEVEL
from analysis.statistics.learning import rising
from search.store import Metric

NOTE = (
    "SD is the standard deviation over {over}; the difference is that from the best. Each interval "
    "counts the {over} and the test images; p and the interval of the difference are corrected for "
    "the number of comparisons{looks}. Where p is 0.05 or more a strategy may be the best. How "
    "far a curve still rises is measured over the last third of the training. The validation score "
    "is that of the configuration shown, the best of its strategy."
)


def section(found: Findings) -> Section:
    """Returns the table by strategy, or says that there is none yet."""
    title = "What wins where"
    if not found.summary.seeds.sum():
        return Section("wins", title, ["No model has been tested yet."])
    return Section("wins", title, parts=[_table(found)])


def _table(found: Findings) -> Table:
    columns = [
        "strategy",
        f"test {found.metric}, mean ± SD",
        "95 % interval",
        "trainings",
        found.objective.gap_heading("difference"),
        "p",
        "may be the best",
        "still rising, points an epoch" if found.objective.in_percent else "rising, an epoch",
        "validation score",
        "at epoch",
    ]
    rises = rising(found.run)
    rows = []
    for name in found.order:
        cells = tested(found, name)
        score = [formatting.NOTHING] * 2
        if name in found.standing.index:
            standing: Any = found.standing.loc[name]
            score = [found.objective.in_words(standing.score), str(int(standing.last_epoch))]
        rows.append(
            [
                found.label(name),
                cells.result,
                cells.interval,
                cells.seeds,
                cells.difference + cells.interval_of_difference,
                cells.p,
                _may_be_best(found, name),
                _rises(rises.loc[name], found.objective),
                *score,
            ]
        )
    over = "searches" if samples.several_iterations(found.run.finals) else "seeds"
    looks = " and of looks at them" if found.run.experiment.level < LEVEL else ""
    return Table(
        "strategies", columns, rows, note=NOTE.format(over=over, looks=looks), frame=_frame(found)
    )


def _rises(row: Any, metric: Metric) -> str:
    """Returns how steeply a curve ended, with its interval."""
    if math.isnan(row.slope):
        return formatting.NOTHING
    scale = 100 if metric.in_percent else 1
    slope, low, high = (formatting.decimal(scale * row[name]) for name in ("slope", "low", "high"))
    return f"{slope} ({low} to {high})"


def _may_be_best(found: Findings, name: str) -> str:
    """Returns whether the test leaves it open that a strategy is the best."""
    if name not in found.judged or len(found.judged) < 2:
        return formatting.NOTHING
    return "yes" if name in found.decision.group else "no"


def _frame(found: Findings) -> pd.DataFrame:
    frame = found.summary.join(found.comparison.add_prefix("against_best_"), how="left").join(
        found.standing[["score", "last_epoch"]].add_prefix("validation_"), how="left"
    )
    return frame.reset_index()
