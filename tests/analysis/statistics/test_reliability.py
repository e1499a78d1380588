"""What every metric says of the finals, and how far their confidence can be trusted."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from sklearn import metrics

from analysis.example import example
from analysis.statistics.reliability import (
    ECE,
    by_class,
    by_metric,
    calibration_error,
    reliability_curve,
)
from search.store import METRICS

BINS = {"images": [0, 10, 30], "confidence": [0.0, 5.0, 27.0], "correct": [0, 5, 21]}


def measured(**values):
    return {**dict.fromkeys(METRICS, 0.5), **values, "reliability": BINS}


def test_the_error_is_the_mean_distance_of_confidence_from_what_is_right():
    assert calibration_error(BINS) == pytest.approx(6 / 40)
    sure = {"images": [4], "confidence": [4.0], "correct": [4]}
    assert calibration_error(sure) == 0.0


def test_each_metric_is_the_mean_over_the_finals():
    run = example(lines=0.9, patches=0.5)
    values = [measured(accuracy=0.8), measured(accuracy=0.6), measured(accuracy=0.7)]
    older = [{}] * 3  # of patches nothing was measured
    found = by_metric(dataclasses.replace(run, finals=run.finals.assign(measures=values + older)))
    assert found.index.to_list() == [("strategy", "lines")]
    row = found.loc[("strategy", "lines")]
    assert row.accuracy == pytest.approx(0.7) and row[ECE] == pytest.approx(0.15)


def test_what_one_final_does_not_know_is_not_known():
    run = example(lines=0.9)
    values = [measured(roc_auc_ovr=None), measured(), measured()]
    found = by_metric(dataclasses.replace(run, finals=run.finals.assign(measures=values)))
    assert np.isnan(found.roc_auc_ovr.iloc[0]) and found.f1_macro.iloc[0] == 0.5


def test_bins_of_all_finals_are_added_and_small_ones_left_out():
    curve = reliability_curve([measured(), measured()])
    assert curve.images.to_list() == [20.0, 60.0]
    assert curve.confidence.to_list() == [0.5, 0.9] and curve.correct.to_list() == [0.5, 0.7]
    assert reliability_curve([measured()], fewest=11).images.to_list() == [30.0]


def test_classes_are_as_scikit_learn_has_them():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 200)
    predicted = np.where(rng.random((2, 200)) < 0.7, labels, rng.integers(0, 4, (2, 200)))
    found = by_class(predicted, labels)
    assert found.index.to_list() == [0, 1, 2, 3] and found.images.sum() == 200
    for name, function in (
        ("precision", metrics.precision_score),
        ("recall", metrics.recall_score),
        ("f1", metrics.f1_score),
    ):
        each = [
            function(labels, one, labels=range(4), average=None, zero_division=0)
            for one in predicted
        ]
        assert found[name].to_numpy() == pytest.approx(np.mean(each, axis=0))
