"""How fast each strategy is trained, measured before the first trial."""

import dataclasses

import numpy as np
import pytest

from search import calibration
from search.calibration import (
    by_half_of_it,
    calibrate,
    first_trial,
    larger_plan_by_budget,
    outlook,
    typical_efforts,
)
from search.data.datasets import Dataset, Images
from search.experiment import Experiment
from search.forecast import Outlook, effort
from search.hyperband.promotion import TrialKey
from search.tuner import make_oracle
from search.workers.in_process import InProcess
from tests.support.invented import InventedWorkers

NAMES = ("lines", "cnn_control", "patches")


def data(count=60):
    generator = np.random.default_rng(0)
    y = (np.arange(count) % 3).astype("int32")
    images = Images(generator.integers(0, 256, (count, 6, 6, 1)).astype("uint8"), y)
    names = ("a", "b", "c")
    return Dataset("noise", images, images, names, False, False, count, lambda: images)


def asked(**fields):
    fields = {"max_epochs": 3, "iterations": 5, "final_seeds": 1, "batch_size": 16, **fields}
    return Experiment("noise", NAMES, **fields)


class Keeping(InventedWorkers):
    """Keeps what it was given."""

    def open(self, images):
        self.images = images


def test_each_strategy_s_first_configuration_is_trained_for_an_epoch(monkeypatch):
    """On some of the images, and what it takes is told for all that an epoch has."""
    monkeypatch.setattr(calibration, "IMAGES", 20)
    experiment, dataset, workers = asked(), data(), Keeping(capacity=2)
    oracle = make_oracle(experiment, dataset)
    rows = calibrate(experiment, dataset, oracle, workers)
    assert len(workers.images["train"].y) == 20 and len(workers.images["validation"].y) == 5
    assert {row.strategy for row in rows} == {*NAMES}
    for row in rows:
        assert row.trial_id == first_trial(oracle, dataset, row.strategy).trial_id
        assert row.values == oracle.values(TrialKey.parse(row.trial_id))
        assert row.epochs == 1
        assert row.train_seconds == pytest.approx(0.1 * 4 / 2)  # steps of 60 and of 20 images
    assert [spec.last_epoch for spec in workers.started] == [1] * len(NAMES)
    assert oracle.table == {}


def test_a_strategy_that_fails_or_has_no_time_is_left_out(monkeypatch):
    experiment, dataset = asked(), data()
    oracle = make_oracle(experiment, dataset)
    assert calibrate(experiment, dataset, oracle, InventedWorkers(failures=1.0)) == ()
    monkeypatch.setattr(calibration, "SECONDS", 0)
    assert calibrate(experiment, dataset, oracle, InventedWorkers()) == ()


def test_what_real_workers_tell_is_measured():
    experiment, dataset = asked(), data()
    oracle = make_oracle(experiment, dataset)
    with InProcess() as workers:
        ahead = outlook(experiment, dataset, oracle, workers, begun=False)
    assert {row.strategy for row in ahead.calibrated} == {*NAMES}
    assert all(row.train_seconds > 0 and row.setup_seconds > 0.01 for row in ahead.calibrated)
    assert all(row.multiply_adds for row in ahead.calibrated)
    assert ahead.workers == 1 and ahead.longer > 1 and ahead.afterwards > 0


@pytest.mark.parametrize("why", ["begun", "short"])
def test_where_trials_tell_as_soon_nothing_is_trained_for_it(why):
    experiment, dataset, workers = asked(), data(), Keeping()
    if why == "short":
        experiment = dataclasses.replace(experiment, iterations=1)
    oracle = make_oracle(experiment, dataset)
    ahead = outlook(experiment, dataset, oracle, workers, begun=why == "begun")
    assert ahead.calibrated == () and not workers.started
    assert set(ahead.typical) == {*NAMES}


def told(seconds=600.0, epoch=0.5, automatic=("final_epochs", "max_epochs", "min_epochs")):
    """What is said of half of ten minutes, where an epoch of each strategy takes half a second."""
    experiment, dataset = asked(max_epochs=9, iterations=3, most_iterations=3), data()
    oracle = make_oracle(experiment, dataset)
    measured = {"status": "completed", "setup_seconds": 0.5, "train_seconds": epoch}
    rows = [first_trial(oracle, dataset, name) for name in NAMES]
    rows = [dataclasses.replace(row, **measured, multiply_adds=100_000) for row in rows]
    ahead = Outlook(typical_efforts(oracle, dataset, 16), tuple(rows), workers=2)
    return by_half_of_it(experiment, automatic, dataset, oracle, ahead, seconds)


def test_what_half_the_time_would_give_up_is_said():
    line = told()
    assert line.startswith("half of that, --budget 5, would be: "), line
    assert "epochs instead of " in line and "seeds" not in line and "searches" not in line
    assert told(seconds=200.0) is None  # who would want it shorter
    assert told(epoch=1000.0) == "half of that is too short for 3 strategies"
    everything = ("iterations", "most_iterations", "final_epochs", "max_epochs", "min_epochs")
    assert "searches of a strategy instead of 3" in told(epoch=2.0, automatic=everything)


@pytest.mark.parametrize(("minutes", "searches"), [(0.1, 2), (2, 2), (30, 6), (600, 10)])
def test_a_larger_budget_adds_searches_and_takes_none(minutes, searches):
    """The run's trials tell what they take: here of five seconds a set-up and an epoch each."""
    dataset = data()
    asked_for = asked(iterations=2, most_iterations=2, budget=minutes)
    oracle = make_oracle(asked_for, dataset)
    took = {"status": "completed", "setup_seconds": 5.0, "train_seconds": 5.0}
    rows = [first_trial(oracle, dataset, name) for name in NAMES]
    rows = [dataclasses.replace(row, **took, multiply_adds=100_000) for row in rows]
    free = ("iterations", "most_iterations", "final_seeds", "max_epochs", "final_epochs")
    plan = larger_plan_by_budget(asked_for, free, dataset, rows, workers=2)
    assert plan.most_iterations == searches and plan.final_seeds >= asked_for.final_seeds
    chosen = {name: getattr(plan, name) for name in free[:3]}
    assert plan == dataclasses.replace(asked_for, **chosen)
    assert larger_plan_by_budget(asked_for, free, dataset, [], workers=2) == asked_for


def test_nothing_is_said_of_it_where_nothing_was_measured():
    experiment, dataset = asked(), data()
    oracle = make_oracle(experiment, dataset)
    assert by_half_of_it(experiment, (), dataset, oracle, Outlook({}), 600.0) is None


def test_the_typical_effort_is_the_mean_over_the_first_search():
    dataset = data()
    one, several = (make_oracle(asked(iterations=n), dataset) for n in (1, 5))
    found = typical_efforts(several, dataset, 16)
    assert found == typical_efforts(one, dataset, 16)
    assert all(each > effort(0, 16) for each in found.values())
