"""What a tested model comes to, whatever was searched by."""

from __future__ import annotations

import json

import numpy as np
import pytest

from search.metric import METRICS, probabilities
from search.reliability import BINS, measured, reliability

rng = np.random.default_rng(0)
LABELS = rng.integers(0, 4, 500)
PROBABILITY = probabilities(2 * rng.normal(size=(500, 4)) + 2 * np.eye(4)[LABELS])


def test_every_image_is_in_one_bin_of_its_confidence():
    found = reliability(PROBABILITY, LABELS)
    assert {name: len(values) for name, values in found.items()} == dict.fromkeys(found, BINS)
    assert sum(found["images"]) == 500
    assert sum(found["correct"]) == (PROBABILITY.argmax(axis=1) == LABELS).sum()
    assert sum(found["confidence"]) == pytest.approx(PROBABILITY.max(axis=1).sum())
    for place, (images, confidence) in enumerate(
        zip(found["images"], found["confidence"], strict=True)
    ):
        if images:
            assert place / BINS <= confidence / images <= (place + 1) / BINS


def test_one_that_is_sure_is_in_the_last_bin():
    assert reliability(np.eye(2), np.array([0, 0]))["images"] == [*[0] * (BINS - 1), 2]


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_all_metrics_are_told_and_one_is_the_score(metric):
    row = measured(PROBABILITY, LABELS, metric)
    told = json.loads(row["measures"])
    assert told.keys() == {*METRICS, "reliability"}
    assert row["test_score"] == told[metric.name]
    assert row["test_accuracy"] == told["accuracy"]
    if metric.name == "accuracy":
        assert row["image_scores"] is None
    else:
        shares = np.frombuffer(row["image_scores"], "<f4")
        assert len(shares) == 500
        assert shares.mean() == pytest.approx(row["test_score"], rel=1e-5)


def test_what_cannot_be_known_is_said_to_be_unknown():
    """All images are of one class: nothing is told apart."""
    row = measured(PROBABILITY, np.zeros(500, int), METRICS["accuracy"])
    assert json.loads(row["measures"])["roc_auc_ovr"] is None
