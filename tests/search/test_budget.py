"""Which plan fits into a budget: by invented costs, no training."""

import dataclasses

import pytest

from search.budget import MARGIN, Data, Measured, fitting, given_up, images_of, seconds_of
from search.experiment import Experiment, ExperimentError

NAMES = ("lines", "cnn_lines", "conv_sweeps")
FREE = frozenset(
    {"batch_size", "steps_per_epoch", "max_epochs", "min_epochs", "final_epochs", "train_limit"}
    | {"iterations", "most_iterations", "final_seeds", "max_multiply_adds", "configurations"}
)
DIGITS = Data(1150, 288, tested=359, pixels=64, classes=10, own_validation=False)
CIFAR = Data(45_000, 5000, tested=10_000, pixels=1024, classes=10, own_validation=False)


def measured(pace=1.0, workers=2):
    """Strategies of which each costs more than the one before."""
    sizes = [10**5, 10**6, 10**7]
    return Measured(
        setup=dict.fromkeys(NAMES, 1.0 * pace),
        unit=dict.fromkeys(NAMES, 1e-10 * pace),
        multiply_adds={
            name: [size, 4 * size, 9 * size] for name, size in zip(NAMES, sizes, strict=True)
        },
        workers=workers,
        afterwards=lambda learnt: 10.0,
    )


def asked(**fields):
    return Experiment("digits", NAMES, budget=5, **fields)


@pytest.mark.parametrize("data", [DIGITS, CIFAR])
@pytest.mark.parametrize("minutes", [3, 5, 10, 30, 60, 600])
def test_what_is_chosen_is_expected_to_fit(data, minutes):
    plan, took = fitting(asked(), FREE, data, measured(), 60 * minutes)
    assert took == seconds_of(plan, data, measured()) <= MARGIN * 60 * minutes


@pytest.mark.parametrize("data", [DIGITS, CIFAR])
def test_more_time_never_gives_up_more(data):
    found = [
        given_up(fitting(asked(), FREE, data, measured(), 60 * minutes)[0], data)
        for minutes in (3, 5, 10, 20, 40, 80, 160, 10_000)
    ]
    assert found == sorted(found, reverse=True)
    assert found[0] > found[-1] == 0


def test_a_slower_machine_is_given_a_smaller_plan():
    fast, slow = (fitting(asked(), FREE, CIFAR, measured(pace), 1800)[0] for pace in (1, 4))
    assert given_up(slow, CIFAR) > given_up(fast, CIFAR)
    more = fitting(asked(), FREE, CIFAR, measured(4, workers=8), 1800)[0]
    assert given_up(more, CIFAR) <= given_up(fast, CIFAR)


def test_what_was_given_stays():
    given = asked(max_epochs=4, min_epochs=2, iterations=2, most_iterations=2, final_seeds=2)
    free = FREE - {"max_epochs", "min_epochs", "iterations", "most_iterations", "final_seeds"}
    for minutes in (5, 60):
        plan, _ = fitting(given, free, DIGITS, measured(), 60 * minutes)
        names = ("max_epochs", "min_epochs", "iterations", "most_iterations", "final_seeds")
        assert [getattr(plan, name) for name in names] == [4, 2, 2, 2, 2]
    whole, _ = fitting(asked(), FREE - {"train_limit"}, CIFAR, measured(), 1800)
    assert whole.train_limit is None


def test_verdicts_need_three_searches_and_are_given_up_last():
    """Finals become short and images fewer before a strategy is searched only once."""
    plan, _ = fitting(asked(), FREE, CIFAR, measured(), 300)
    assert plan.iterations == 3


def test_what_cannot_be_done_is_refused_with_what_can():
    with pytest.raises(ExperimentError, match=r"--budget 5 is too short: .* takes some .* minutes"):
        fitting(asked(), FREE, CIFAR, measured(pace=100), 60)


def test_a_part_of_the_images_is_split_as_it_will_be():
    assert images_of(asked(), CIFAR) == (45_000, 5000)
    assert images_of(asked(train_limit=10_000), CIFAR) == (8000, 2000)
    own = dataclasses.replace(CIFAR, own_validation=True)
    assert images_of(asked(train_limit=10_000), own) == (9000, 1000)
