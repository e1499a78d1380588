"""Simple classifiers on the same images: tuned on validation, tested once."""

import dataclasses
import json

import numpy as np
import pytest

from search.baselines import BASELINES, features, measure, run_baselines
from search.data.datasets import load_dataset
from search.experiment import Experiment
from search.metric import ACCURACY, METRICS
from search.store import Store


@pytest.fixture(scope="module")
def digits():
    return load_dataset(Experiment("digits", ("lines",), train_limit=300))


@pytest.mark.parametrize("name", [name for name in BASELINES if name != "majority"])
def test_each_learns_the_digits(digits, name):
    baseline = BASELINES[name]
    row = measure(baseline, digits.train, digits.validation, digits.open_test(), ACCURACY, 10)
    assert row["test_accuracy"] > 0.75 and row["validation_score"] > 0.75
    assert json.loads(row["setting"]) in baseline.grid
    assert row["train_images"] == 300
    again = measure(baseline, digits.train, digits.validation, digits.open_test(), ACCURACY, 10)
    assert row | {"seconds": 0} == again | {"seconds": 0}


def test_the_most_frequent_class_of_what_is_learnt_from_is_named_always(digits):
    rare = dataclasses.replace(digits.train, y=np.where(digits.train.y == 3, 3, 7))
    row = measure(BASELINES["majority"], rare, digits.validation, digits.open_test(), ACCURACY, 10)
    assert set(np.frombuffer(row["predictions"], "<u2")) == {7}


def test_validation_chooses_and_the_test_has_no_say(digits):
    """With test labels that are wrong, the same setting and the same predictions."""
    baseline, test = BASELINES["logistic_regression"], digits.open_test()
    other = dataclasses.replace(test, y=(test.y + 1) % 10)
    parts = digits.train, digits.validation
    one, two = (measure(baseline, *parts, each, ACCURACY, 10) for each in (test, other))
    assert two["test_accuracy"] < 0.2 < one["test_accuracy"]
    for name in ("setting", "validation_score", "predictions"):
        assert one[name] == two[name]


def test_large_data_are_made_smaller():
    images = np.random.default_rng(0).integers(0, 256, (3, 28, 84, 3), dtype=np.uint8)
    assert features(images, 4096).shape == (3, 28 * 84 * 3)
    small = features(images, 256)
    assert small.shape == (3, 7 * 21 * 3)  # blocks of 4 x 4
    assert small[0, 0] == pytest.approx(images[0, :4, :4, 0].mean() / 255)
    odd = features(images[:, :5, :5], 4)  # the last blocks have fewer pixels
    assert odd.reshape(3, 2, 2, 3)[0, 1, 1, 0] == pytest.approx(images[0, 3:5, 3:5, 0].mean() / 255)


def test_a_run_keeps_each_once(digits, tmp_path):
    notes = []
    with Store.create(tmp_path / "run", Experiment("digits", ("lines",)), {}) as store:
        test = digits.open_test()
        run_baselines(store, digits, test, notes.append)
        rows = store.rows("baselines")
        assert [row["baseline"] for row in rows] == [*BASELINES]
        assert len(notes) == len(BASELINES) and "test accuracy" in notes[0]
        for row in rows:
            classes = np.frombuffer(row["predictions"], "<u2")
            assert np.mean(classes == test.y) == pytest.approx(row["test_accuracy"])
        run_baselines(store, digits, test, notes.append)
        assert store.rows("baselines") == rows and len(notes) == len(BASELINES)


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_each_is_judged_by_what_was_asked_for(digits, metric):
    """And weights of classes move those that take any."""
    parts = digits.train, digits.validation, digits.open_test()
    row = measure(BASELINES["logistic_regression"], *parts, metric, 10)
    assert row["test_score"] == json.loads(row["measures"])[metric.name]
    if metric is not ACCURACY:
        shares = np.frombuffer(row["image_scores"], "<f4")
        assert shares.mean() == pytest.approx(row["test_score"], rel=1e-5)
    else:
        assert row["image_scores"] is None and row["test_score"] == row["test_accuracy"]
    weighted = measure(BASELINES["logistic_regression"], *parts, metric, 10, weights="balanced")
    assert weighted["measures"] != row["measures"]


@pytest.mark.parametrize("name", BASELINES)
def test_two_images_are_enough_to_learn_from(digits, name):
    def some(images, places):
        return dataclasses.replace(images, x=images.x[places], y=images.y[places], places=None)

    two = [int(np.flatnonzero(digits.train.y == label)[0]) for label in (3, 7)]
    row = measure(
        BASELINES[name],
        some(digits.train, two),
        some(digits.validation, [0]),
        digits.open_test(),
        ACCURACY,
        classes=10,
    )
    assert 0 <= row["test_accuracy"] <= 1 and row["train_images"] == 3
