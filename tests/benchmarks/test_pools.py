"""Drawing from recorded searches."""

import numpy as np
import pytest

from benchmarks.pools import Pool, covered, table, told_apart

SEARCHES, IMAGES = 40, 400


def pool(mean, spread, seed):
    """Searches whose finalists vary so much, and validate as they test."""
    generator = np.random.default_rng(seed)
    accuracy = generator.normal(mean, spread, SEARCHES)
    difficulty = np.random.default_rng(0).random(IMAGES)
    return Pool((difficulty < accuracy[:, None]).astype(float), accuracy)


@pytest.mark.parametrize("most", [3, 9])
def test_a_copy_is_seldom_told_apart_and_another_strategy_is(most):
    one, other = pool(0.8, 0.02, 1), pool(0.6, 0.02, 2)
    generator = np.random.default_rng(3)
    assert sum(told_apart(one, None, most, generator) for _ in range(200)) <= 0.08 * 200
    assert sum(told_apart(one, other, most, generator) for _ in range(50)) >= 45


def test_the_interval_holds_the_pools_mean_in_95_of_100_draws():
    generator = np.random.default_rng(4)
    mine = pool(0.8, 0.03, 1)
    assert 0.91 <= np.mean([covered(mine, 3, generator) for _ in range(400)]) <= 0.98


def test_the_table_has_a_row_a_strategy():
    lines = table({"lines": pool(0.8, 0.02, 1), "patches": pool(0.7, 0.1, 2)}, draws=3)
    assert [line.split("`")[1] for line in lines.splitlines()[2:]] == ["lines", "patches"]
