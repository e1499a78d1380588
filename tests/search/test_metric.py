"""What a search is judged by."""

import dataclasses
from typing import get_args

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from search.experiment import Experiment, MetricName
from search.metric import ACCURACY, METRICS, mostly_wrong, probabilities


def some(classes, images, seed=0):
    """Probabilities and labels of unequal classes, each of which some image has."""
    rng = np.random.default_rng(seed)
    share = np.arange(1, classes + 1) / np.arange(1, classes + 1).sum()
    labels = rng.choice(classes, images, p=share)
    labels[:classes] = np.arange(classes)
    return probabilities(
        2 * rng.normal(size=(images, classes)) + 2 * np.eye(classes)[labels]
    ), labels


def by_scikit_learn(name, probability, labels):
    """The metric as scikit-learn has it."""
    predicted = probability.argmax(axis=1)
    if name == "roc_auc_ovr":
        scores = probability[:, 1] if probability.shape[1] == 2 else probability
        return sklearn_metrics.roc_auc_score(labels, scores, multi_class="ovr")
    return {
        "accuracy": lambda: sklearn_metrics.accuracy_score(labels, predicted),
        "balanced_accuracy": lambda: sklearn_metrics.balanced_accuracy_score(labels, predicted),
        "f1_macro": lambda: sklearn_metrics.f1_score(labels, predicted, average="macro"),
        "neg_log_loss": lambda: -sklearn_metrics.log_loss(labels, probability),
    }[name]()


def test_what_can_be_asked_for_is_what_there_is():
    assert get_args(MetricName) == tuple(METRICS)
    for name in METRICS:
        assert Experiment("digits", ("lines",), metric=name).objective is METRICS[name]
        sklearn_metrics.get_scorer(name)  # raises where it is no name of scikit-learn's


@pytest.mark.parametrize("direction", ["max", "min"])
def test_better_is_more_whatever_the_direction(direction):
    metric = dataclasses.replace(ACCURACY, direction=direction)
    best, worst = (0.2, 0.9) if metric.lowest_is_best else (0.9, 0.2)
    assert metric.better(best) > metric.better(worst)
    ordered = sorted([0.9, 0.2], reverse=not metric.lowest_is_best)
    assert ordered[0] == best


@pytest.mark.parametrize("classes", [2, 3, 10])
@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_values_are_scikit_learn_s_and_the_means_over_images(metric, classes):
    for images in (classes + 1, 40, 1000):
        probability, labels = some(classes, images)
        value = metric.measure(probability, labels)
        assert value == pytest.approx(by_scikit_learn(metric.name, probability, labels), abs=1e-12)
        shares = metric.per_image(probability, labels)
        assert shares.shape == labels.shape
        assert shares.mean() == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_what_images_vary_says_how_far_others_would_move_it(metric):
    """As far as images drawn with replacement do."""
    probability, labels = some(3, 2000)
    rng = np.random.default_rng(1)
    drawn = [rng.integers(0, 2000, 2000) for _ in range(200)]
    moved = np.std([metric.measure(probability[each], labels[each]) for each in drawn])
    told = metric.per_image(probability, labels).std() / np.sqrt(2000)
    assert told == pytest.approx(moved, rel=0.2)


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_the_order_of_images_and_a_class_that_nobody_has_change_nothing(metric):
    probability, labels = some(4, 300)
    shares, order = metric.per_image(probability, labels), np.random.default_rng(2).permutation(300)
    assert metric.per_image(probability[order], labels[order]) == pytest.approx(shares[order])
    never = np.hstack([probability, np.zeros((300, 1))])
    assert metric.measure(never, labels) == pytest.approx(metric.measure(probability, labels))


def test_a_rare_class_counts_as_much_as_another():
    """Who always says the common class is right in 95 of 100, and no better than a coin."""
    labels = np.repeat([0, 1], [95, 5])
    always = np.tile([0.9, 0.1], (100, 1))
    assert METRICS["accuracy"].measure(always, labels) == 0.95
    assert METRICS["balanced_accuracy"].measure(always, labels) == 0.5
    assert METRICS["f1_macro"].measure(always, labels) < 0.5
    assert METRICS["roc_auc_ovr"].measure(always, labels) == 0.5


def test_an_image_is_wrong_where_more_than_half_of_the_seeds_are():
    labels = np.zeros(3, int)
    half = np.array([[0, 1, 1], [0, 0, 1]])
    assert mostly_wrong(half, labels).tolist() == [False, False, True]
