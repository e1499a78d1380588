"""Run -> what simple classifiers come to, and how far a strategy is ahead of them."""

from __future__ import annotations

import math
from typing import NamedTuple

from analysis.run import Run
from analysis.statistics import intervals
from analysis.statistics.samples import samples


class Baseline(NamedTuple):
    """What a simple classifier comes to, and how far a strategy is ahead of it.

    Attributes:
        label: what it is called.
        accuracy: its test score.
        lead: by how much the strategy is better, with the interval and p.
    """

    label: str
    accuracy: float
    lead: intervals.Estimate


def over_baselines(run: Run, strategy: str) -> list[Baseline]:
    """Returns a run's baselines, the best first, each with the lead of a strategy over it.

    >>> from analysis.example import example
    >>> over_baselines(example(lines=0.9), "lines")  # a run that is older than they are
    []
    """
    metric = run.experiment.objective
    found = samples(run.finals, run.test_labels, [strategy], metric)
    rows = []
    for row in run.baselines.to_dict("records"):
        accuracy = float(row["test_accuracy"])
        ahead = intervals.unknown(math.nan)
        if strategy in found and run.test_labels is not None:
            fixed = metric.per_image(row["predictions"], run.test_labels).astype(float)
            ahead = intervals.lead(found[strategy], fixed)
            if metric.lowest_is_best:
                ahead = ahead._replace(value=-ahead.value, low=-ahead.high, high=-ahead.low)
        rows.append(Baseline(str(row["label"]), accuracy, ahead))
    return sorted(rows, key=lambda row: -metric.better(row.accuracy))
