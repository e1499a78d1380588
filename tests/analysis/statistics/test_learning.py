"""Whether a training ended before its curve was flat."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from analysis.example import example
from analysis.statistics.decision import decide
from analysis.statistics.learning import rising

EPOCHS = 30


def with_curves(run, **slopes):
    """The run, but each finalist trained for 30 epochs, its score rising by so much an epoch."""
    generator = np.random.default_rng(0)
    rows = [
        {
            "strategy": name, "configuration": f"{name}-0-2-0", "epoch": epoch, "seconds": 1.0,
            "val_accuracy": 0.5 + slope * epoch + generator.normal(0, 0.002),
        }
        for name, slope in slopes.items()
        for epoch in range(1, EPOCHS + 1)
    ]  # fmt: skip
    asked = dataclasses.replace(run.experiment, max_epochs=EPOCHS)
    return dataclasses.replace(run, experiment=asked, epochs=pd.DataFrame(rows))


def test_a_slope_is_found_with_its_uncertainty():
    found = rising(with_curves(example(lines=0.9, patches=0.8), lines=0.0, patches=0.01))
    assert found.low["lines"] < 0 < found.high["lines"]
    assert found.low["patches"] < 0.01 < found.high["patches"] and found.low["patches"] > 0.008
    assert found.rise["patches"] == pytest.approx(0.1, abs=0.01)


def test_one_odd_epoch_turns_nothing():
    run = with_curves(example(lines=0.9), lines=0.0)
    epochs = run.epochs.copy()
    epochs.loc[epochs.epoch == EPOCHS, "val_accuracy"] = 0.0
    odd = rising(dataclasses.replace(run, epochs=epochs))
    assert abs(odd.slope["lines"]) < 0.001


def test_curves_that_were_stopped_early_do_not_count():
    run = with_curves(example(lines=0.9), lines=0.01)
    stopped = dataclasses.replace(run, epochs=run.epochs[run.epochs.epoch < EPOCHS])
    assert rising(stopped).slope.isna().all()


@pytest.mark.parametrize(("slope", "turns"), [(0.0, ()), (0.005, ()), (0.03, ("patches",))])
def test_who_would_overtake_the_best_is_named(slope, turns):
    """A gap of 10 points: a third more training adds ten times the slope."""
    run = with_curves(example(lines=0.9, patches=0.8), lines=0.0, patches=slope)
    assert decide(run).why.still_rising == turns
    # What the best would gain meanwhile counts, too.
    both = with_curves(example(lines=0.9, patches=0.8), lines=slope, patches=slope)
    assert decide(both).why.still_rising == ()
