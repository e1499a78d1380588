"""What the finals and the baselines are measured by besides, whatever was searched by.

How far a model's confidence can be trusted is its calibration: of the images of which it is sure to
80 %, four of five should be of that class (Guo et al., On Calibration of Modern Neural Networks,
ICML 2017, arXiv:1706.04599).
"""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np

from search.metric import ACCURACY, METRICS, Metric

BINS = 15
"""Of confidence, equally wide: as many as Guo et al. take."""


def reliability(probability: np.ndarray, labels: np.ndarray) -> dict[str, list[float]]:
    """Returns by bin of confidence how many images are in it, how sure of them and how right.

    Args:
        probability: of classes, (images, classes).
        labels: true classes, (images,).

    Returns:
        `images`, their number in each of `BINS`; `confidence`, the sum of the probabilities of the
        classes that are predicted; `correct`, how many are classified correctly. Sums, so that
        those of several models can be added.

    >>> found = reliability(np.array([[0.2, 0.8], [0.3, 0.7]]), np.array([1, 0]))
    >>> found["images"][10:12], found["correct"][10:12]
    ([1, 0], [0, 0])
    >>> found["images"][12], found["correct"][12]
    (1, 1)
    """
    confidence = probability.max(axis=1)
    place = np.minimum((confidence * BINS).astype(int), BINS - 1)
    correct = probability.argmax(axis=1) == labels
    return {
        "images": np.bincount(place, minlength=BINS).tolist(),
        "confidence": np.bincount(place, weights=confidence, minlength=BINS).tolist(),
        "correct": np.bincount(place[correct], minlength=BINS).tolist(),
    }


def measured(probability: np.ndarray, labels: np.ndarray, metric: Metric) -> dict[str, Any]:
    """Returns what a tested model comes to: columns of the tables `finals` and `baselines`.

    Args:
        probability: of classes, float64 (images, classes).
        labels: true classes, (images,).
        metric: what is judged by.

    Returns:
        `predictions`, `test_accuracy`, `test_score`, `image_scores` and `measures`, as
        `search.schema` says.
    """
    values = {name: each.measure(probability, labels) for name, each in METRICS.items()}
    known = {name: value if math.isfinite(value) else None for name, value in values.items()}
    # Of accuracy the predictions tell.
    shares = None if metric.name == ACCURACY.name else metric.per_image(probability, labels)
    return {
        "test_accuracy": values["accuracy"],
        "test_score": values[metric.name],
        "image_scores": None if shares is None else shares.astype("<f4").tobytes(),
        "measures": json.dumps({**known, "reliability": reliability(probability, labels)}),
        "predictions": probability.argmax(axis=1).astype("<u2").tobytes(),
    }
