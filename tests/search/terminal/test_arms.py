"""What has ended, taken in trial by trial: it says what the trials say, however they came in."""

from __future__ import annotations

import dataclasses
import random

import pytest

from search.metric import ACCURACY
from search.ranking import finalists_of_iterations
from search.tally import tallies
from search.terminal import arms as module
from search.terminal.arms import ArmSoFar, with_ended
from tests.support.progress import completed, failed, trial

STRATEGIES = ("lines", "patches")


def ends(seed, count=80):
    """Trials that end, of several searches; some are seen a second time, with another end."""
    generator = random.Random(seed)
    rows = []
    for _ in range(count):
        iteration, slot, rung = (generator.randrange(each) for each in (4, 5, 3))
        strategy = generator.choice(STRATEGIES)
        place = f"{strategy}-{iteration}-2"
        row = trial(
            strategy, 3**rung // 2, 3**rung, slot=slot, iteration=iteration, rung=rung,
            trial_id=f"{place}-{rung}-{slot}", multiply_adds=generator.choice([None, 1000]),
            parent_id=f"{place}-{rung - 1}-{slot}" if rung else None,
        )  # fmt: skip
        # Sums of quarters are exact, in whatever order.
        seconds = {"train_seconds": generator.randrange(9) / 4, "setup_seconds": 0.25}
        score = generator.randrange(5) / 4
        rows.append(failed(row) if generator.random() < 0.2 else completed(row, score, **seconds))
    return rows


def last_of_each(rows):
    return [*{row.trial_id: row for row in rows}.values()]


@pytest.mark.parametrize("seed", range(5))
def test_one_after_the_other_is_all_at_once(seed):
    arms, rows = {}, ends(seed)
    for number, row in enumerate(rows, 1):
        arms = with_ended(arms, [row], ACCURACY)
        ended = last_of_each(rows[:number])
        assert {name: arm.tally for name, arm in arms.items()} == tallies(ended)
        found = finalists_of_iterations(ended, ACCURACY)
        assert found == {
            (name, iteration): each
            for name, arm in arms.items()
            for iteration, each in arm.finalists.items()
        }
    ended = {row.trial_id: row for row in last_of_each(rows)}
    assert {row.trial_id: row for arm in arms.values() for row in arm.rows()} == ended
    for name, arm in with_ended({}, ended.values(), ACCURACY).items():
        assert arm.tally == arms[name].tally and arm.finalists == arms[name].finalists


def test_an_old_value_stays_as_it_was_and_what_has_not_changed_is_shared():
    rows = last_of_each(ends(0))
    *before, last = rows
    old = with_ended({}, before, ACCURACY)
    kept = {row.trial_id for arm in old.values() for row in arm.rows()}
    new = with_ended(old, [last], ACCURACY)
    assert {row.trial_id for arm in old.values() for row in arm.rows()} == kept
    for name, arm in new.items():
        for iteration, search in arm.searches.items():
            changed = (name, iteration) == (last.strategy, last.iteration)
            assert (search is old[name].searches.get(iteration)) != changed


def test_one_more_looks_at_its_own_search_alone(monkeypatch):
    """However many searches there were before."""
    looked = []

    def ranked(rows, metric):
        rows = [*rows]
        looked.append(len(rows))
        return finalists_of_iterations(rows, metric)

    monkeypatch.setattr(module, "finalists_of_iterations", ranked)
    arms = {}
    for iteration in range(50):
        for slot in range(3):
            row = trial(slot=slot, iteration=iteration, trial_id=f"lines-{iteration}-2-0-{slot}")
            arms = with_ended(arms, [completed(row)], ACCURACY)
    assert looked == [1, 2, 3] * 50


def test_a_curve_goes_on_from_that_of_its_parent():
    parent = completed(trial(last=2, trial_id="parent"), score=0.5)
    child = dataclasses.replace(trial(first=2, last=4, parent_id="parent"), trial_id="child")
    arm = ArmSoFar().plus([parent], ACCURACY, {"parent": {1: 0.25, 2: 0.4}})
    assert arm.curve(child) == {1: 0.25, 2: 0.5}
    unseen = arm.plus([completed(child, score=0.75)], ACCURACY, {})
    assert unseen.searches[0].curves["child"] == {1: 0.25, 2: 0.5, 4: 0.75}
    assert ArmSoFar().curve(child) == {}
