"""Searches replayed on invented curves, in simulated time."""

import numpy as np
import pytest

from benchmarks.curves import Curves, load, save
from benchmarks.replay import scanline, searched, stays_below
from benchmarks.simulated import Seen, Start, World, arm_errors, regrets, run, world
from spaces import SequenceHyperModel

NAMES = ("lines", "cnn_control")
EPOCHS = 9


def invented(name, level, count=6):
    """Configurations drawn from a strategy's space, the later the better."""
    space = SequenceHyperModel((8, 8, 1), 10, [name], decay_steps=1).space().space
    values = [{each.name: each.random_sample(seed) for each in space} for seed in range(count)]
    ends = level + 0.01 * np.arange(count)
    curve = 1 - 0.5 ** np.arange(1, EPOCHS + 1)
    accuracy = (ends[:, None] * curve).astype("float32")
    return Curves(
        values, accuracy, 1 - accuracy, np.full(count, 2.0, "float32"),
        np.full(count, 0.5, "float32"), np.full(count, 1000),
    )  # fmt: skip


@pytest.fixture(scope="module")
def small() -> World:
    return world(
        {name: invented(name, 0.5 + 0.1 * n) for n, name in enumerate(NAMES)}, (8, 8, 1), 10
    )


def test_a_record_is_read_as_it_was_written(small, tmp_path):
    save(small.curves, tmp_path / "curves.npz")
    again = load(tmp_path / "curves.npz")
    assert list(again) == [*NAMES]
    for name in NAMES:
        for part, other in zip(again[name], small.curves[name], strict=True):
            assert np.array_equal(part, other)


def test_a_configuration_is_its_own_nearest(small):
    for name in NAMES:
        values = small.curves[name].values
        assert [small.nearest(name, each) for each in values] == list(range(len(values)))


class Listed:
    """Trains what it was given, and stops one after two epochs."""

    def __init__(self, starts, stopped=()):
        self.starts, self.stopped, self.ended = [*starts], stopped, []

    def ask(self):
        return (start, start) if self.starts and (start := self.starts.pop(0)) else None

    def epoch(self, name, epoch, accuracy, loss):
        return not (name in self.stopped and epoch == 2)

    def end(self, name):
        self.ended.append(name)


def test_a_trial_costs_its_set_up_and_its_epochs(small):
    one, other = Start("lines", 0, 0, 9), Start("lines", 1, 3, 9)
    searcher = Listed([one, other], stopped=[one])
    seen = run(small, searcher, seconds=100.0)
    assert [each.seconds for each in seen] == [
        2.5,
        3.0,
        *(3.0 + 2.0 + 0.5 * n for n in range(1, 7)),
    ]
    assert [each.epoch for each in seen] == [1, 2, *range(4, 10)]
    assert searcher.ended == [one, other]
    beside = run(small, Listed([one, other]), seconds=100.0, workers=2)
    assert max(each.seconds for each in beside) == 2.0 + 9 * 0.5
    assert run(small, Listed([one]), seconds=3.2)[-1].seconds == 3.0


def test_regret_is_that_of_the_best_by_its_latest_epoch(small):
    best, worse = len(small.curves["lines"].values) - 1, 0
    seen = [
        Seen(1.0, "cnn_control", best, 9, 0.9),
        Seen(2.0, "lines", worse, 3, 0.95),
        Seen(3.0, "lines", worse, 9, 0.1),
    ]
    truth = {name: small.truth(name) for name in NAMES}
    found = regrets(small, seen, [0.5, 1.5, 2.5, 3.5])
    best_there_is = truth["cnn_control"].max()
    assert found[1] == found[3] == 0
    assert found[2] == pytest.approx(best_there_is - truth["lines"][worse])
    errors = arm_errors(small, seen, [0.5, 1.5, 3.5])
    spreads = {name: each.max() - each.min() for name, each in truth.items()}
    assert errors[0] == pytest.approx(sum(spreads.values()) / 2)
    assert errors[1] == pytest.approx(spreads["lines"] / 2)
    assert errors[2] == pytest.approx((truth["lines"].max() - truth["lines"][worse]) / 2)


HYPERBAND = {"min_epochs": 3, "configurations": None}


def test_our_search_runs_its_whole_plan_in_simulated_time(small):
    seen, oracle = searched(small, 0, float("inf"), iterations=2, **HYPERBAND)
    assert len(seen) == len(oracle.table) == 2 * 2 * (3 + 1 + 2)
    assert all(oracle.whole().values())
    part = scanline(small, 0, 20.0, iterations=2, **HYPERBAND)
    assert part == seen[: len(part)] and part[-2].seconds < 20.0


def test_from_when_on_it_stays_below():
    times = np.arange(4.0)
    assert stays_below(np.array([0.1, 0.1, 0.1, 0.1]), times, 0.5) == 0
    assert stays_below(np.array([0.9, 0.1, 0.1, 0.6]), times, 0.5) == float("inf")
