"""Who is searched more, once a round of searches is over: a function of the trial table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from search.contenders import contenders
from search.hyperband.promotion import RUNNING, Table, finalist_scores


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
