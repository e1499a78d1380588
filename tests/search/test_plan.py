"""How long trainings are, where the data say so."""

import dataclasses

import pytest

from search.epochs import MORE, PIXELS, affordable, costly, dearest, full_training
from search.experiment import Experiment, ExperimentError
from search.plan import brackets_of, epochs_in_words, extended, planned

AUTO = ("batch_size", "max_epochs", "min_epochs", "final_epochs", "max_multiply_adds")
SEARCHES = ("configurations", "iterations", "most_iterations", "final_seeds")


@pytest.mark.parametrize("images", [1, 64, 1150, 3200, 8000, 40_000, 10**6])
@pytest.mark.parametrize("pixels", [64, 784, 1024, 28 * 84, 224 * 224])
def test_the_plan_follows_from_how_many_images_there_are_and_how_large_they_are(images, pixels):
    chosen = planned(Experiment("digits", ("lines",)), (*AUTO, *SEARCHES), images, pixels)
    full = full_training(images, chosen.batch_size)
    cut = full > affordable(images, pixels)
    last = chosen.epochs_of_finals
    assert last == min(full, (MORE if cut else 1) * affordable(images, pixels))
    assert chosen.max_epochs * images * pixels <= PIXELS or chosen.max_epochs in (3, 9)
    (rungs,) = brackets_of(chosen).values()
    sizes = [rung.size for rung in rungs]
    if cut:
        assert sizes == [9, 3] and chosen.max_epochs == 3 * chosen.min_epochs
    else:
        assert sizes[:3] == [27, 9, 3] and chosen.min_epochs == max(1, chosen.max_epochs // 27)
    assert (chosen.max_epochs < last) == cut
    assert chosen.max_multiply_adds == (dearest(pixels) if cut else None)
    dear = costly(images, pixels, chosen.batch_size)
    assert (chosen.iterations, chosen.most_iterations) == ((3, 3) if dear else (5, 10))
    assert chosen.final_seeds == (1 if dear else 2)
    once = planned(Experiment("digits", ("lines",)), ("final_seeds",), images, pixels)
    assert once.final_seeds == 3  # which is all the evidence there is
    few = Experiment("digits", ("lines",), most_iterations=2)
    assert planned(few, ("iterations",), images, pixels).iterations == 2


def test_what_is_given_stays():
    given = Experiment("digits", ("lines",), max_epochs=20, min_epochs=4)
    assert planned(given, (), 1150, 64) == given
    assert planned(given, ("min_epochs",), 1150, 64).min_epochs == 1
    assert planned(given, ("max_epochs",), 1150, 64).configurations == "hyperband"
    assert planned(given, ("max_epochs",), 1150, 64).max_epochs == 81
    assert planned(given, ("batch_size",), 800, 784).batch_size == 16
    for name in ("max_epochs", "final_epochs"):  # what is given is not cut, nor made longer
        left = [other for other in AUTO if other != name]
        asked = dataclasses.replace(given, **{name: 20})
        assert planned(asked, left, 800, 784).epochs_of_finals == 20
    assert planned(given, ("max_epochs",), 800, 784).max_epochs == 4  # no fewer than the shortest
    small = dataclasses.replace(given, max_multiply_adds=10**6)
    left = [name for name in AUTO if name != "max_multiply_adds"]
    assert planned(small, left, 800, 784).max_multiply_adds == 10**6
    few = Experiment("digits", ("lines",), iterations=3, most_iterations=2)
    with pytest.raises(ExperimentError, match="less than --iterations 3"):
        planned(few, (*AUTO, "final_seeds"), 800, 784)
    short = Experiment("digits", ("lines",), max_epochs=3)
    assert planned(short, ("min_epochs",), 1150, 64).min_epochs == 1


def test_a_shortest_training_longer_than_the_longest_is_refused():
    with pytest.raises(ExperimentError, match="--min-epochs 9 is more than --max-epochs 3"):
        planned(Experiment("digits", ("lines",), max_epochs=3, min_epochs=9), (), 1150, 64)


@pytest.mark.parametrize(("first", "most"), [(1, 1), (3, 6), (5, 10)])
def test_three_times_as_many_searches_at_most_unless_it_is_given(first, most):
    asked = Experiment("digits", ("lines",), iterations=first)
    assert planned(asked, ("most_iterations",), 1150, 64).most_iterations == most
    given = dataclasses.replace(asked, most_iterations=first)
    assert planned(given, (), 1150, 64) == given


@pytest.mark.parametrize(("most", "why"), [(2, "less than --iterations 3"), (31, "more than 10")])
def test_too_few_or_too_many_looks_are_refused(most, why):
    asked = Experiment("digits", ("lines",), iterations=3, most_iterations=most)
    with pytest.raises(ExperimentError, match=f"--most-iterations {most} is {why}"):
        planned(asked, (), 1150, 64)


def test_it_is_said():
    said = epochs_in_words(Experiment("digits", ("lines",)), 60)
    assert said == (
        "60 images to train on in batches of 64, 1 step an epoch: trials of 1 to 9 epochs; "
        "a full training has 81, so this shows who learns fast, not who is best"
    )
    full = Experiment("digits", ("lines",), max_epochs=81, min_epochs=9)
    assert epochs_in_words(full, 60).endswith("trials of 9 to 81 epochs")
    long = Experiment("digits", ("lines",), max_epochs=3, final_epochs=81)
    assert epochs_in_words(long, 60).endswith("trials of 1 to 3 epochs, finals of 81")
    once = Experiment("digits", ("lines",), max_epochs=1, final_epochs=81)
    assert epochs_in_words(once, 60).endswith("trials of 1 epoch, finals of 81")
    small = dataclasses.replace(full, max_multiply_adds=39_200_000)
    assert epochs_in_words(small, 60).endswith(
        "trials of 9 to 81 epochs, models of at most 39,200,000 multiply-adds"
    )


@pytest.mark.parametrize("images", [800, 20_000, 40_000, 10**6])
def test_where_a_pass_is_long_an_epoch_is_a_part_of_it(images):
    chosen = planned(Experiment("digits", ("lines",)), (*AUTO, "steps_per_epoch"), images, 784)
    taken = chosen.images_of_epoch(images)
    if images <= 20_000:
        assert chosen.steps_per_epoch is None and taken == images
    else:
        assert taken == 250 * chosen.batch_size
    assert chosen.epochs_of_finals * taken / chosen.batch_size >= 1300
    assert ("of a pass" in epochs_in_words(chosen, images)) == (taken < images)


def test_steps_that_are_given_stay():
    given = Experiment("digits", ("lines",), steps_per_epoch=30, batch_size=10)
    chosen = planned(given, ("max_epochs", "min_epochs"), 40_000, 64)
    assert chosen.steps_per_epoch == 30
    assert chosen.max_epochs == 54  # of 300 images


RUN = Experiment("digits", ("a", "b"), iterations=3, most_iterations=9, max_epochs=27, min_epochs=3)


@pytest.mark.parametrize(
    ("given", "most"),
    [
        ({"iterations": 6}, 9),  # as it was chosen: not three times as many again
        ({"iterations": 12}, 12),
        ({"most_iterations": 12}, 12),
        ({"max_epochs": 81}, 9),  # a bracket more
        ({"max_epochs": 81, "min_epochs": 9}, 9),
        ({"min_epochs": 1}, 9),
        ({"final_epochs": 81}, 9),
        ({"final_seeds": 5}, 9),
        ({"strategies": ("c", "b", "a")}, 9),
        ({"budget": 20.0}, 9),
    ],
)
def test_a_plan_may_become_larger_and_the_rest_stays(given, most):
    changed = {**given, "most_iterations": most}
    assert extended(RUN, given) == dataclasses.replace(RUN, **changed)


@pytest.mark.parametrize("given", [{"configurations": 10}, {"min_epochs": 1, "max_epochs": 81}])
def test_a_search_of_one_bracket_may_have_more_configurations(given):
    run = dataclasses.replace(RUN, configurations=9)
    assert extended(run, given) == dataclasses.replace(run, **given)


def test_fewer_brackets_or_configurations_are_no_more():
    for before, now in (("hyperband", 100), (9, 8), (9, "hyperband")):
        run = dataclasses.replace(RUN, configurations=before, max_epochs=9)
        with pytest.raises(ExperimentError, match="fewer would be tried than the run has"):
            extended(run, {"configurations": now})


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({}, "nothing that the run does not have"),
        ({"iterations": 3, "strategies": ("a", "b")}, "nothing that the run does not have"),
        ({"iterations": 2}, "--iterations 2 is less than the run has"),
        ({"iterations": 6, "most_iterations": 8}, "--most-iterations 8 is less"),
        ({"final_seeds": 2}, "--final-seeds 2 is less than the run has, .*: give 3 or more"),
        ({"max_epochs": 9}, "--max-epochs 9 is less"),
        ({"max_epochs": 81, "final_epochs": 26}, "--final-epochs 26 is less"),
        ({"strategies": ("b", "c")}, "--strategies leaves out a,"),
        ({"min_epochs": 9}, "with --min-epochs 9 and --configurations hyperband fewer"),
        (
            {"max_epochs": 81, "min_epochs": 27},
            "with --min-epochs 27 and --configurations hyperband fewer",
        ),
        ({"min_epochs": 28}, "more than --max-epochs 27"),
        ({"most_iterations": 31}, "more than 10 times"),
    ],
)
def test_a_plan_that_would_be_no_larger_is_refused_in_one_line(given, why):
    with pytest.raises(ExperimentError, match=why) as refused:
        extended(RUN, given)
    assert len(str(refused.value).splitlines()) == 1


def test_a_run_whose_most_searches_are_fewer_than_its_first_is_extended():
    """As a program that asks for no more may leave it."""
    asked = Experiment("digits", ("a",), iterations=3)
    assert extended(asked, {"final_seeds": 4}).most_iterations == 3


def test_a_budget_is_only_made_larger():
    within = dataclasses.replace(RUN, budget=5.0)
    assert extended(within, {"budget": 6.5}) == dataclasses.replace(RUN, budget=6.5)
    for minutes, why in ((4.5, "--budget 4.5 is less than the run has"), (5.0, "nothing that")):
        with pytest.raises(ExperimentError, match=why):
            extended(within, {"budget": minutes})


def test_a_larger_plan_is_no_more_within_the_budget_by_which_the_smaller_was_chosen():
    within = dataclasses.replace(RUN, budget=5.0)
    assert extended(within, {"iterations": 6}) == extended(RUN, {"iterations": 6})


def test_a_strategy_is_searched_five_times_or_as_often_as_it_may_be_at_most():
    asked = Experiment("digits", ("lines",))
    assert planned(asked, ("iterations", "most_iterations"), 1150, 64).iterations == 5
    few = dataclasses.replace(asked, most_iterations=2)
    assert planned(few, ("iterations",), 1150, 64).iterations == 2
