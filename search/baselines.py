"""What anyone would try first, without a network: on the same images, tested once, never a winner.

A strategy that does not beat these has not been shown to be worth its while.
"""

from __future__ import annotations

import dataclasses
import json
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from search.data.datasets import Dataset, Images, drawn
from search.metric import Metric
from search.store import Store

Setting = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Baseline:
    """A classifier of scikit-learn and the small grid that it is tuned on.

    Attributes:
        label: in sentences and tables.
        make: a setting, and how many images there are to train on, to an untrained classifier.
        grid: the settings, of which validation chooses.
        most_images: more of them are not trained on, or it would take longer than the search.
        most_pixels: of an image; a larger one is made smaller.
    """

    label: str
    make: Callable[[Setting, int], Any]
    grid: tuple[Setting, ...]
    most_images: int
    most_pixels: int


BASELINES = {
    "logistic_regression": Baseline(
        "logistic regression",
        lambda setting, count: LogisticRegression(max_iter=300, **setting),
        ({"C": 0.01}, {"C": 0.1}, {"C": 1.0}),
        most_images=20_000,
        most_pixels=4096,
    ),
    "nearest_neighbours": Baseline(
        "3 nearest neighbours",
        lambda setting, count: KNeighborsClassifier(min(3, count), algorithm="brute", **setting),
        ({"weights": "uniform"}, {"weights": "distance"}),
        most_images=20_000,
        most_pixels=4096,
    ),
    "boosted_trees": Baseline(
        "gradient-boosted trees",
        lambda setting, count: HistGradientBoostingClassifier(
            max_iter=60, early_stopping=False, max_features=0.2, random_state=0, **setting
        ),
        ({"learning_rate": 0.1}, {"learning_rate": 0.3}),
        most_images=5_000,
        most_pixels=256,
    ),
    "majority": Baseline(
        "the most frequent class",
        lambda setting, count: DummyClassifier(strategy="most_frequent", **setting),
        ({},),
        most_images=20_000,
        most_pixels=4,
    ),
}


def expected_seconds(images: int, tested: int, numbers: int, classes: int) -> float:
    """Returns how long the baselines are likely to take.

    Args:
        images: to learn from, those for validation among them.
        tested: images to test on.
        numbers: of an image.
        classes: how many.
    """
    linear, trees = BASELINES["logistic_regression"], BASELINES["boosted_trees"]
    learnt = min(images, linear.most_images)
    work = learnt * min(numbers, 3 * linear.most_pixels) * classes
    distances = (learnt + tested) * learnt * numbers
    grown = classes * (0.6 + min(images, trees.most_images) / 2000)
    return 2 + 5e-7 * work + 4e-11 * distances + grown


def run_baselines(
    store: Store, dataset: Dataset, test: Images, note: Callable[[str], None]
) -> None:
    """Tunes, trains and tests every baseline that the run does not hold yet.

    Args:
        store: the run directory, open for writing.
        dataset: the images to learn from.
        test: the opened test split.
        note: tells the user one thing that matters.
    """
    known = {row["baseline"] for row in store.rows("baselines")}
    seed, metric = store.experiment.seed, store.experiment.objective
    for name, baseline in BASELINES.items():
        if name not in known:
            row = measure(baseline, dataset.train, dataset.validation, test, metric, seed)
            row = {"dataset": dataset.name, "baseline": name, **row}
            store.record_report_rows("baselines", [row])
            note(f"{baseline.label}: test {metric.label} {100 * row['test_accuracy']:.1f} %")


def measure(
    baseline: Baseline,
    train: Images,
    validation: Images,
    test: Images,
    metric: Metric,
    seed: int = 0,
) -> dict[str, Any]:
    """Returns what a baseline comes to: columns of the table `baselines`.

    The setting that is best on the validation images (of equals the first) learns from training
    and validation images together, as finalists do.
    """
    began = time.perf_counter()
    train, validation = (
        drawn(part, baseline.most_images // share, seed)
        for part, share in ((train, 1), (validation, 4))
    )
    parts = [features(part.x, baseline.most_pixels) for part in (train, validation, test)]

    def predicted(setting: Setting, x: np.ndarray, y: np.ndarray, asked: np.ndarray) -> np.ndarray:
        with warnings.catch_warnings():
            # One that has not converged is as good as it is: a baseline, and validation judges it.
            warnings.simplefilter("ignore", ConvergenceWarning)
            found: np.ndarray = baseline.make(setting, len(y)).fit(x, y).predict(asked)
        return found

    scores = [
        float(np.mean(metric.per_image(predicted(s, parts[0], train.y, parts[1]), validation.y)))
        for s in baseline.grid
    ]
    best = max(range(len(scores)), key=lambda place: metric.better(scores[place]))
    both, labels = np.concatenate(parts[:2]), np.concatenate([train.y, validation.y])
    classes = predicted(baseline.grid[best], both, labels, parts[2])
    return {
        "label": baseline.label,
        "setting": json.dumps(baseline.grid[best]),
        "validation_score": scores[best],
        "test_accuracy": float(np.mean(metric.per_image(classes, test.y))),
        "train_images": len(labels),
        "seconds": time.perf_counter() - began,
        "predictions": classes.astype("<u2").tobytes(),
    }


def features(images: np.ndarray, most_pixels: int) -> np.ndarray:
    """Returns images as rows of numbers from 0 to 1, made smaller by means over blocks of pixels.

    Args:
        images: uint8 (n, height, width, channels).
        most_pixels: height times width of what is returned, at most.

    Returns:
        float32 (n, numbers).

    >>> features(np.full((1, 4, 4, 1), 255, "uint8"), most_pixels=4).tolist()
    [[1.0, 1.0, 1.0, 1.0]]
    """
    count, height, width, _ = images.shape
    block = 1
    while (-(-height // block)) * (-(-width // block)) > most_pixels:
        block += 1
    rows, columns = (np.arange(0, side, block) for side in (height, width))
    sums = np.add.reduceat(np.add.reduceat(images, rows, axis=1, dtype="float32"), columns, axis=2)
    sizes = np.outer(np.diff([*rows, height]), np.diff([*columns, width]))[..., None]
    means: np.ndarray = (sums / sizes / 255).astype("float32").reshape(count, -1)
    return means
