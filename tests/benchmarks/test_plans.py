"""What searches by other plans come to, on invented curves."""

import numpy as np
import pytest

from benchmarks.curves import Curves
from benchmarks.plans import compared, measure, search
from benchmarks.simulated import World
from search.hyperband import brackets

EPOCHS = 27


def curves(best, count=30, noise=0.0):
    """Configurations that rise to 0.5 up to `best`, and rank alike at every epoch but for noise."""
    generator = np.random.default_rng(0)
    ends = np.linspace(0.5, best, count)[:, None]
    rising = ends * np.linspace(0.5, 1, EPOCHS)
    accuracy = rising + noise * generator.normal(size=rising.shape)
    ones = np.ones(count)
    return Curves([{}] * count, accuracy, -accuracy, 2 * ones, 0.5 * ones, ones)


def world(**strategies):
    return World(strategies, {}, None)


@pytest.mark.parametrize("size", [1, 9, 30])
def test_without_noise_a_bracket_finds_the_best_of_those_it_has_drawn(size):
    one = curves(0.9)
    plan = brackets.plan(EPOCHS, 3, 1, size)
    for seed in range(20):
        place, seconds = search(one, plan, np.random.default_rng(seed))
        assert place == np.random.default_rng(seed).choice(30, size, replace=False).max()
        trials = brackets.bracket_trials(plan[3])
        assert seconds == pytest.approx(2 * trials + 0.5 * brackets.bracket_epochs(plan[3]))


def test_a_search_of_all_there_is_misses_nothing_and_never_differs():
    worlds = world(lines=curves(0.9), patches=curves(0.7))
    behind, spread, seconds, right = measure(worlds, brackets.plan(EPOCHS, 3, 1, 30), draws=20)
    assert behind == pytest.approx(0, abs=1e-9) and spread == pytest.approx(0, abs=1e-9)
    assert right == 1.0 and seconds > 2 * (2 + 0.5 * EPOCHS)


def test_fewer_configurations_are_cheaper_and_miss_more():
    worlds = world(lines=curves(0.9, noise=0.02), patches=curves(0.89, noise=0.02))
    few, many = (measure(worlds, brackets.plan(EPOCHS, 3, 1, n), 200) for n in (3, 27))
    assert few[0] > many[0] and few[1] > many[1] and few[2] < many[2]
    far = world(lines=curves(0.9), patches=curves(0.51))  # whose best is no right one
    assert measure(far, brackets.plan(EPOCHS, 3, 1, 27), 50)[3] == 1.0


def test_every_plan_that_is_compared_fits_the_curves():
    one = curves(0.9)
    for plan in compared(EPOCHS).values():
        search(one, plan, np.random.default_rng(0))
