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
from search.reliability import measured
from search.store import Store

Setting = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Baseline:
    """A classifier of scikit-learn and the small grid that it is tuned on.

    Attributes:
        label: in sentences and tables.
        make: a setting, how many images there are to train on, and weights of classes as
            scikit-learn takes them, to an untrained classifier.
        grid: the settings, of which validation chooses.
        most_images: more of them are not trained on, or it would take longer than the search.
        most_pixels: of an image; a larger one is made smaller.
    """

    label: str
    make: Callable[[Setting, int, str | None], Any]
    grid: tuple[Setting, ...]
    most_images: int
    most_pixels: int


BASELINES = {
    "logistic_regression": Baseline(
        "logistic regression",
        lambda setting, count, weights: LogisticRegression(
            max_iter=300, class_weight=weights, **setting
        ),
        ({"C": 0.01}, {"C": 0.1}, {"C": 1.0}),
        most_images=20_000,
        most_pixels=4096,
    ),
    "nearest_neighbours": Baseline(
        "3 nearest neighbours",
        lambda setting, count, _: KNeighborsClassifier(min(3, count), algorithm="brute", **setting),
        ({"weights": "uniform"}, {"weights": "distance"}),
        most_images=20_000,
        most_pixels=4096,
    ),
    "boosted_trees": Baseline(
        "gradient-boosted trees",
        lambda setting, count, weights: HistGradientBoostingClassifier(
            max_iter=60,
            early_stopping=False,
            max_features=0.2,
            random_state=0,
            class_weight=weights,
            **setting,
        ),
        ({"learning_rate": 0.1}, {"learning_rate": 0.3}),
        most_images=5_000,
        most_pixels=256,
    ),
    "majority": Baseline(
        "the most frequent class",
        # Which predicts the most frequent, and each class with its share.
        lambda setting, *_: DummyClassifier(strategy="prior", **setting),
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
    experiment, metric = store.experiment, store.experiment.objective
    weights = None if experiment.class_weight == "none" else experiment.class_weight
    parts = dataset.train, dataset.validation, test
    for name, baseline in BASELINES.items():
        if name not in known:
            classes = len(dataset.class_names)
            row = measure(baseline, *parts, metric, classes, experiment.seed, weights)
            row = {"dataset": dataset.name, "baseline": name, **row}
            store.record_report_rows("baselines", [row])
            note(f"{baseline.label}: test {metric.label} {metric.in_words(row['test_score'])}")


def measure(
    baseline: Baseline,
    train: Images,
    validation: Images,
    test: Images,
    metric: Metric,
    classes: int,
    seed: int = 0,
    weights: str | None = None,
) -> dict[str, Any]:
    """Returns what a baseline comes to: columns of the table `baselines`.

    The setting that is best on the validation images (of equals the first) learns from training
    and validation images together, as finalists do.

    Args:
        baseline: which one.
        train: images to learn from.
        validation: images to tune on.
        test: images to test on.
        metric: what is judged by.
        classes: how many.
        seed: of what is drawn of the images, where they are too many.
        weights: of the classes, where it takes any: None, or `balanced`.
    """
    began = time.perf_counter()
    train, validation = (
        drawn(part, baseline.most_images // share, seed)
        for part, share in ((train, 1), (validation, 4))
    )
    parts = [features(part.x, baseline.most_pixels) for part in (train, validation, test)]

    def probability(
        setting: Setting, x: np.ndarray, y: np.ndarray, asked: np.ndarray
    ) -> np.ndarray:
        with warnings.catch_warnings():
            # One that has not converged is as good as it is: a baseline, and validation judges it.
            warnings.simplefilter("ignore", ConvergenceWarning)
            model = baseline.make(setting, len(y), weights).fit(x, y)
        found = np.zeros((len(asked), classes))
        found[:, model.classes_] = model.predict_proba(asked)
        return found / found.sum(axis=1, keepdims=True)  # of float32 they are 1 to a rounding

    scores = [
        metric.measure(probability(setting, parts[0], train.y, parts[1]), validation.y)
        for setting in baseline.grid
    ]
    best = max(range(len(scores)), key=lambda place: metric.better(scores[place]))
    both, labels = np.concatenate(parts[:2]), np.concatenate([train.y, validation.y])
    tested = probability(baseline.grid[best], both, labels, parts[2])
    return {
        **measured(tested, test.y, metric),
        "label": baseline.label,
        "setting": json.dumps(baseline.grid[best]),
        "validation_score": scores[best],
        "train_images": len(labels),
        "seconds": time.perf_counter() - began,
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
