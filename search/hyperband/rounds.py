"""Who is searched more, once a round of searches is over: a function of the trial table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from search.contenders import contenders
from search.hyperband.promotion import RUNNING, Outcome, Table


def another_round(
    granted: Mapping[str, int], rounds: Sequence[int], level: float, table: Table
) -> dict[str, int]:
    """Returns how many iterations each arm has after the round that has ended.

    Args:
        granted: arm to how many it had in it.
        rounds: how many an arm has at each look (`search.looks`).
        level: of each look.
        table: what has been started so far; all that was granted, if nothing can start.

    Returns:
        More for the arms that were in the round and may be the best; the same where it was the
        last, fewer than two are left, or a trial still runs.

    >>> another_round({"lines": 3, "patches": 3}, (3, 6), 0.05, {})
    {'lines': 3, 'patches': 3}
    """
    so_far = max(granted.values())
    more = next((number for number in rounds if number > so_far), None)
    if more is None or RUNNING in table.values():
        return dict(granted)
    scores = {
        arm: [*finalist_scores(arm, table).values()]
        for arm, number in granted.items()
        if number == so_far
    }
    names = contenders(scores, level)
    return {**granted, **dict.fromkeys(names, more)} if len(names) > 1 else dict(granted)


def finalist_scores(strategy: str, table: Table) -> dict[int, float]:
    """Returns the best score of each of an arm's iterations: each configuration's by its last rung.

    >>> from search.hyperband.promotion import TrialKey
    >>> table = {
    ...     TrialKey("lines", 0, 1, 0, 0): Outcome("completed", 0.9),
    ...     TrialKey("lines", 0, 1, 1, 0): Outcome("completed", 0.8),
    ...     TrialKey("lines", 0, 1, 0, 1): Outcome("completed", 0.7),
    ... }
    >>> finalist_scores("lines", table)
    {0: 0.8}

    Args:
        strategy: the arm.
        table: what has been started so far.
    """
    longest: dict[tuple[int, int, int], tuple[int, Outcome]] = {}
    for key, outcome in table.items():
        place = key.iteration, key.bracket, key.slot
        if key.strategy == strategy and key.rung >= longest.get(place, (0, outcome))[0]:
            longest[place] = key.rung, outcome
    best: dict[int, float] = {}
    for (iteration, _, _), (_, outcome) in sorted(longest.items()):
        if outcome.status == "completed":
            assert outcome.score is not None  # a completed trial has one
            best[iteration] = max(best.get(iteration, outcome.score), outcome.score)
    return best
