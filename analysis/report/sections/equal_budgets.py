"""What each strategy had reached when all had spent the same epochs, time or computation."""

from __future__ import annotations

from analysis.report.elements import Section, Table
from analysis.report.findings import Findings
from analysis.statistics import budgets

# By the name in `budgets.MEASURES`.
EQUAL = {
    "epochs": "equal epochs",
    "seconds": "equal time",
    "multiply_adds": "equal multiply-adds",
}


def section(found: Findings) -> Section | None:
    """Returns the table, or nothing where no trial has ended."""
    run = found.run
    images = float(run.datasets.train_images.iloc[0]) if len(run.datasets) else float("nan")
    metric = run.experiment.objective
    spent = budgets.progress(run.trials, run.epochs, images, metric)
    frame = budgets.at_equal(spent, metric)
    if frame.empty:
        return None
    whole = frame[frame.fraction == 1.0].pivot(index="strategy", columns="measure", values="best")
    whole = whole[[measure for measure in EQUAL if measure in whole]]
    first = str(whole.columns[0])
    whole = whole.sort_values(first, ascending=metric.lowest_is_best, kind="stable")
    rows = [
        [found.label(str(name)), *map(metric.in_words, row)]
        for name, row in zip(whole.index, whole.to_numpy(), strict=True)
    ]
    columns = ["strategy", *(EQUAL[str(measure)] for measure in whole.columns)]
    note = (
        f"Best validation {found.metric} when every strategy had spent as much as the one that "
        "spent least in all. The CSV file also has a quarter and a half of it."
    )
    table = Table("equal-budgets", columns, rows, note=note, frame=frame)
    return Section("equal-budgets", "At equal budgets", parts=[table])
