"""One arm's brackets, by its rows of the trial table: what can start, and how far it is."""

from __future__ import annotations

from collections.abc import Mapping

from search.hyperband.promotion import (
    RUNNING,
    Outcome,
    Place,
    Plan,
    Standing,
    TrialKey,
    standing,
)

Bracket = tuple[int, int]
"""Which of an arm's: (iteration, bracket)."""


class Arm:
    """All that it answers follows from what was drawn and from the rows.

    A bracket is looked at again only when one of its rows has changed, and never once it has ended:
    so an answer takes no longer in an arm of ten thousand trials than in one of ten.

    >>> from search.hyperband import brackets
    >>> arm = Arm("lines", brackets.plan(max_epochs=3, factor=3), {(0, 1): 3, (0, 0): 2})
    >>> arm.put(arm.following(), Outcome("completed", 0.2))
    >>> arm.put(arm.following(), Outcome("completed", 0.9))
    >>> arm.put(arm.following(), Outcome("completed", 0.5))
    >>> arm.following().trial_id  # slot 1 is the best of three
    'lines-0-1-1-1'
    >>> arm.promotable()
    {'lines-0-1-0-1'}
    >>> arm.draw({(1, 1): 3})
    >>> arm.whole()
    {0: False, 1: False}

    Args:
        name: the strategy's.
        plan: from `brackets.plan`.
        drawn: bracket to the number of configurations that its rung 0 starts, in the order in which
            they are opened.
    """

    def __init__(self, name: str, plan: Plan, drawn: Mapping[Bracket, int]):
        self.name, self._plan = name, plan
        self._drawn: dict[Bracket, int] = {}
        self._rows: dict[Bracket, dict[Place, Outcome]] = {}
        self._standings: dict[Bracket, Standing] = {}
        self._promotable: dict[Bracket, frozenset[str]] = {}  # what each open one adds, if any
        self._open: dict[Bracket, None] = {}  # those that have not ended, in their order
        self._next: TrialKey | None = None  # what `following` says, as long as nothing changes
        self._next_known = False
        self.running = 0
        self.draw(drawn)

    def draw(self, drawn: Mapping[Bracket, int]) -> None:
        """Adds brackets behind those that there are."""
        for bracket, count in drawn.items():
            self._drawn[bracket] = count
            self._open[bracket] = None
            self._look(bracket)

    def put(self, key: TrialKey, outcome: Outcome) -> None:
        """Takes what the table says of one of its trials."""
        bracket = key.iteration, key.bracket
        rows = self._rows.setdefault(bracket, {})
        before = rows.get((key.rung, key.slot))
        self.running += (outcome == RUNNING) - (before == RUNNING)
        rows[key.rung, key.slot] = outcome
        self._standings.pop(bracket, None)
        self._look(bracket)

    def _look(self, bracket: Bracket) -> None:
        """Takes note of a bracket that has changed; strikes it off once it has ended."""
        self._next_known = False
        if bracket not in self._open or not self._rows.get(bracket):
            return
        standing = self._standing(bracket)
        names = (TrialKey(self.name, *bracket, *place).trial_id for place in standing.promotable)
        self._promotable[bracket] = frozenset(names)
        if standing.ended:
            del self._open[bracket], self._promotable[bracket]

    def _standing(self, bracket: Bracket) -> Standing:
        if bracket not in self._standings:
            rungs, rows = self._plan[bracket[1]], self._rows.get(bracket, {})
            self._standings[bracket] = standing(rungs, self._drawn[bracket], rows)
        return self._standings[bracket]

    def following(self) -> TrialKey | None:
        """The next trial that can start now, or None.

        Of the first bracket that has one; None where all has been started, or waits for trials
        that run.
        """
        if not self._next_known:
            places = ((bracket, self._standing(bracket).following) for bracket in self._open)
            self._next = next(
                (TrialKey(self.name, *bracket, *place) for bracket, place in places if place), None
            )
            self._next_known = True
        return self._next

    def promotable(self) -> set[str]:
        """The completed trials that a promotion, begun or still possible, may continue."""
        return set().union(*self._promotable.values())

    def whole(self) -> dict[int, bool]:
        """Iteration to whether all its trials have ended."""
        found: dict[int, bool] = {}
        for bracket in self._drawn:
            found[bracket[0]] = found.get(bracket[0], True) and bracket not in self._open
        return found
