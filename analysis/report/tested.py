"""A strategy's test result as a table's cells: on the first screen and in what wins where."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from analysis import formatting
from analysis.report.findings import Findings


class Tested(NamedTuple):
    """Cells of one strategy's row.

    Attributes:
        result: mean ± standard deviation over seeds.
        interval: the mean's 95 % interval.
        seeds: how many there are, and how many failed.
        difference: from the best; may be "best".
        interval_of_difference: its 95 % interval in brackets, or nothing.
        p: of that difference, after Holm's correction.
    """

    result: str
    interval: str
    seeds: str
    difference: str
    interval_of_difference: str
    p: str


def tested(found: Findings, strategy: str) -> Tested:
    """Returns how a strategy did in the finals; a dash stands for what is not known."""
    row: Any = found.summary.loc[strategy]
    metric = found.objective
    spread = "" if math.isnan(row["std"]) else f" ± {metric.gap(row['std'])}"
    difference = p = formatting.NOTHING
    around = ""
    if strategy in found.comparison.index:
        against: Any = found.comparison.loc[strategy]
        difference = metric.gap(against.difference, signed=True)
        p = formatting.probability(against.p)
        if not math.isnan(against.low):
            ends = (metric.gap(end, signed=True) for end in (against.low, against.high))
            around = f" ({' to '.join(ends)})"
    elif row.seeds and len(found.comparison):
        difference = "best"
    percent = " %" if metric.in_percent else ""
    return Tested(
        result=metric.number(row["mean"]) + spread + percent if row.seeds else formatting.NOTHING,
        interval=formatting.NOTHING
        if math.isnan(row.low)
        else f"{metric.number(row.low)} to {metric.in_words(row.high)}",
        seeds=str(int(row.seeds)) + (f" ({int(row.failed)} failed)" if row.failed else ""),
        difference=difference,
        interval_of_difference=around,
        p=p,
    )
