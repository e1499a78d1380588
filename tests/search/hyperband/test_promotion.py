"""Who goes on: as soon as it is certain, and no sooner."""

import itertools

import numpy as np
import pytest

from search.hyperband import brackets
from search.hyperband.promotion import RUNNING, Outcome, TrialKey
from tests.search.hyperband.test_oracle import FAILED, arm_of, offered, rank


def test_names_are_unambiguous():
    for strategy in ("lines", "with-dash", "ends-1-2-3-4", ""):
        key = TrialKey(strategy, 1, 22, 3, 44)
        assert TrialKey.parse(key.trial_id) == key


def futures(rungs, table, bracket):
    """Yields the final table of every way in which a bracket of arm "" can go on.

    What has not ended may fail, come last, tie with a score that was seen, or come first.
    """
    for number, rung in enumerate(rungs[:-1]):  # the last rung is promoted nowhere
        below = {p.slot: table[p] for p in table if p.rung == number - 1}
        entering = rank(below)[: rung.size] if number else list(range(rung.size))
        places = [TrialKey("", 0, bracket, number, slot) for slot in entering]
        pending = [p for p in places if table.get(p, RUNNING) == RUNNING]
        if pending:
            ends = [FAILED, *(Outcome("completed", score, 0.5) for score in (0.0, 2.0, 9.0))]
            for outcomes in itertools.product(ends, repeat=len(pending)):
                known = dict(table) | dict(zip(pending, outcomes, strict=True))
                yield from futures(rungs, known, bracket)
            return
    yield table


def promoted(rungs, table, bracket):
    """The places of all that were promoted, where a table is final but for the last rung."""
    return {
        TrialKey("", 0, bracket, number, slot)
        for number, rung in enumerate(rungs)
        if number
        for slot in rank({p.slot: o for p, o in table.items() if p.rung == number - 1})[: rung.size]
    }


@pytest.mark.parametrize(("max_epochs", "factor", "bracket"), [(4, 2, 2), (4, 2, 1), (9, 3, 1)])
def test_promoted_as_soon_as_no_outcome_could_exclude_it(max_epochs, factor, bracket):
    """Against all that could still happen, in every state of many searches."""
    plan = brackets.plan(max_epochs, factor)
    rungs = plan[bracket]
    drawn = {(0, bracket): rungs[0].size}
    early = 0
    for seed in range(6):
        generator = np.random.default_rng(seed)
        table = {}
        while True:
            promotions = offered("", plan, drawn, table)
            possible = [
                promoted(rungs, future, bracket) for future in futures(rungs, table, bracket)
            ]
            certain = set.intersection(*possible)
            assert promotions == certain - table.keys()
            early += bool(promotions) and len(possible) > 1
            # One more starts or ends.
            following = arm_of("", plan, drawn, table).following()
            running = [key for key, outcome in table.items() if outcome == RUNNING]
            if following and (not running or generator.random() < 0.6):
                table[following] = RUNNING
            elif running:
                ended = running[generator.integers(len(running))]
                scores = generator.choice([1.0, 2.0, 3.0]), generator.choice([0.3, 0.5])
                failed = generator.random() < 0.25
                table[ended] = FAILED if failed else Outcome("completed", *map(float, scores))
            else:
                break
    assert early > 0  # some were promoted while others still ran
