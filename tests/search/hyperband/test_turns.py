"""Whose turn it is, by seconds."""

import numpy as np

from search.hyperband.turns import Turns


class Clock:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self):
        return self.now


def test_a_trial_that_runs_counts_with_what_it_has_taken_and_is_likely_to_take():
    clock = Clock()
    turns = Turns(clock)
    turns.add("slow", 10.0)
    turns.add("quick", 8.0), turns.add("quick", 1.0)
    assert turns.order(["slow", "quick"]) == ["quick", "slow"]
    turns.begin("quick", "a")  # likely 4.5 seconds
    assert turns.order(["slow", "quick"]) == ["slow", "quick"]
    turns.begin("slow", "b")
    clock.now = 30.0
    turns.end("slow", "b")  # 40 in all, and the other 9 and at least 30
    assert turns.order(["slow", "quick"]) == ["quick", "slow"]
    clock.now = 32.0
    assert turns.order(["slow", "quick"]) == ["slow", "quick"]


def test_of_those_that_have_had_nothing_each_is_begun_once():
    turns, begun = Turns(Clock()), []
    for number in range(6):
        name = turns.order(["a", "b", "c"])[0]
        turns.begin(name, f"{name}-{number}")
        begun.append(name)
    assert begun == ["a", "b", "c"] * 2


def test_what_it_was_not_told_of_is_no_time():
    turns = Turns(Clock())
    turns.end("lines", "lines-0-0-0-0")  # as of a trial that another process began
    assert turns.seconds == {}


def test_those_that_run_are_charged_what_each_is_by_itself():
    """The sum is not taken one by one: a thousand may run."""
    clock, generator = Clock(), np.random.default_rng(0)
    turns, began = Turns(clock), {"a": [], "b": []}
    turns.add("a", 5.0), turns.add("b", 7.0)
    for number in range(60):
        clock.now += generator.integers(3)
        name = generator.choice(["a", "b"])
        turns.begin(name, f"{name}-{number}")
        began[name].append(clock.now)
        spent = {
            name: turns.seconds[name]
            + sum(max(turns.seconds[name], clock.now - each) for each in began[name])
            for name in began
        }
        assert turns.order(["a", "b"]) == sorted(["a", "b"], key=spent.get)
