"""Where a strategy was searched several times, the searches are the evidence, not the seeds."""

import numpy as np
import pytest

from analysis.statistics import comparisons, intervals, samples
from search.metric import ACCURACY
from tests.support.synthetic_runs import finals

IMAGES, SEEDS = 400, 3


def searched(generator, levels, searches, of_search, of_seed=0.005):
    """Finals of strategies whose every search finds another level, and every seed one near it."""
    labels = np.zeros(IMAGES, dtype=np.int64)
    found = []
    for level in levels:
        mine = level + of_search * generator.normal(size=searches)
        accuracy = np.repeat(mine, SEEDS) + of_seed * generator.normal(size=searches * SEEDS)
        found.append((generator.random((len(accuracy), IMAGES)) > accuracy[:, None]).astype(int))
    names = [f"s{place}" for place in range(len(levels))]
    frame = finals(names, labels, found)
    return names, labels, frame.assign(iteration=frame.seed // SEEDS)


def test_a_replicate_is_a_search():
    names, labels, frame = searched(np.random.default_rng(0), [0.8, 0.7], 4, 0.02)
    found = samples.samples(frame, labels, names, ACCURACY)["s0"]
    assert found.scores.shape == (4, IMAGES) and found.iterations == (0, 1, 2, 3)
    summary = comparisons.by_strategy(frame, labels, names, ACCURACY, 500)
    assert summary.replicates.to_list() == [4, 4] and summary.seeds.to_list() == [12, 12]
    means = frame[frame.strategy == "s0"].groupby("iteration").test_accuracy.mean()
    assert summary["mean"]["s0"] == pytest.approx(means.mean())
    assert summary["std"]["s0"] == pytest.approx(means.std())


def test_more_seeds_of_the_same_searches_prove_nothing_more():
    """Three searches of three seeds: the p is that of three differences, paired by search."""
    names, labels, frame = searched(np.random.default_rng(1), [0.85, 0.75], 3, 0.03)
    pair = comparisons.pairwise(frame, labels, names, ACCURACY).iloc[0]
    one, other = (
        samples.samples(frame, labels, names, ACCURACY)[name]
        for name in (pair.strategy, pair.other)
    )
    gaps = (one.scores - other.scores).mean(axis=1)
    assert pair.difference == pytest.approx(gaps.mean())
    error, _ = intervals.variance_of_mean(gaps)
    # A t of two degrees of freedom for what varies between searches; the images come on top.
    assert pair.high - pair.difference > 4.30 * np.sqrt(error)
    seeds = intervals.difference(
        *(samples.correctness(frame, labels, names, ACCURACY)[name] for name in names)
    )
    assert pair.high - pair.low > seeds.high - seeds.low


@pytest.mark.parametrize("searches", [3, 5])
def test_a_strategy_against_its_copy_is_told_apart_in_five_of_a_hundred(searches):
    """By its seeds alone it was told apart in more than half."""
    generator = np.random.default_rng(2)
    told, by_seeds = 0, 0
    for _ in range(400):
        names, labels, frame = searched(generator, [0.8, 0.8], searches, 0.03)
        told += bool(comparisons.pairwise(frame, labels, names, ACCURACY).significant.iloc[0])
        first = frame[frame.iteration == 0]
        by_seeds += bool(comparisons.pairwise(first, labels, names, ACCURACY).significant.iloc[0])
    assert told <= 0.08 * 400  # 5 %, and three standard deviations
    assert by_seeds > 2 * told


def test_searches_that_only_one_has_are_no_pair():
    names, labels, frame = searched(np.random.default_rng(3), [0.85, 0.75], 3, 0.03)
    failed = (frame.strategy == "s1") & (frame.iteration == 1)
    frame.loc[failed, ["status", "test_accuracy"]] = ["failed", np.nan]
    found = samples.samples(frame, labels, names, ACCURACY)
    assert found["s1"].iterations == (0, 2)
    pair = comparisons.pairwise(frame, labels, names, ACCURACY).iloc[0]
    common = found["s0"].scores[[0, 2]].mean() - found["s1"].scores.mean()
    assert (pair.low + pair.high) / 2 == pytest.approx(common)


def test_what_varies_is_taken_apart():
    generator = np.random.default_rng(4)
    found = [
        samples.components(
            *(lambda frame, labels: (
                samples.correctness(frame, labels, ["s0"], ACCURACY)["s0"],
                frame.iteration.to_numpy(),
            ))(*searched(generator, [0.8], 20, 0.05, 0.02)[:0:-1])
        )
        for _ in range(20)
    ]  # fmt: skip
    search, seed, images = np.mean(found, axis=0)
    assert search == pytest.approx(0.05, abs=0.01)
    # Of 400 images each training sees its own chance, too: that counts with the seed.
    assert seed == pytest.approx(np.hypot(0.02, np.sqrt(0.8 * 0.2 / IMAGES)), abs=0.004)
    assert 0 < images < 0.02
