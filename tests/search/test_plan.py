"""How long trainings are, where the data say so."""

import dataclasses
import math

import pytest

from search.epochs import MOST, STEPS
from search.experiment import Experiment, ExperimentError
from search.hyperband import brackets
from search.plan import epochs_in_words, planned

AUTO = ("max_epochs", "min_epochs")


@pytest.mark.parametrize("images", [1, 64, 1150, 3200, 8000, 40_000, 10**6])
def test_a_full_training_has_some_1500_steps_between_9_and_81_epochs(images):
    chosen = planned(Experiment("digits", ("lines",)), AUTO, images)
    steps = chosen.max_epochs * math.ceil(images / chosen.batch_size)
    assert 9 <= chosen.max_epochs <= 81
    assert steps >= STEPS or chosen.max_epochs == 81
    assert steps < 2 * STEPS or chosen.max_epochs == 9 or steps < STEPS + 9 * steps / 9
    assert chosen.min_epochs * 9 == chosen.max_epochs <= 9 * MOST
    plan = brackets.plan(chosen.max_epochs, chosen.factor, chosen.min_epochs)
    assert [rungs[0].size for rungs in plan.values()] == [9, 5, 3]
    assert plan[2][0].last_epoch == chosen.min_epochs


def test_what_is_given_stays():
    given = Experiment("digits", ("lines",), max_epochs=20, min_epochs=4)
    assert planned(given, (), 1150) == given
    assert planned(given, ("min_epochs",), 1150).min_epochs == 2
    assert planned(given, ("max_epochs",), 1150).max_epochs == 81
    short = Experiment("digits", ("lines",), max_epochs=3)
    assert planned(short, ("min_epochs",), 1150).min_epochs == 1


def test_a_shortest_training_longer_than_the_longest_is_refused():
    with pytest.raises(ExperimentError, match="--min-epochs 9 is more than --max-epochs 3"):
        planned(Experiment("digits", ("lines",), max_epochs=3, min_epochs=9), (), 1150)


@pytest.mark.parametrize(("first", "most"), [(1, 1), (3, 9), (5, 15)])
def test_three_times_as_many_searches_at_most_unless_it_is_given(first, most):
    asked = Experiment("digits", ("lines",), iterations=first)
    assert planned(asked, ("most_iterations",), 1150).most_iterations == most
    given = dataclasses.replace(asked, most_iterations=first)
    assert planned(given, (), 1150) == given


@pytest.mark.parametrize(("most", "why"), [(2, "less than --iterations 3"), (31, "more than 10")])
def test_too_few_or_too_many_looks_are_refused(most, why):
    asked = Experiment("digits", ("lines",), iterations=3, most_iterations=most)
    with pytest.raises(ExperimentError, match=f"--most-iterations {most} is {why}"):
        planned(asked, (), 1150)


def test_it_is_said():
    said = epochs_in_words(Experiment("digits", ("lines",)), 60)
    assert said == (
        "60 images to train on, 1 step an epoch: trainings of 1 to 9 epochs; "
        "a full training has 81, so this shows who learns fast, not who is best"
    )
    full = Experiment("digits", ("lines",), max_epochs=81, min_epochs=9)
    assert epochs_in_words(full, 60).endswith("trainings of 9 to 81 epochs")
