"""Drawing from recorded searches."""

import dataclasses

import numpy as np
import pytest

from analysis import load_run
from benchmarks.pools import (
    PLAN,
    Pool,
    Record,
    covered,
    load,
    plans,
    save,
    table,
    together,
    told_apart,
)

SEARCHES, IMAGES = 40, 400


def pool(mean, spread, seed):
    """Searches whose finalists vary so much, and validate as they test."""
    generator = np.random.default_rng(seed)
    accuracy = generator.normal(mean, spread, SEARCHES)
    difficulty = np.random.default_rng(0).random(IMAGES)
    test = (difficulty < accuracy[:, None]).astype(float)
    return Pool(test, accuracy, np.full(SEARCHES, 60.0))


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


def record(seed, **pools):
    plan = {part: 3 if part == "final_seeds" else part for part in PLAN}
    return Record(plan, (seed,), np.arange(IMAGES) % 10, pools)


def test_a_record_is_read_as_it_was_written(tmp_path):
    thirds = pool(0.8, 0.02, 1)
    thirds = thirds._replace(test=(thirds.test + 2 * pool(0.7, 0.02, 2).test) / 3)
    written = record(4, lines=thirds, patches=pool(0.7, 0.02, 3))
    save(written, tmp_path / "pool.npz")
    read = load(tmp_path / "pool.npz")
    assert (read.plan, read.seeds, [*read.pools]) == (written.plan, (4,), ["lines", "patches"])
    for name, mine in read.pools.items():
        for found, expected in zip(mine, written.pools[name], strict=True):
            np.testing.assert_array_equal(found, expected)


def test_searches_of_one_plan_are_one_pool_and_those_of_another_are_not():
    one, more = record(0, lines=pool(0.8, 0.02, 1)), record(1, lines=pool(0.8, 0.02, 2))
    longer = dataclasses.replace(one, plan=one.plan | {"max_epochs": 81})
    both, alone = together([one, longer, more])
    assert both.seeds == (0, 1) and len(both.pools["lines"].test) == 2 * SEARCHES
    np.testing.assert_array_equal(both.pools["lines"].test[SEARCHES:], more.pools["lines"].test)
    assert alone is longer
    assert plans([both, alone]).count("| `lines` |") == 2
    with pytest.raises(SystemExit, match="twice"):
        together([one, one])


def test_what_is_recorded_of_a_run_is_what_it_found(finished_run):
    found = load(finished_run.path)
    finals = load_run(finished_run.path).finals
    assert len(found.pools) == finals.strategy.nunique()
    for name, mine in found.pools.items():
        accuracy = finals[finals.strategy == name].groupby("iteration").test_score.mean()
        np.testing.assert_allclose(mine.test.mean(axis=1), accuracy.to_numpy())
        assert (mine.seconds > 0).all() and len(mine.validation) == len(accuracy)
