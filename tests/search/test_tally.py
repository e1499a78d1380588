"""Sums over trials: what they say is what the trials say."""

from __future__ import annotations

import dataclasses

import pytest

from search.tally import NOTHING, Tally, tallies, tally_of
from tests.support.progress import completed, failed, some_trials, trial


def test_what_a_trial_counts():
    row = completed(trial(first=1, last=3), train_seconds=4.0, setup_seconds=1.0)
    known = {"timed_epochs": 2, "seconds": 4.0, "setups": 1, "setup_seconds": 1.0}
    assert tally_of(row) == Tally(trials=1, epochs=2, **known)
    counted = dataclasses.replace(row, multiply_adds=10)
    more = {"counted_epochs": 2, "multiply_adds": 20}
    assert tally_of(counted) == Tally(trials=1, epochs=2, **known, **more)


def test_all_that_is_no_epoch_counts_as_set_up():
    row = completed(trial(last=2), train_seconds=4.0, setup_seconds=1.0)
    timed = dataclasses.replace(row, started=100.0, finished=105.5)
    assert tally_of(timed).setup_seconds == 1.5
    # Neither the epochs before a kill nor what a lost worker had done are told apart from it.
    assert tally_of(dataclasses.replace(timed, started=104.0)).setup_seconds == 1.0
    assert tally_of(dataclasses.replace(timed, started=50.0, retries=1)).setup_seconds == 1.0


def test_a_failed_one_has_used_up_its_share_and_says_nothing_of_the_pace():
    row = dataclasses.replace(completed(failed(trial(last=3))), status="failed")
    assert tally_of(row) == Tally(trials=1, failed=1, epochs=3)


def test_each_strategy_has_its_own_sum():
    rows = some_trials()
    found = tallies(reversed(rows))
    for name, tally in found.items():
        mine = [row for row in rows if row.strategy == name]
        assert (tally.trials, tally.failed) == (len(mine), 1)
        assert tally.seconds == pytest.approx(sum(row.train_seconds or 0 for row in mine))
    assert tallies([]) == {} and NOTHING.plus(tally_of(rows[0])) == tally_of(rows[0])
