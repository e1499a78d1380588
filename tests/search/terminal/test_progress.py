"""How far a search has come: what is counted, and how long the rest takes."""

from __future__ import annotations

import dataclasses
import itertools
import random

import pytest

from search.experiment import Experiment
from search.terminal.progress import Final, Plan, Progress, seconds_left
from tests.support.progress import (
    EXPERIMENT,
    PLAN,
    STRATEGIES,
    busy,
    completed,
    display,
    epoch,
    failed,
    in_finals,
    seen,
    some_trials,
    trial,
)


def test_counts_are_right_whatever_the_order():
    rows = some_trials()
    random.Random(0).shuffle(rows)
    progress = Progress(EXPERIMENT, PLAN)
    for row in rows:
        progress = progress.trial_started(dataclasses.replace(row, status="running"))
    for row in reversed(rows):
        progress = progress.trial_finished(row)
    assert not progress.running
    for index, strategy in enumerate(STRATEGIES):
        assert len(progress.by_strategy[strategy]) == 4
        assert sum(row.status == "failed" for row in progress.by_strategy[strategy]) == 1
        assert progress.best[strategy].score == pytest.approx(0.2 + 0.01 * index)


def test_replay_equals_live_events():
    rows = some_trials()
    live, _ = display()
    for row in rows:
        live.trial_started(dataclasses.replace(row, status="running"))
        live.epoch_finished(row.trial_id, epoch(1, row.score or 0.0))
        live.trial_finished(row)
    replayed, _ = display()
    replayed.replay(rows)
    same_clock = [dataclasses.replace(each.progress, began=0.0) for each in (live, replayed)]
    assert seen(same_clock[0]) == seen(same_clock[1])
    assert same_clock[0].time_left(0.0) == same_clock[1].time_left(0.0)


def test_a_trial_that_starts_again_is_counted_once():
    row = trial(last=3)
    progress = Progress(EXPERIMENT, PLAN).trial_started(row)
    progress = progress.epoch_finished(row.trial_id, epoch(1)).trial_started(row)
    assert progress.running[row.trial_id].epoch == 0
    progress = progress.trial_finished(completed(row)).trial_finished(completed(row))
    assert len(progress.by_strategy["lines"]) == 1


def test_curve_goes_on_from_the_trial_it_continues():
    parent, child = trial(), trial(first=1, last=3, parent_id="lines-0-1")
    progress = Progress(EXPERIMENT, PLAN).trial_started(parent)
    progress = progress.epoch_finished("lines-0-1", epoch(1, 0.2))
    progress = progress.trial_finished(completed(parent, 0.2)).trial_started(child)
    progress = progress.epoch_finished("lines-0-3", epoch(2, 0.4))
    assert progress.curves["lines-0-3"] == {1: 0.2, 2: 0.4}
    assert "▅█ 40.0 %" in "\n".join(seen(progress))
    assert "2 of 3 epochs" in "\n".join(seen(progress))


def test_epochs_from_before_a_resume_are_marked_unknown():
    replayed = completed(trial(last=3, trial_id="parent"), 0.3)
    progress = Progress(EXPERIMENT, PLAN).trial_finished(replayed)
    progress = progress.trial_started(trial(first=3, last=9, parent_id="parent"))
    assert "··█ 30.0 %" in "\n".join(seen(progress))


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


def test_estimate_is_none_before_the_first_measurement_and_zero_when_done():
    assert seconds_left(PLAN, []) is None
    assert seconds_left(PLAN, [failed(trial())]) is None
    plan = {"lines": Plan(1, 1)}
    assert seconds_left(plan, [failed(trial())]) == 0
    assert seconds_left(plan, [completed(trial())]) == 0
    assert seconds_left(plan, [completed(trial()), completed(trial(last=9))]) == 0


def test_time_left_is_never_negative():
    for progress, now in itertools.product((busy(), busy(3), in_finals()), (0.0, 60.0, 1e6)):
        seconds, _ = progress.time_left(now)
        assert seconds is not None and seconds >= 0


def test_a_smaller_time_limit_is_named():
    limited = dataclasses.replace(EXPERIMENT, time_limit=0.1, final_seeds=0)
    progress = dataclasses.replace(busy(), experiment=limited)
    assert progress.time_left(1.0) == (pytest.approx(5.0), True)
    assert progress.time_left(100.0) == (pytest.approx(4.0), True)  # the running trial's epochs
    assert "(time limit)" in seen(progress)[0]
    assert "(time limit)" not in seen(busy())[0]


def test_finals_are_part_of_the_time_left():
    progress = Progress(Experiment("digits", ("lines",), final_seeds=3), {"lines": Plan(1, 1)})
    progress = progress.trial_finished(completed(trial(), train_seconds=2.0, setup_seconds=1.0))
    assert progress.time_left(0.0) == (3 * (9 * 2.0 + 1.0), False)
    training = progress.final_started("first", Final("lines", 1, 7))
    assert training.time_left(14.0) == (3 * 19.0, False)
    training = training.epoch_finished("first", {"epoch": 4})
    assert training.time_left(14.0) == (3 * 19.0 - 4 * 2.0, False)
    two = training.final_started("second", Final("lines", 2, 8))
    assert two.time_left(14.0) == ((3 * 19.0 - 4 * 2.0) / 2, False)
