"""What a search is judged by: one object, read by oracle, trial, finals, statistics and report."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # who only asks how far a run is waits for no NumPy
    import numpy as np


@dataclasses.dataclass(frozen=True)
class Metric:
    """A measure of how well a model classifies.

    Attributes:
        name: as Keras calls it in its logs: `val_<name>` is what a trial is scored by.
        label: in sentences, tables and figures.
        direction: `max` where more is better, `min` where less is.
        per_image: predicted classes (..., images) and true classes (images,) -> the score of each
            image (..., images), whose mean over images is the metric. What is said of a strategy
            and of chance is computed from these.
    """

    name: str
    label: str
    direction: str
    per_image: Callable[[np.ndarray, np.ndarray], np.ndarray]

    @property
    def validation(self) -> str:
        """The key of its validation value in Keras's logs, and the column of the table `epochs`."""
        return f"val_{self.name}"

    def better(self, score: float) -> float:
        """Returns a score so that more is better, whatever the direction.

        >>> ACCURACY.better(0.25)
        0.25
        """
        return more_is_better(score, self.direction)

    @property
    def lowest_is_best(self) -> bool:
        """Whether scores in ascending order have the best first."""
        return self.direction == "min"


def more_is_better(score: float, direction: str) -> float:
    """Returns a score so that more is better, whatever the direction, `max` or `min`."""
    return score if direction == "max" else -score


def classified_correctly(predicted: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Returns which images are classified correctly.

    Args:
        predicted: classes, (..., images).
        labels: true classes, (images,).

    Returns:
        bool, (..., images).

    >>> import numpy as np
    >>> classified_correctly(np.array([[2, 0], [1, 1]]), np.array([2, 1]))
    array([[ True, False],
           [False,  True]])
    """
    correct: np.ndarray = predicted == labels
    return correct


def mostly_wrong(predicted: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Returns which images most seeds classify wrongly, whatever was searched by.

    Args:
        predicted: classes, (seeds, images).
        labels: true classes, (images,).

    Returns:
        bool, (images,).

    >>> import numpy as np
    >>> mostly_wrong(np.array([[2, 0, 0], [2, 0, 1], [2, 1, 1]]), np.array([2, 1, 1]))
    array([False,  True, False])
    """
    wrong: np.ndarray = classified_correctly(predicted, labels).mean(axis=0) < 0.5
    return wrong


ACCURACY = Metric("accuracy", "accuracy", "max", classified_correctly)

METRICS = {metric.name: metric for metric in (ACCURACY,)}
"""What can be searched by; the first is the default."""
