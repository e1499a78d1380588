"""Finals -> samples: what is known of each strategy, and how far it varies with what."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from analysis.run import Run
from analysis.statistics import intervals
from search.store import ACCURACY, Metric, classified_correctly


def correctness(
    finals: pd.DataFrame,
    labels: np.ndarray | None,
    strategies: Sequence[str],
    metric: Metric,
) -> dict[str, np.ndarray]:
    """Returns how well each seed of each strategy does on each test image.

    Args:
        finals: the rows of one data set: `strategy`, `status`, `test_score`, and
            `predictions`, classes of shape (test images,), or where the metric is not accuracy
            `image_scores`, floats of the same shape.
        labels: the test images' classes, shape (test images,), or None where nobody knows.
        strategies: every strategy that competed.
        metric: what is judged by.

    Returns:
        By strategy, the scores, shape (completed seeds, test images); bool where the metric is
        accuracy, else floats whose mean is the score. A strategy without a completed seed, or of
        whose seeds one has no predictions, is left out.

    >>> finals = pd.DataFrame({
    ...     "strategy": "lines", "status": "completed", "test_score": [1.0, 0.5],
    ...     "predictions": [np.array([3, 1]), np.array([3, 2])],
    ... })
    >>> from search.store import ACCURACY
    >>> correctness(finals, np.array([3, 1]), ["lines", "untested"], ACCURACY)
    {'lines': array([[ True,  True],
           [ True, False]])}
    """
    if labels is None or not len(labels):
        return {}
    found = {}
    tested = completed(finals)
    for name in strategies:
        mine = tested[tested.strategy == name].to_dict("records")
        scores = [image_scores(row, labels, metric) for row in mine]
        known = [one for one in scores if one is not None]
        if known and len(known) == len(scores):
            found[name] = np.stack(known)
    return found


def image_scores(row: Mapping[Any, Any], labels: np.ndarray, metric: Metric) -> np.ndarray | None:
    """Returns what a final or a baseline scores on every test image, (test images,).

    Args:
        row: its `predictions`, or where the metric is not accuracy its `image_scores`.
        labels: the test images' classes, (test images,).
        metric: what is judged by.

    Returns:
        bool where the metric is accuracy, else floats; None where nobody knows, or where they are
        of other images.

    >>> from search.store import ACCURACY
    >>> image_scores({"predictions": np.array([1, 0])}, np.array([1, 1]), ACCURACY)
    array([ True, False])
    """
    accuracy = metric.name == ACCURACY.name
    known = row["predictions" if accuracy else "image_scores"]
    if known is None or len(known) != len(labels):
        return None
    return classified_correctly(known, labels) if accuracy else known


def samples(
    finals: pd.DataFrame,
    labels: np.ndarray | None,
    strategies: Sequence[str],
    metric: Metric,
) -> dict[str, np.ndarray]:
    """Returns the evidence on each strategy that was tested; the arguments are `correctness`'s.

    Returns:
        By strategy, the scores of its replicates on every test image, shape (replicates, test
        images). A replicate is an iteration, its scores the mean over its seeds; where the run
        has one iteration, a seed of its finalist, and what is said is about that design.

    >>> from analysis.example import example
    >>> from search.store import ACCURACY
    >>> run = example(lines=0.9)
    >>> samples(run.finals, run.test_labels, ["lines"], ACCURACY)["lines"].shape
    (3, 300)
    """
    correct = correctness(finals, labels, strategies, metric)
    if not several_iterations(finals):
        return correct
    tested = completed(finals)
    found = {}
    for name, scores in correct.items():
        of = tested.iteration[tested.strategy == name].to_numpy()
        found[name] = np.stack([scores[of == each].mean(axis=0) for each in np.unique(of)])
    return found


def several_iterations(finals: pd.DataFrame) -> bool:
    """Whether there is more than one search of a strategy, so that searches are the evidence.

    >>> several_iterations(pd.DataFrame({"iteration": [0, 0, 1]}))
    True
    """
    return int(finals.iteration.nunique()) > 1


def gain(
    one: np.ndarray, other: np.ndarray, metric: Metric, level: float = intervals.LEVEL
) -> intervals.Estimate:
    """Estimates by how much one strategy is better than another: `intervals.difference`, directed.

    The interval ends at what can be: no share is larger than another by more than 1.

    Args:
        one: its evidence, one of `samples`.
        other: the other's, with the same test images.
        metric: says which way is better.
        level: the interval misses the truth with this probability.

    >>> from search.store import ACCURACY
    >>> one, other = np.array([[1, 1, 0], [1, 1, 1]]), np.array([[0, 1, 0], [1, 0, 0]])
    >>> gain(one, other, ACCURACY).value
    0.5
    """
    better, worse = (other, one) if metric.lowest_is_best else (one, other)
    found = intervals.difference(better, worse, level)
    most = 1.0 if metric.in_percent else math.inf
    return found._replace(low=max(found.low, -most), high=min(found.high, most))


class Spread(NamedTuple):
    """How far a strategy's accuracy moves when one thing changes: standard deviations.

    Attributes:
        search: another search, with other configurations and another split.
        seed: another training of the same design.
        images: as many other test images.
    """

    search: float
    seed: float
    images: float


def spread(run: Run, strategy: str) -> Spread | None:
    """Returns how far a strategy's accuracy moves from search to search, and from seed to seed.

    None where there is one search, or predictions are missing.

    >>> from analysis.example import example
    >>> spread(example(lines=0.9), "lines") is None
    True
    """
    if not several_iterations(run.finals):
        return None
    correct = correctness(run.finals, run.test_labels, [strategy], run.experiment.objective)
    tested = completed(run.finals)
    iterations = tested.iteration[tested.strategy == strategy].to_numpy()
    if strategy not in correct or len(np.unique(iterations)) < 2:
        return None
    return components(correct[strategy], iterations)


def components(correct: np.ndarray, iterations: np.ndarray) -> Spread:
    """Takes what varies apart: over searches, over seeds within them, and over test images.

    By the analysis of variance of one random factor: the mean square within iterations is that of
    seeds; what the iterations' means vary beyond it is that of searches.

    Args:
        correct: whether a training classifies an image correctly, shape (trainings, test images).
        iterations: of each training, shape (trainings,); two at least.

    Returns:
        The three; of seeds NaN where no iteration has two.

    >>> correct = np.array([[1, 1], [1, 1], [0, 0], [0, 0]])
    >>> found = components(correct, np.array([0, 0, 1, 1]))
    >>> round(found.search, 2), found.seed
    (0.71, 0.0)
    """
    accuracy = correct.mean(axis=1)
    groups = [accuracy[iterations == each] for each in np.unique(iterations)]
    freedom = sum(len(group) - 1 for group in groups)
    within = sum(float(np.square(group - group.mean()).sum()) for group in groups)
    of_seed = within / freedom if freedom else math.nan
    between = float(np.var([group.mean() for group in groups], ddof=1))
    noise = float(np.mean([1 / len(group) for group in groups])) * of_seed if freedom else 0.0
    share = np.mean([correct[iterations == each].mean(axis=0) for each in np.unique(iterations)], 0)
    over_images, _ = intervals.variance_over_images(share, 0.0)
    return Spread(math.sqrt(max(between - noise, 0.0)), math.sqrt(of_seed), math.sqrt(over_images))


def replicates(finals: pd.DataFrame, strategy: str) -> np.ndarray:
    """Returns a strategy's test scores: of its iterations, or of its seeds where there is one.

    >>> from analysis.example import example
    >>> replicates(example(lines=0.9).finals, "lines").shape
    (3,)
    """
    mine = completed(finals[finals.strategy == strategy])
    if several_iterations(finals):
        return mine.groupby("iteration").test_score.mean().to_numpy(dtype=float)
    return mine.test_score.to_numpy(dtype=float)


def completed(finals: pd.DataFrame) -> pd.DataFrame:
    """Returns the finals that have a result.

    >>> from analysis.example import example
    >>> len(completed(example(lines=0.9).finals))
    3
    """
    return finals[(finals.status == "completed") & finals.test_score.notna()]
