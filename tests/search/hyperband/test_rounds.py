"""Who is searched more, by the table; a whole search is in `test_oracle`."""

from search.hyperband.promotion import RUNNING, Outcome, TrialKey
from search.hyperband.rounds import another_round

ROUNDS = (2, 4, 5)


def table(**scores):
    """A table in which each arm's searches had one trial each, of these scores."""
    return {
        TrialKey(arm, iteration, 0, 0, 0): Outcome("completed", score)
        for arm, found in scores.items()
        for iteration, score in enumerate(found)
    }


def test_those_that_may_be_the_best_have_as_many_again_and_no_more_than_the_most():
    near = table(a=[0.9, 0.91, 0.92, 0.9], b=[0.91, 0.9, 0.9, 0.92], c=[0.1, 0.1001])
    assert another_round({"a": 2, "b": 2, "c": 2}, ROUNDS, 0.05, near) == {"a": 4, "b": 4, "c": 2}
    assert another_round({"a": 4, "b": 4, "c": 2}, ROUNDS, 0.05, near) == {"a": 5, "b": 5, "c": 2}
    last = {"a": 5, "b": 5, "c": 2}
    assert another_round(last, ROUNDS, 0.05, near) == last


def test_while_a_trial_runs_nobody_knows():
    near = table(a=[0.9, 0.91], b=[0.91, 0.9])
    near[TrialKey("b", 1, 0, 1, 0)] = RUNNING
    assert another_round({"a": 2, "b": 2}, ROUNDS, 0.05, near) == {"a": 2, "b": 2}
