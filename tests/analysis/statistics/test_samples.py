"""Where a strategy was searched several times, the searches are the evidence, not the seeds."""

import numpy as np
import pytest

from analysis.statistics import comparisons, samples
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
    assert found.shape == (4, IMAGES)
    summary = comparisons.by_strategy(frame, labels, names, ACCURACY, 500)
    assert summary.replicates.to_list() == [4, 4] and summary.seeds.to_list() == [12, 12]
    means = frame[frame.strategy == "s0"].groupby("iteration").test_score.mean()
    assert summary["mean"]["s0"] == pytest.approx(means.mean())
    assert summary["std"]["s0"] == pytest.approx(means.std())


def test_more_seeds_of_the_same_searches_prove_nothing_more():
    """Three searches of three seeds: what is known is known of three."""
    names, labels, frame = searched(np.random.default_rng(1), [0.85, 0.75], 3, 0.03)
    found = samples.samples(frame, labels, names, ACCURACY)
    seeds = samples.correctness(frame, labels, names, ACCURACY)
    by_search = samples.gain(*(found[name] for name in names), ACCURACY)
    by_seed = samples.gain(*(seeds[name] for name in names), ACCURACY)
    assert by_search.value == pytest.approx(by_seed.value)
    assert by_search.high - by_search.low > by_seed.high - by_seed.low


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


def test_a_search_without_a_result_is_none():
    names, labels, frame = searched(np.random.default_rng(3), [0.85, 0.75], 3, 0.03)
    failed = (frame.strategy == "s1") & (frame.iteration == 1)
    frame.loc[failed, ["status", "test_score"]] = ["failed", np.nan]
    found = samples.samples(frame, labels, names, ACCURACY)
    assert [len(found[name]) for name in names] == [3, 2]
    assert comparisons.pairwise(frame, labels, names, ACCURACY).p.isna().all()


def test_a_difference_ends_at_what_can_be():
    one, other = np.ones((2, 50)), np.zeros((2, 50))
    one[0] = other[1] = 0.5
    found = samples.gain(one, other, ACCURACY)
    assert found.high == 1 and found.low >= -1


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
