"""Who goes on: Hyperband as a function of the trial table. Pure functions, no state."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import NamedTuple

from search.hyperband import brackets
from search.ranking import merit
from search.rows import trial_name

Plan = dict[int, tuple[brackets.Rung, ...]]

Place = tuple[int, int]
"""Of a trial in its bracket: (rung, slot)."""


@dataclasses.dataclass(frozen=True)
class TrialKey:
    """Where a trial stands in the plan; its name says it.

    >>> key = TrialKey("lines", iteration=0, bracket=2, rung=1, slot=7)
    >>> key.trial_id
    'lines-0-2-1-7'
    >>> TrialKey.parse("lines-0-2-1-7") == key
    True
    >>> key.parent.trial_id
    'lines-0-2-0-7'

    `slot` is that of the configuration in rung 0, kept on promotion: so a trial's name does not
    depend on who was promoted first.
    """

    strategy: str
    iteration: int
    bracket: int
    rung: int
    slot: int

    @property
    def trial_id(self) -> str:
        """For instance `lines-0-2-1-7`: iteration 0, bracket 2, rung 1, slot 7."""
        return trial_name(self.strategy, self.iteration, self.bracket, self.rung, self.slot)

    @classmethod
    def parse(cls, trial_id: str) -> TrialKey:
        """The key that a `trial_id` names.

        Raises:
            ValueError: it does not end in four numbers.
        """
        strategy, *numbers = trial_id.rsplit("-", 4)
        return cls(strategy, *map(int, numbers))

    @property
    def parent(self) -> TrialKey | None:
        """The key that a promotion comes from; None in rung 0."""
        return dataclasses.replace(self, rung=self.rung - 1) if self.rung else None


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What the table says of a trial.

    Attributes:
        status: `running`, `completed` or `failed`.
        score: where it is completed; more is better.
        val_loss: the validation loss, which decides between equal scores; NaN and None come last.
    """

    status: str
    score: float | None = None
    val_loss: float | None = None


Table = Mapping[TrialKey, Outcome]
Rows = Mapping[Place, Outcome]
"""What the table says of one bracket's trials."""
RUNNING = Outcome("running")


@dataclasses.dataclass(frozen=True)
class RungState:
    """A rung as the table shows it.

    Attributes:
        ranking: the completed, best first; ties go to the lower loss, then the lower slot.
        pending: at most so many are still to finish.
    """

    ranking: list[int]
    pending: int


def rung_states(rungs: tuple[brackets.Rung, ...], drawn: int, rows: Rows) -> list[RungState]:
    """Returns a bracket's rungs as its rows show them, the first first.

    >>> scores = enumerate([0.2, 0.9, 0.5])
    >>> rows = {(0, slot): Outcome("completed", score) for slot, score in scores}
    >>> first, second = rung_states(brackets.plan(3, 3)[1], 3, rows)
    >>> first.ranking, first.pending
    ([1, 2, 0], 0)
    >>> second.ranking, second.pending
    ([], 1)

    Args:
        rungs: the bracket's.
        drawn: how many configurations it starts.
        rows: what has been started of it so far.
    """
    outcomes: list[dict[int, Outcome]] = [{} for _ in rungs]
    for (number, slot), outcome in rows.items():
        outcomes[number][slot] = outcome
    states: list[RungState] = []
    coming = drawn
    for rung, found in zip(rungs, outcomes, strict=True):
        completed = [slot for slot, outcome in found.items() if outcome.status == "completed"]
        failed = sum(outcome.status == "failed" for outcome in found.values())

        def rank(slot: int, found: dict[int, Outcome] = found) -> tuple[float, float, int]:
            outcome = found[slot]
            assert outcome.score is not None  # a completed trial has one
            return *merit(outcome.score, outcome.val_loss), slot

        pending = min(rung.size, coming) - len(completed) - failed
        states.append(RungState(sorted(completed, key=rank), pending))
        coming = len(completed) + pending
    return states


class Standing(NamedTuple):
    """How a bracket stands.

    Attributes:
        following: the next of its trials that can start now; None where all that is known to come
            has been started.
        promotable: its completed trials that a promotion, begun or still possible, may continue.
        ended: whether none of its trials is still to finish.
    """

    following: Place | None
    promotable: frozenset[Place]
    ended: bool


def standing(rungs: tuple[brackets.Rung, ...], drawn: int, rows: Rows) -> Standing:
    """Returns how a bracket stands, by its rows.

    A trial is promoted as soon as no outcome of those still to finish in its rung could exclude
    it; a failed one takes no place. Who is promoted therefore does not depend on the order in
    which trials finish, nor on how many run at a time. So this is successive halving (Jamieson and
    Talwalkar 2016, arXiv:1502.07943) without its waiting at the end of a rung, and unlike ASHA (Li
    et al. 2020, arXiv:1810.05934) it promotes nobody who would not have been.

    >>> rungs, rows = brackets.plan(max_epochs=3, factor=3)[1], {}
    >>> for score in (0.2, 0.9, 0.5):
    ...     rows[standing(rungs, 3, rows).following] = Outcome("completed", score)
    >>> standing(rungs, 3, rows).following  # slot 1 is the best of three
    (1, 1)

    Arguments as in `rung_states`.
    """
    states = rung_states(rungs, drawn, rows)
    following = next(((0, slot) for slot in range(drawn) if (0, slot) not in rows), None)
    promotable = set()
    for number in range(1, len(rungs)):
        size, below = rungs[number].size, states[number - 1]
        certain = max(0, size - below.pending)
        for place, slot in enumerate(below.ranking[:size]):
            new = place < certain and (number, slot) not in rows
            if new and (following is None or following[0] < number):  # the highest rung first
                following = number, slot
            if rows.get((number, slot), RUNNING) == RUNNING:
                promotable.add((number - 1, slot))
    return Standing(following, frozenset(promotable), not any(state.pending for state in states))
