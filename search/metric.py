"""What a search is judged by: one object, read by oracle, trial, finals, statistics and report.

The metrics, their names and their values are scikit-learn's. What is said of chance follows from
each image's share in a metric, which is ours: for one that is no mean over images (a recall is one
over the images of a class) by its influence function (Hampel, Journal of the American Statistical
Association 69, 1974), which says how far the metric moves with the weight of one image.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from search.wording import MINUS, NOTHING

if TYPE_CHECKING:  # who only asks how far a run is waits for no NumPy
    import numpy as np


@dataclasses.dataclass(frozen=True)
class Metric:
    """A measure of how well a model classifies.

    Attributes:
        name: as scikit-learn calls it.
        label: in sentences, tables and figures.
        direction: `max` where more is better, `min` where less is.
        measure: the probabilities of classes (images, classes), float64, and true classes
            (images,), to its value.
        per_image: the same to the share of each image, (images,), whose mean is its value. What is
            said of a strategy and of chance is computed from these.
        in_percent: whether it is between 0 and 1, and said in percent; one that is not is 0 at
            best.
    """

    name: str
    label: str
    direction: str
    measure: Callable[[np.ndarray, np.ndarray], float]
    per_image: Callable[[np.ndarray, np.ndarray], np.ndarray]
    in_percent: bool = True

    @property
    def validation(self) -> str:
        """The key of its validation value in the loop's logs, and the column of `epochs`.

        >>> ACCURACY.validation, METRICS["f1_macro"].validation
        ('val_accuracy', 'val_score')
        """
        return "val_accuracy" if self.name == ACCURACY.name else "val_score"

    def better(self, score: float) -> float:
        """Returns a score so that more is better, whatever the direction.

        >>> ACCURACY.better(0.25)
        0.25
        """
        return more_is_better(score, self.direction)

    def number(self, value: float) -> str:
        """Returns a value as tables have it: in percent, or with three decimals.

        >>> ACCURACY.number(0.9731), METRICS["neg_log_loss"].number(-0.25)
        ('97.3', '−0.250')
        """
        text = f"{100 * value:.1f}" if self.in_percent else f"{value:.3f}"
        return text.replace("-", MINUS)

    def in_words(self, value: float | None) -> str:
        """Returns a value as sentences have it; a dash where it is not known.

        >>> ACCURACY.in_words(0.9731), METRICS["neg_log_loss"].in_words(-0.25)
        ('97.3 %', '−0.250')
        """
        if value is None or math.isnan(value):
            return NOTHING
        return self.number(value) + (" %" if self.in_percent else "")

    def gap(self, difference: float, signed: bool = False) -> str:
        """Returns a difference of values: in percentage points, or with three decimals.

        >>> ACCURACY.gap(-0.0412), METRICS["neg_log_loss"].gap(0.0412, signed=True)
        ('−4.1', '+0.041')
        """
        if math.isnan(difference):
            return NOTHING
        number = 100 * difference if self.in_percent else difference
        text = f"{number:{'+' if signed else ''}.{1 if self.in_percent else 3}f}"
        return (text if any(c in "123456789" for c in text) else text.lstrip("+-")).replace(
            "-", MINUS
        )

    def gap_in_words(self, difference: float) -> str:
        """Returns a difference of values as sentences have it.

        >>> ACCURACY.gap_in_words(0.0412), METRICS["neg_log_loss"].gap_in_words(0.0412)
        ('4.1 percentage points', '0.041')
        """
        return self.gap(difference) + (" percentage points" if self.in_percent else "")

    def gap_heading(self, what: str) -> str:
        """Returns what stands over differences of its values in a table.

        >>> ACCURACY.gap_heading("behind"), METRICS["neg_log_loss"].gap_heading("behind")
        ('behind, points', 'behind')
        """
        return f"{what}, points" if self.in_percent else what

    @property
    def ends(self) -> tuple[float, float]:
        """The lowest and the highest value that there can be."""
        return (0.0, 1.0) if self.in_percent else (-math.inf, 0.0)

    @property
    def heading(self) -> str:
        """What stands over its values in a table.

        >>> ACCURACY.heading, METRICS["neg_log_loss"].heading
        ('accuracy, %', 'negative log loss')
        """
        return f"{self.label}, %" if self.in_percent else self.label

    def height(self, value: float) -> float:
        """Returns a value as a share of the best that there can be: how high a bar for it is.

        Of a mean logarithm of probabilities that is their geometric mean.
        """
        return value if self.in_percent else math.exp(value)

    @property
    def lowest_is_best(self) -> bool:
        """Whether scores in ascending order have the best first."""
        return self.direction == "min"


def more_is_better(score: float, direction: str) -> float:
    """Returns a score so that more is better, whatever the direction, `max` or `min`."""
    return score if direction == "max" else -score


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Returns the probabilities of classes, float64: in float32 many that are sure would be equal.

    Args:
        logits: (images, classes).

    >>> import numpy as np
    >>> probabilities(np.array([[0.0, 0.0]])).tolist()
    [[0.5, 0.5]]
    """
    from scipy.special import softmax

    found: np.ndarray = softmax(logits.astype("float64"), axis=1)
    return found


# The metrics: probabilities (images, classes), true classes (images,) -> value, and share of each


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


def _accuracy(probability: np.ndarray, labels: np.ndarray) -> float:
    return float(_accuracy_shares(probability, labels).mean())


def _accuracy_shares(probability: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return classified_correctly(probability.argmax(axis=1), labels)


def _balanced_accuracy(probability: np.ndarray, labels: np.ndarray) -> float:
    from sklearn.metrics import recall_score

    predicted, known = probability.argmax(axis=1), sorted({*labels.tolist()})
    # As `balanced_accuracy_score`, which warns of a predicted class that no image has.
    return float(recall_score(labels, predicted, labels=known, average="macro"))


def _balanced_accuracy_shares(probability: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The mean of the recalls; of each it is a mean over the images of its class."""
    import numpy as np

    correct = _accuracy_shares(probability, labels).astype(float)
    of, place, counts = np.unique(labels, return_inverse=True, return_counts=True)
    recall = np.bincount(place, weights=correct) / counts
    moved = (correct - recall[place]) * len(labels) / counts[place] / len(of)
    shares: np.ndarray = recall.mean() + moved
    return shares


def _f1_macro(probability: np.ndarray, labels: np.ndarray) -> float:
    from sklearn.metrics import f1_score

    return float(f1_score(labels, probability.argmax(axis=1), average="macro", zero_division=0))


def _f1_macro_shares(probability: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """F1 = 2 h / (t + p) of the shares h of hits, t of the class and p of its prediction."""
    import numpy as np

    predicted = probability.argmax(axis=1)
    classes = np.union1d(labels, predicted)
    true, said = labels == classes[:, None], predicted == classes[:, None]  # (classes, images)
    hit = true & said
    hits = hit.mean(axis=1, keepdims=True)
    both = true.mean(axis=1, keepdims=True) + said.mean(axis=1, keepdims=True)
    moved = 2 * (hit - hits) / both - 2 * hits * (true + 1.0 * said - both) / both**2
    shares: np.ndarray = (2 * hits / both + moved).mean(axis=0)
    return shares


def _told_apart(probability: np.ndarray, labels: np.ndarray) -> list[int]:
    """Returns the classes that some images have and others have not."""
    import numpy as np

    of, counts = np.unique(labels, return_counts=True)
    return [int(each) for each in of[counts < len(labels)]]


def _roc_auc_ovr(probability: np.ndarray, labels: np.ndarray) -> float:
    import numpy as np
    from sklearn.metrics import roc_auc_score

    classes = _told_apart(probability, labels)
    each = [roc_auc_score(labels == one, probability[:, one]) for one in classes]
    return float(np.mean(each)) if each else float("nan")


def _roc_auc_ovr_shares(probability: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """By DeLong et al. (Biometrics 44, 1988): how many of the others each image stands right of."""
    import numpy as np
    from scipy.stats import rankdata

    shares = []
    for one in _told_apart(probability, labels):
        mine, scores = labels == one, probability[:, one]
        count, others = int(mine.sum()), int((~mine).sum())
        ranks, right = rankdata(scores), np.empty(len(labels))
        right[mine] = (ranks[mine] - rankdata(scores[mine])) / others
        right[~mine] = 1 - (ranks[~mine] - rankdata(scores[~mine])) / count
        area = right[mine].mean()
        shares.append(area + (right - area) * len(labels) / np.where(mine, count, others))
    return np.mean(shares, axis=0) if shares else np.full(len(labels), np.nan)


def _neg_log_loss(probability: np.ndarray, labels: np.ndarray) -> float:
    from sklearn.metrics import log_loss

    return -float(log_loss(labels, probability, labels=range(probability.shape[1])))


def _neg_log_loss_shares(probability: np.ndarray, labels: np.ndarray) -> np.ndarray:
    import numpy as np

    least = np.finfo(probability.dtype).eps  # as scikit-learn clips
    of_class = np.clip(probability[np.arange(len(labels)), labels], least, 1 - least)
    shares: np.ndarray = np.log(of_class)
    return shares


ACCURACY = Metric("accuracy", "accuracy", "max", _accuracy, _accuracy_shares)

METRICS = {
    metric.name: metric
    for metric in (
        ACCURACY,
        Metric(
            *("balanced_accuracy", "balanced accuracy", "max"),
            *(_balanced_accuracy, _balanced_accuracy_shares),
        ),
        Metric("f1_macro", "macro F1", "max", _f1_macro, _f1_macro_shares),
        Metric("roc_auc_ovr", "ROC AUC", "max", _roc_auc_ovr, _roc_auc_ovr_shares),
        Metric(
            *("neg_log_loss", "negative log loss", "max", _neg_log_loss, _neg_log_loss_shares),
            in_percent=False,
        ),
    )
}
"""What can be searched by, by name; the first is the default."""


UNEVEN = 3
"""Images of the most frequent class for one of the rarest, from which on accuracy misleads."""


def advice(metric: str, classes: Sequence[str], counts: Sequence[int]) -> str | None:
    """Returns what to judge by where accuracy says little of rare classes; else None.

    Args:
        metric: the name of what is judged by.
        classes: their names.
        counts: how many images each has.

    >>> advice("accuracy", ["cat", "dog"], [95, 5])[:52]
    'uneven classes, "cat" has 19 times the images of "do'
    >>> advice("balanced_accuracy", ["cat", "dog"], [95, 5])
    >>> advice("accuracy", ["cat", "dog"], [9, 5])
    """
    known = sorted((count, name) for count, name in zip(counts, classes, strict=True) if count)
    if metric != ACCURACY.name or not known:
        return None
    (fewest, rarest), (most, commonest) = known[0], known[-1]
    if most < UNEVEN * fewest:
        return None
    return (
        f'uneven classes, "{commonest}" has {most / fewest:,.0f} times the images of "{rarest}": '
        "--metric balanced_accuracy counts each class alike"
    )


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
