"""What a search is judged by."""

import dataclasses

import numpy as np
import pytest

from search.metric import ACCURACY, METRICS, mostly_wrong


@pytest.mark.parametrize("direction", ["max", "min"])
def test_better_is_more_whatever_the_direction(direction):
    metric = dataclasses.replace(ACCURACY, direction=direction)
    best, worst = (0.2, 0.9) if metric.lowest_is_best else (0.9, 0.2)
    assert metric.better(best) > metric.better(worst)
    ordered = sorted([0.9, 0.2], reverse=not metric.lowest_is_best)
    assert ordered[0] == best


def test_the_mean_over_images_is_the_metric():
    labels = np.array([0, 1, 2, 2])
    predicted = np.array([[0, 1, 2, 0], [1, 1, 1, 1]])
    for metric in METRICS.values():
        scores = metric.per_image(predicted, labels)
        assert scores.shape == predicted.shape
    assert ACCURACY.per_image(predicted, labels).mean(axis=1).tolist() == [0.75, 0.25]


def test_an_image_is_wrong_where_more_than_half_of_the_seeds_are():
    labels = np.zeros(3, int)
    half = np.array([[0, 1, 1], [0, 0, 1]])
    assert mostly_wrong(half, labels).tolist() == [False, False, True]
