"""An arm's index of its rows: it says what its rows say, however they came in."""

import numpy as np
import pytest

from search.hyperband import brackets
from search.hyperband.arm import Arm
from search.hyperband.promotion import RUNNING, Outcome

PLAN = brackets.plan(9, 3)
DRAWN = {
    (iteration, bracket): rungs[0].size for iteration in range(3) for bracket, rungs in PLAN.items()
}


def copy_of(rows):
    """An arm that has never been asked, of the same rows in another order."""
    arm = Arm("lines", PLAN, DRAWN)
    for key in sorted(rows, key=lambda key: key.trial_id):
        arm.put(key, rows[key])
    return arm


@pytest.mark.parametrize("seed", range(5))
def test_what_it_has_kept_never_shows(seed):
    """Asked after every event, it answers as one that is asked for the first time."""
    generator = np.random.default_rng(seed)
    arm, rows = Arm("lines", PLAN, DRAWN), {}
    for _ in range(300):
        following = arm.following()
        running = [key for key in rows if rows[key] == RUNNING]
        if following and (not running or generator.random() < 0.5):
            key, outcome = following, RUNNING
        elif running:
            key = running[generator.integers(len(running))]
            failed = generator.random() < 0.2
            outcome = Outcome("failed" if failed else "completed", float(generator.integers(4)))
        else:
            break
        rows[key] = outcome
        arm.put(key, outcome)
        other = copy_of(rows)
        assert arm.following() == other.following()
        assert arm.promotable() == other.promotable()
        assert arm.whole() == other.whole()
        assert arm.running == other.running == sum(each == RUNNING for each in rows.values())
    assert arm.whole() == {0: True, 1: True, 2: True}


def test_brackets_that_come_later_find_rows_that_were_there():
    """A resume puts the rows of all iterations in, and only then grants the later ones."""
    later = {each: count for each, count in DRAWN.items() if each[0] > 0}
    whole = Arm("lines", PLAN, DRAWN)
    rows = {}
    while (key := whole.following()) is not None:
        rows[key] = Outcome("completed", 0.5)
        whole.put(key, rows[key])
    arm = Arm("lines", PLAN, {each: count for each, count in DRAWN.items() if each[0] == 0})
    for key, outcome in rows.items():
        arm.put(key, outcome)
    assert arm.whole() == {0: True} and arm.following() is None
    arm.draw(later)
    assert arm.whole() == whole.whole() and arm.following() is None
