"""How far a strategy is ahead of simple classifiers."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from analysis.example import example
from analysis.statistics.baselines import over_baselines
from analysis.statistics.decision import decide


def with_baselines(run, **accuracies):
    """The run and simple classifiers, each right on so large a share of the first images."""
    labels = run.test_labels
    rows = []
    for name, accuracy in accuracies.items():
        right = np.arange(len(labels)) < round(accuracy * len(labels))
        classes = np.where(right, labels, (labels + 1) % 10)
        rows.append({"label": name, "test_score": right.mean(), "predictions": classes})
    return dataclasses.replace(run, baselines=pd.DataFrame(rows))


@pytest.mark.parametrize(("accuracy", "beaten"), [(0.5, True), (0.89, False), (0.97, False)])
def test_a_lead_has_its_uncertainty(accuracy, beaten):
    run = with_baselines(example(lines=0.9, patches=0.5), simple=accuracy)
    (found,) = over_baselines(run, "lines")
    assert found.lead.value == pytest.approx(0.9 - accuracy, abs=0.01)
    assert found.lead.low < found.lead.value < found.lead.high
    assert (found.lead.low > 0) == beaten


def test_the_best_comes_first_and_none_is_a_winner():
    run = with_baselines(example(lines=0.9, patches=0.5), worse=0.6, better=0.99)
    decision = decide(run)
    assert decision.best == "lines" and decision.kind == "wins"
    assert [each.label for each in decision.why.baselines] == ["better", "worse"]
    assert decision.why.baselines[0].lead.high < 0 < decision.why.baselines[1].lead.low


def test_without_predictions_the_accuracy_alone_is_known():
    run = with_baselines(example(lines=0.9, patches=0.5), simple=0.6)
    run.finals["predictions"] = None
    (found,) = over_baselines(run, "lines")
    assert found.score == pytest.approx(0.6) and np.isnan(found.lead.p)
