"""Hyperband's arithmetic: by hand, and against KerasTuner's own."""

import itertools
import math

import pytest
from keras_tuner.oracles import HyperbandOracle

from search.hyperband import brackets
from search.hyperband.brackets import Rung

# (max_epochs, factor) -> bracket -> [(configurations, first epoch, last epoch), ...], by hand.
# With 27 epochs and factor 3: at the end of every bracket stand (1 + log3 27) / (bracket + 1)
# configurations, and each rung before holds three times as many for a third of the epochs.
BY_HAND = {
    (1, 3): {0: [(1, 0, 1)]},
    (3, 3): {1: [(3, 0, 1), (1, 1, 3)], 0: [(2, 0, 3)]},
    (9, 3): {
        2: [(9, 0, 1), (3, 1, 3), (1, 3, 9)],
        1: [(5, 0, 3), (2, 3, 9)],
        0: [(3, 0, 9)],
    },
    (10, 3): {  # 10 is no power of 3: epochs and sizes are rounded up
        2: [(12, 0, 2), (4, 2, 4), (2, 4, 10)],
        1: [(6, 0, 4), (2, 4, 10)],
        0: [(4, 0, 10)],
    },
    (27, 3): {
        3: [(27, 0, 1), (9, 1, 3), (3, 3, 9), (1, 9, 27)],
        2: [(12, 0, 3), (4, 3, 9), (2, 9, 27)],
        1: [(6, 0, 9), (2, 9, 27)],
        0: [(4, 0, 27)],
    },
    (81, 3): {
        4: [(81, 0, 1), (27, 1, 3), (9, 3, 9), (3, 9, 27), (1, 27, 81)],
        3: [(34, 0, 3), (12, 3, 9), (4, 9, 27), (2, 27, 81)],
        2: [(15, 0, 9), (5, 9, 27), (2, 27, 81)],
        1: [(8, 0, 27), (3, 27, 81)],
        0: [(5, 0, 81)],
    },
    (16, 2): {
        4: [(16, 0, 1), (8, 1, 2), (4, 2, 4), (2, 4, 8), (1, 8, 16)],
        3: [(10, 0, 2), (5, 2, 4), (3, 4, 8), (2, 8, 16)],
        2: [(7, 0, 4), (4, 4, 8), (2, 8, 16)],
        1: [(5, 0, 8), (3, 8, 16)],
        0: [(5, 0, 16)],
    },
    (4, 5): {0: [(2, 0, 4)]},  # less than one factor: one bracket, no promotion
}
ALL = [(epochs, factor) for epochs in range(1, 101) for factor in range(2, 6)]


@pytest.mark.parametrize("arguments", BY_HAND)
def test_plan_by_hand(arguments):
    expected = {
        bracket: tuple(Rung(*numbers) for numbers in rungs)
        for bracket, rungs in BY_HAND[arguments].items()
    }
    plan = brackets.plan(*arguments)
    assert plan == expected
    assert list(plan) == list(expected)  # and in this order, the longest first


@pytest.mark.parametrize("factor", range(2, 6))
def test_plan_equals_kerastuner(factor):
    for max_epochs in range(1, 101):
        theirs = HyperbandOracle("val_accuracy", max_epochs=max_epochs, factor=factor)
        plan = brackets.plan(max_epochs, factor)
        assert list(plan) == list(reversed(range(theirs._get_num_brackets())))
        for bracket, rungs in plan.items():
            assert len(rungs) == theirs._get_num_rounds(bracket)
            for number, rung in enumerate(rungs):
                assert rung.size == theirs._get_size(bracket, number)
                assert rung.last_epoch == theirs._get_epochs(bracket, number)


def test_sizes_hold_in_exact_arithmetic():
    """The logarithm in floating point is right wherever the two are compared above."""
    for max_epochs, factor in ALL:
        exact = 0
        while factor**exact < max_epochs:
            exact += 1
        assert math.ceil(1 + math.log(max_epochs, factor)) == 1 + exact


def test_every_rung_trains_on_from_the_one_before():
    for max_epochs, factor in ALL:
        for rungs in brackets.plan(max_epochs, factor).values():
            assert rungs[0].first_epoch == 0
            assert rungs[-1].last_epoch == max_epochs
            assert all(rung.first_epoch < rung.last_epoch for rung in rungs)
            for below, above in itertools.pairwise(rungs):
                assert above.first_epoch == below.last_epoch
                assert 1 <= above.size <= below.size


@pytest.mark.parametrize("configurations", [1, 2, 9, 12, 100])
def test_one_bracket_is_the_longest_with_as_many_configurations_as_are_asked_for(configurations):
    for max_epochs, factor in ALL[::7]:
        every = brackets.plan(max_epochs, factor)
        ((bracket, rungs),) = brackets.plan(
            max_epochs, factor, configurations=configurations
        ).items()
        assert bracket == max(every) and rungs[0].size == configurations
        for rung, longest in zip(rungs, every[bracket], strict=True):
            assert (rung.first_epoch, rung.last_epoch) == (longest.first_epoch, longest.last_epoch)
        for below, above in itertools.pairwise(rungs):
            assert 1 <= above.size <= -(-below.size // factor)
    with pytest.raises(ValueError, match="configurations at least 1"):
        brackets.plan(9, 3, configurations=0)


@pytest.mark.parametrize(("max_epochs", "factor"), [(0, 3), (-9, 3), (9, 1), (9, 0), (9, -2)])
def test_nonsense_is_refused(max_epochs, factor):
    with pytest.raises(ValueError, match="at least"):
        brackets.plan(max_epochs, factor)
