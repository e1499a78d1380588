"""How far a search has come: what is counted, and how long the rest takes."""

from __future__ import annotations

import dataclasses
import itertools
import random

import pytest

from search.experiment import Experiment
from search.forecast import Outlook, Plan, side_by_side
from search.tally import NOTHING
from search.terminal.progress import Final, Progress
from tests.support.progress import (
    EXPERIMENT,
    PLAN,
    STRATEGIES,
    busy,
    completed,
    display,
    epoch,
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
        assert (progress.arms[strategy].tally.trials, progress.arms[strategy].tally.failed) == (
            4,
            1,
        )
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


@pytest.mark.parametrize("seed", range(3))
def test_what_is_under_way_is_summed_as_it_is_after_every_event(seed):
    generator, progress = random.Random(seed), Progress(EXPERIMENT, PLAN)
    for number in range(200):
        if not progress.running or generator.random() < 0.3:
            strategy = generator.choice(STRATEGIES)
            progress = progress.trial_started(trial(strategy, last=9, slot=number))
        else:
            trial_id, before = generator.choice([*progress.running.items()])
            if before.epoch < 9:
                seconds = generator.randrange(9) / 4  # sums of quarters are exact
                progress = progress.epoch_finished(
                    trial_id, epoch(before.epoch + 1, seconds=seconds)
                )
            else:
                progress = progress.trial_finished(completed(before.row))
        running = dict.fromkeys(progress.under_way, NOTHING)
        for each in progress.running.values():
            running[each.row.strategy] = running[each.row.strategy].plus(each.tally)
        assert progress.under_way == running
    assert progress.ended_trials and progress.running


def test_a_trial_that_starts_again_is_counted_once():
    row = trial(last=3)
    progress = Progress(EXPERIMENT, PLAN).trial_started(row)
    progress = progress.epoch_finished(row.trial_id, epoch(1)).trial_started(row)
    assert progress.running[row.trial_id].epoch == 0
    progress = progress.trial_finished(completed(row)).trial_finished(completed(row))
    assert progress.ended_trials == progress.arms["lines"].tally.trials == 1


def test_curve_goes_on_from_the_trial_it_continues():
    parent, child = trial(), trial(first=1, last=3, parent_id="lines-0-1")
    progress = Progress(EXPERIMENT, PLAN).trial_started(parent)
    progress = progress.epoch_finished("lines-0-1", epoch(1, 0.2))
    progress = progress.trial_finished(completed(parent, 0.2)).trial_started(child)
    progress = progress.epoch_finished("lines-0-3", epoch(2, 0.4))
    assert progress.running["lines-0-3"].curve == {1: 0.2, 2: 0.4}
    assert "▅█ 40.0 %" in "\n".join(seen(progress))
    assert "2 of 3 epochs" in "\n".join(seen(progress))


def test_epochs_from_before_a_resume_are_marked_unknown():
    replayed = completed(trial(last=3, trial_id="parent"), 0.3)
    progress = Progress(EXPERIMENT, PLAN).trial_finished(replayed)
    progress = progress.trial_started(trial(first=3, last=9, parent_id="parent"))
    assert "··█ 30.0 %" in "\n".join(seen(progress))


def test_time_left_is_never_negative():
    for progress, now in itertools.product((busy(), busy(3), in_finals()), (0.0, 60.0, 1e6)):
        seconds, _ = progress.time_left(now)
        assert seconds is not None and seconds >= 0


def test_a_budget_that_ends_sooner_is_named():
    progress = dataclasses.replace(busy(), ends=66.0)
    assert progress.time_left(1.0) == (65.0, True)
    assert progress.time_left(100.0) == (0.0, True)
    assert "(budget)" in seen(progress)[0]
    assert "(budget)" not in seen(busy())[0]


def test_what_the_finals_take_of_what_was_searched_so_far():
    """One search of two strategies, three seeds each, on two workers; and the rest of a trial."""
    progress = Progress(EXPERIMENT, PLAN, workers=2)
    for name, seconds in (("lines", 1.0), ("cnn_flat", 3.0)):
        row = completed(trial(name), train_seconds=seconds, setup_seconds=1.0)
        progress = progress.trial_finished(row)
    finals = [1 + 9 * 1.0] * 3 + [1 + 9 * 3.0] * 3
    assert progress.finals_of_begun() == side_by_side(finals, 2)
    assert progress.seconds_under_way() == 0
    running = progress.trial_started(trial("cnn_flat", 0, 9, slot=7))
    assert running.seconds_under_way() == 27.0


def test_finals_are_part_of_the_time_left():
    progress = Progress(Experiment("digits", ("lines",), final_seeds=3), {"lines": Plan(1, 1)})
    progress = progress.trial_finished(completed(trial(), train_seconds=2.0, setup_seconds=1.0))
    assert progress.time_left(0.0) == (3 * (9 * 2.0 + 1.0), False)
    training = progress.final_started("first", Final("lines", 1, 7))
    assert training.time_left(14.0) == (3 * 19.0, False)
    training = training.epoch_finished("first", {"epoch": 4, "seconds": 2.0})
    assert training.time_left(14.0) == (5 * 2.0 + 2 * 19.0, False)
    two = training.final_started("second", Final("lines", 2, 8))
    assert two.time_left(14.0) == (19.0 + 10.0, False)  # beside each other, the longest first
    slower = two.epoch_finished("second", {"epoch": 1, "seconds": 4.0})  # 3 seconds on average
    assert slower.time_left(14.0) == (8 * 3.0 + 5 * 3.0, False)


def test_a_final_takes_what_its_own_trial_took_by_the_pace_of_the_finals_so_far():
    """Of two searches of a strategy, whose finalists are of different size."""
    asked = Experiment("digits", ("lines",), iterations=2, final_seeds=1, max_epochs=9)
    progress = Progress(asked, {"lines": Plan(2, 2)})
    for iteration, seconds in enumerate((1.0, 5.0)):
        row = dataclasses.replace(trial(trial_id=f"lines-{iteration}"), iteration=iteration)
        ended = completed(row, train_seconds=seconds, setup_seconds=0.0)
        progress = progress.trial_finished(ended)
    assert progress.parts_left() == (0.0, 9 * 1.0 + 9 * 5.0)
    begun = progress.final_started("first", Final("lines", 2, 1))
    begun = begun.epoch_finished("first", {"epoch": 1, "seconds": 10.0})  # twice as slow
    assert begun.parts_left() == (0.0, 8 * 10.0 + 9 * 2.0)


def test_the_test_of_a_final_is_part_of_it():
    progress = Progress(Experiment("digits", ("lines",), final_seeds=1), {"lines": Plan(1, 1)})
    progress = progress.trial_finished(completed(trial(), train_seconds=2.0, setup_seconds=1.0))
    known = dataclasses.replace(progress, outlook=Outlook({}, tested=0.5))
    assert known.parts_left() == (0.0, 1.0 + (9 + 0.5) * 2.0)


def test_what_was_measured_beforehand_counts_for_the_pace_alone():
    progress = Progress(Experiment("digits", ("lines",), final_seeds=1), {"lines": Plan(3, 3)})
    measured = completed(trial(trial_id="before"), train_seconds=2.0, setup_seconds=1.0)
    outlook = Outlook({}, calibrated=(measured,), longer=1.5, afterwards=7.0)
    known = dataclasses.replace(progress, outlook=outlook)
    assert progress.time_left(0.0) == (None, False)
    assert known.time_left(0.0) == (3 * 3.0 + 1.0 + 9 * 1.5 * 2.0 + 7.0, False)
    assert not known.ended_trials


def searched(**scores):
    """A progress where each strategy has had searches of four trials, each of which found this."""
    asked = Experiment(
        "digits", tuple(scores), iterations=3, most_iterations=6, final_seeds=2, max_epochs=9
    )
    progress = Progress(asked, {name: Plan(12, 12) for name in scores})
    for name, found in scores.items():
        for iteration, score in enumerate(found):
            for slot in range(4):
                row = trial(name, slot=slot, trial_id=f"{name}-{iteration}-{slot}")
                row = dataclasses.replace(row, iteration=iteration)
                progress = progress.trial_finished(completed(row, score - 0.01 * slot))
    return progress


def test_those_that_may_be_the_best_are_expected_to_be_searched_further():
    for apart in ((), (0.2,)):  # of one search nothing is known
        assert searched(lines=(0.9,), patches=apart).further == {"lines": 3, "patches": 3}
    near = searched(lines=(0.9, 0.8, 0.85), patches=(0.88, 0.82, 0.84), pixels=(0.11, 0.1, 0.1))
    assert near.further == {"lines": 3, "patches": 3}
    assert searched(lines=(0.9, 0.901, 0.9), patches=(0.2, 0.201, 0.2)).further == {}


def test_a_search_that_has_not_ended_says_nothing_of_who_is_ahead():
    progress = searched(lines=(0.9, 0.901), patches=(0.2, 0.201))
    assert progress.further == {}
    late = completed(trial("patches", slot=9, trial_id="one more", iteration=2), 0.01)
    assert progress.trial_finished(late).further == {}
    unsure = searched(lines=(0.9, 0.901), patches=(0.9, 0.7)).trial_finished(late)
    assert unsure.further == {"lines": 3, "patches": 3}


def test_further_searches_and_their_finals_are_part_of_the_time_left():
    progress = searched(lines=(0.9,) * 3, patches=(0.9,) * 3)  # 1 s a set-up, 2 s an epoch
    search, finals = progress.parts_left()
    assert search == 2 * (12 * 1.0 + 12 * 2.0)
    assert finals == 2 * (3 + 3) * 2 * (1.0 + 9 * 2.0)
    settled = dataclasses.replace(progress.experiment, most_iterations=3)
    search, finals = dataclasses.replace(progress, experiment=settled).parts_left()
    assert (search, finals) == (0.0, 2 * 3 * 2 * (1.0 + 9 * 2.0))
