"""The pace of what was trained, and how long the rest takes by it."""

import dataclasses

import pytest

from search.forecast import Pace, Plan, effort, pace_of, remaining, side_by_side
from search.tally import tallies
from tests.support.progress import PLAN, STRATEGIES, completed, failed, trial


def seconds_left(planned, done, typical=None):
    """How long the rest takes on one worker; None where no pace is known."""
    left = remaining(planned, tallies(done))
    pace = pace_of(tallies(done), typical or {}, 64)
    return pace and sum(pace.seconds(name, plan) for name, plan in left.items())


@pytest.mark.parametrize("known", [1, 2, 4])
def test_estimate_scales_with_the_durations(known):
    rows = [completed(trial(name), 0.5, 2.0 + i) for i, name in enumerate(STRATEGIES[:known])]
    twice = [
        dataclasses.replace(
            row, train_seconds=2 * row.train_seconds, setup_seconds=2 * row.setup_seconds
        )
        for row in rows
    ]
    assert seconds_left(PLAN, rows) > 0
    assert seconds_left(PLAN, twice) == pytest.approx(2 * seconds_left(PLAN, rows))


def test_estimate_by_hand():
    plan = {"lines": Plan(3, 10), "cnn_flat": Plan(2, 10), "line_cnn": Plan(1, 1)}
    done = [
        completed(trial("lines", 0, 2), train_seconds=2.0, setup_seconds=3.0),
        completed(trial("cnn_flat", 0, 1), train_seconds=10.0, setup_seconds=5.0),
        failed(trial("cnn_flat", 1, 3)),  # used up its two epochs, and says nothing of the pace
    ]
    lines = 8 * 1.0 + 2 * 3.0
    cnn_flat = 7 * 10.0 + 0 * 5.0
    line_cnn = 1 * 5.5 + 1 * 4.0  # the mean of the others
    assert seconds_left(plan, done) == pytest.approx(lines + cnn_flat + line_cnn)


def test_there_is_none_before_the_first_measurement_and_it_is_zero_when_done():
    assert seconds_left(PLAN, []) is None
    assert seconds_left(PLAN, [failed(trial())]) is None
    plan = {"lines": Plan(1, 1)}
    assert seconds_left(plan, [completed(trial())]) == 0
    assert seconds_left(plan, [completed(trial()), completed(trial(last=9))]) == 0


def sized(multiply_adds, seconds, epochs=1, strategy="lines"):
    """A trial of a configuration of this size."""
    row = trial(strategy, last=epochs, multiply_adds=multiply_adds)
    return completed(row, train_seconds=seconds, setup_seconds=1.0)


def test_small_configurations_first_do_not_hide_what_the_average_costs():
    """Whichever were trained, an epoch of the average takes as long."""
    a_second = effort(10**6, 64)
    typical = {"lines": 5 * a_second}
    for factors in ([1], [3, 1], [20, 2, 7]):
        rows = [sized(int(a_second * each - effort(0, 64)), each) for each in factors]
        pace = pace_of(tallies(rows), typical, 64)
        assert pace.epoch_of("lines") == pytest.approx(5.0, rel=1e-4)


def test_a_strategy_that_was_not_measured_takes_what_its_effort_says():
    typical = {"lines": 2e6, "cnn_lines": 6e6, "patches": 8e6}
    pace = Pace({"lines": 1.0, "cnn_lines": 3.0}, {"lines": 0.2, "cnn_lines": 0.6}, typical)
    assert pace.epoch_of("patches") == pytest.approx(0.8)
    assert pace.setup_of("patches") == 2.0
    assert Pace({}, {"lines": 0.2, "cnn_lines": 0.6}, {}).epoch_of("patches") == pytest.approx(0.4)


@pytest.mark.parametrize("workers", [1, 2, 3, 8])
def test_jobs_side_by_side_take_no_less_than_their_share_or_the_longest(workers):
    seconds = [5.0, 1.0, 1.0, 1.0, 4.0, 2.5]
    took = side_by_side(seconds, workers)
    assert took >= max(max(seconds), sum(seconds) / workers) - 1e-9
    assert took <= sum(seconds) / workers + max(seconds)
    assert side_by_side([], workers) == 0
