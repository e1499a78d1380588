"""Run -> what simple classifiers come to, and how far a strategy is ahead of them."""

from __future__ import annotations

import math
from typing import NamedTuple

from analysis.run import Run
from analysis.statistics import intervals
from analysis.statistics.samples import image_scores, samples


class Baseline(NamedTuple):
    """What a simple classifier comes to, and how far a strategy is ahead of it.

    Attributes:
        label: what it is called.
        score: of its test.
        lead: by how much the strategy is better, with the interval and p.
    """

    label: str
    score: float
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
        ahead = intervals.unknown(math.nan)
        labels = run.test_labels
        fixed = None if labels is None else image_scores(row, labels, metric)
        if strategy in found and fixed is not None:
            ahead = intervals.lead(found[strategy], fixed.astype(float))
            if metric.lowest_is_best:
                ahead = ahead._replace(value=-ahead.value, low=-ahead.high, high=-ahead.low)
        rows.append(Baseline(str(row["label"]), float(row["test_score"]), ahead))
    return sorted(rows, key=lambda row: -metric.better(row.score))
