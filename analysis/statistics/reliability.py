"""Finals -> what every metric says of them, how far their confidence can be trusted, and by class.

The expected calibration error is that of Guo et al., On Calibration of Modern Neural Networks (ICML
2017, arXiv:1706.04599): over bins of confidence, the mean distance between how sure a model is and
how often it is right, weighted by the images of each bin.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import precision_recall_fscore_support

from analysis.run import Run
from analysis.statistics.samples import completed
from search.store import METRICS

RELIABILITY, ECE = "reliability", "expected_calibration_error"
Bins = Mapping[str, Any]
"""As `search.reliability.reliability` gives them."""


def calibration_error(bins: Bins) -> float:
    """Returns the expected calibration error of one model, 0 to 1.

    >>> calibration_error({"images": [5, 5], "confidence": [2.0, 4.5], "correct": [2, 4]})
    0.05
    """
    images, confidence, correct = (
        np.array(bins[name], dtype=float) for name in ("images", "confidence", "correct")
    )
    return float(np.abs(confidence - correct).sum() / images.sum())


def by_metric(run: Run) -> pd.DataFrame:
    """Returns what each metric says of each strategy and of each baseline.

    Returns:
        A frame indexed by (`kind`, `name`): `strategy` or `baseline`, and which. A column a metric
        and `expected_calibration_error`; means over the finals. Without those that an older run
        has not measured.

    >>> from analysis.example import example
    >>> by_metric(example(lines=0.9)).empty
    True
    """
    finals = completed(run.finals)
    found = {
        **{
            ("strategy", name): list(finals.measures[finals.strategy == name])
            for name in run.experiment.strategies
            if "measures" in finals
        },
        **{
            ("baseline", row["label"]): [row.get("measures")]
            for row in run.baselines.to_dict("records")
        },
    }
    rows = {
        key: {
            **{name: _mean(each[name] for each in measures) for name in METRICS},
            ECE: _mean(calibration_error(each[RELIABILITY]) for each in measures),
        }
        for key, measures in found.items()
        if measures and all(measures)
    }
    index = pd.MultiIndex.from_tuples([*rows], names=["kind", "name"])
    return pd.DataFrame([*rows.values()], index=index, columns=[*METRICS, ECE])


def _mean(values: Iterable[float | None]) -> float:
    """The mean of what is known; NaN where one is not."""
    return float(np.mean([np.nan if value is None else value for value in values]))


def reliability_curve(measures: Iterable[Mapping[str, Any]], fewest: int = 10) -> pd.DataFrame:
    """Returns how often models are right that are so sure, all of a strategy's finals together.

    Args:
        measures: of each final.
        fewest: images that a bin has at least; others say nothing.

    Returns:
        A row a bin: `confidence` and `correct`, means in [0, 1], and the number of `images`.

    >>> bins = {"images": [20, 5], "confidence": [8.0, 4.5], "correct": [6, 5]}
    >>> reliability_curve([{"reliability": bins}]).to_dict("records")
    [{'confidence': 0.4, 'correct': 0.3, 'images': 20.0}]
    """
    every = [each[RELIABILITY] for each in measures]
    sums = {
        name: np.sum([bins[name] for bins in every], axis=0, dtype=float)
        for name in ("images", "confidence", "correct")
    }
    enough = sums["images"] >= fewest
    images = sums["images"][enough]
    return pd.DataFrame(
        {
            "confidence": sums["confidence"][enough] / images,
            "correct": sums["correct"][enough] / images,
            "images": images,
        }
    )


def by_class(predicted: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    """Returns how well each class is found, means over trainings.

    Args:
        predicted: classes, (trainings, test images).
        labels: true classes, (test images,).

    Returns:
        Indexed by class: `precision`, `recall` and `f1` in [0, 1], and the number of `images`. A
        class that is never predicted has a precision of 0.

    >>> by_class(np.array([[0, 0, 1]]), np.array([0, 1, 1])).recall.to_list()
    [1.0, 0.5]
    """
    classes = np.union1d(predicted, labels)
    found = [
        precision_recall_fscore_support(labels, one, labels=classes, zero_division=0)
        for one in predicted
    ]
    precision, recall, f1 = (np.mean([each[k] for each in found], axis=0) for k in range(3))
    columns = {"precision": precision, "recall": recall, "f1": f1, "images": found[0][3]}
    return pd.DataFrame(columns, index=pd.Index(classes, name="class"))
