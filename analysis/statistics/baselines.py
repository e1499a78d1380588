"""Run -> what simple classifiers come to, and how far a strategy is ahead of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from analysis.run import Run
from analysis.statistics import intervals
from analysis.statistics.samples import samples
from search.store import ACCURACY, Metric, classified_correctly


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


def shares(row: Mapping[Any, Any], labels: np.ndarray, metric: Metric) -> np.ndarray:
    """Returns a baseline's score on every test image, floats (test images,).

    Args:
        row: of the table `baselines`.
        labels: the test images' classes, (test images,).
        metric: what is judged by.

    >>> shares({"predictions": np.array([1, 0])}, np.array([1, 1]), ACCURACY).tolist()
    [1.0, 0.0]
    """
    if metric.name == ACCURACY.name:
        return classified_correctly(row["predictions"], labels).astype(float)
    known: np.ndarray = row["image_scores"]
    return known


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
        if strategy in found and run.test_labels is not None:
            fixed = shares(row, run.test_labels, metric)
            ahead = intervals.lead(found[strategy], fixed)
            if metric.lowest_is_best:
                ahead = ahead._replace(value=-ahead.value, low=-ahead.high, high=-ahead.low)
        rows.append(Baseline(str(row["label"]), float(row["test_score"]), ahead))
    return sorted(rows, key=lambda row: -metric.better(row.score))
