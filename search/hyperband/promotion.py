"""Who goes on: Hyperband as a function of the trial table. Pure functions, no state."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from search.hyperband import brackets
from search.ranking import merit
from search.rows import trial_name

Plan = dict[int, tuple[brackets.Rung, ...]]


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


def rung_states(
    strategy: str, iteration: int, bracket: int, rungs: tuple[brackets.Rung, ...], drawn: int,
    table: Table,
) -> list[RungState]:  # fmt: skip
    """Returns a bracket's rungs as the table shows them, the first first.

    >>> table = {
    ...     TrialKey("lines", 0, 1, 0, slot): Outcome("completed", score)
    ...     for slot, score in enumerate([0.2, 0.9, 0.5])
    ... }
    >>> first, second = rung_states("lines", 0, 1, brackets.plan(3, 3)[1], 3, table)
    >>> first.ranking, first.pending
    ([1, 2, 0], 0)
    >>> second.ranking, second.pending
    ([], 1)

    Args:
        strategy: the arm.
        iteration: which of the arm's.
        bracket: which of the iteration's.
        rungs: the bracket's.
        drawn: how many configurations it starts.
        table: what has been started so far.
    """
    states: list[RungState] = []
    coming = drawn
    for number, rung in enumerate(rungs):
        outcomes = {
            slot: outcome
            for slot in range(drawn)
            if (outcome := table.get(TrialKey(strategy, iteration, bracket, number, slot)))
        }
        completed = [slot for slot, outcome in outcomes.items() if outcome.status == "completed"]
        failed = sum(outcome.status == "failed" for outcome in outcomes.values())

        def rank(slot: int, outcomes: dict[int, Outcome] = outcomes) -> tuple[float, float, int]:
            outcome = outcomes[slot]
            assert outcome.score is not None  # a completed trial has one
            return *merit(outcome.score, outcome.val_loss), slot

        pending = min(rung.size, coming) - len(completed) - failed
        states.append(RungState(sorted(completed, key=rank), pending))
        coming = len(completed) + pending
    return states


def finalist_scores(strategy: str, table: Table) -> dict[int, float]:
    """Returns the best score of each of an arm's iterations: each configuration's by its last rung.

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


def next_in_arm(
    strategy: str, plan: Plan, drawn: Mapping[tuple[int, int], int], table: Table
) -> TrialKey | None:
    """The next trial of an arm that can start now, or None.

    A trial is promoted as soon as no outcome of those still to finish in its rung could exclude
    it; a failed one takes no place. Who is promoted therefore does not depend on the order in
    which trials finish, nor on how many run at a time. So this is successive halving (Jamieson and
    Talwalkar 2016, arXiv:1502.07943) without its waiting at the end of a rung, and unlike ASHA (Li
    et al. 2020, arXiv:1810.05934) it promotes nobody who would not have been.

    >>> plan, table = brackets.plan(max_epochs=3, factor=3), {}
    >>> for score in (0.2, 0.9, 0.5):
    ...     table[next_in_arm("lines", plan, {(0, 1): 3}, table)] = Outcome("completed", score)
    >>> next_in_arm("lines", plan, {(0, 1): 3}, table).trial_id  # slot 1 is the best of three
    'lines-0-1-1-1'

    Args:
        strategy: the arm.
        plan: from `brackets.plan`.
        drawn: (iteration, bracket) to the number of configurations that its rung 0 starts.
        table: what has been started so far.

    Returns:
        None where all has been started, or waits for trials that run.
    """
    for (iteration, bracket), count in drawn.items():
        rungs = plan[bracket]
        states = rung_states(strategy, iteration, bracket, rungs, count, table)
        for number in reversed(range(1, len(rungs))):
            below = states[number - 1]
            certain = below.ranking[: max(0, rungs[number].size - below.pending)]
            for slot in certain:
                key = TrialKey(strategy, iteration, bracket, number, slot)
                if key not in table:
                    return key
        for slot in range(count):
            key = TrialKey(strategy, iteration, bracket, 0, slot)
            if key not in table:
                return key
    return None
