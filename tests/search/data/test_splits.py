"""Draws that are exact, stratified, follow from the seed, and part no image from its copies."""

import numpy as np
import pytest

from search.data.splits import apportion, draw, hold_out, ranked, shuffled


@pytest.mark.parametrize("seed", range(5))
def test_hold_out_keeps_its_promises_for_any_counts(seed):
    rng = np.random.default_rng(seed)
    counts = rng.integers(2, 60, size=rng.integers(2, 40))
    labels = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    for keep in (1, 2):
        kept, held = hold_out(labels, shuffled(len(labels), seed), keep=keep)
        assert sorted([*kept, *held]) == list(range(len(labels)))
        shares = np.bincount(labels[held], minlength=len(counts))
        assert np.all(np.abs(shares - 0.2 * counts) <= 1)
        assert np.all(counts - shares >= keep)
        assert np.all(shares[counts > keep] >= 1)


@pytest.mark.parametrize("seed", range(20))
def test_copies_are_held_out_together_or_not_at_all(seed):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, 200)
    group = rng.integers(0, 60, 200)  # of any classes
    kept, held = hold_out(labels, shuffled(60, seed)[group], keep=1)
    assert not {*group[kept]} & {*group[held]}
    assert sorted([*kept, *held]) == list(range(200)) and len(held) >= 10
    assert np.bincount(labels[kept], minlength=3).min() >= 1


def test_ranks_by_place_do_not_depend_on_who_else_is_there():
    places = np.array([4, 0, 7, 2])
    everyone = ranked(np.arange(10), 3)
    assert np.array_equal(ranked(places, 3), everyone[places])
    assert not np.array_equal(ranked(places, 4), everyone[places])
    assert sorted(shuffled(9, 1)) == list(range(9))


def test_draws_take_each_class_its_share():
    y = np.repeat([0, 1, 2], [9, 3, 6])
    chosen = draw(y, np.array([4, 0, 2]), seed=1)
    assert np.bincount(y[chosen], minlength=3).tolist() == [4, 0, 2]
    assert {*draw(y, np.array([2, 0, 1]), seed=1)} < {*chosen}


def test_apportion_by_hand():
    # 10 of 7:8:15 is 2.33, 2.67, 5: the one that is left goes to the largest remainder.
    assert apportion(np.array([7, 8, 15]), 10).tolist() == [2, 3, 5]
    assert apportion(np.array([3, 3, 3]), 1).tolist() == [1, 0, 0]
    assert apportion(np.array([3, 4]), 7).tolist() == [3, 4]


def test_where_all_of_a_class_are_copies_they_are_parted_rather_than_none_held_out():
    """Three images, each twenty times: nothing could be validated on, were they kept together."""
    y, alike = np.arange(60) % 3, np.arange(60) % 3
    kept, held = hold_out(y, alike, keep=1)
    assert len(held) == 0
    kept, held = hold_out(y, alike, keep=1, part_copies=True)
    assert np.bincount(y[held]).tolist() == [4, 4, 4]
    assert sorted([*kept, *held]) == list(range(60))
    mixed = np.where(np.arange(60) < 30, alike, np.arange(60))  # some are no copies
    for part in (False, True):
        together = hold_out(y, mixed, keep=1, part_copies=part)
        assert len({*mixed[together[0]]} & {*mixed[together[1]]}) == 0


@pytest.mark.parametrize("most", [5, 30, 1000])
def test_no_more_are_held_out_than_may_be(most):
    labels = np.random.default_rng(0).integers(0, 4, 600)
    kept, held = hold_out(labels, shuffled(600, 1), keep=1, most_held=most)
    assert sorted([*kept, *held]) == list(range(600))
    assert len(held) == min(most, 120)
    assert set(labels[held]) == set(range(4))
