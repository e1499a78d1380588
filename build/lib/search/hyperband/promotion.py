"""Who goes on: Hyperband as a function of the trial table. Pure functions, no state."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping

from search.hyperband import brackets

Plan = dict[int, tuple[brackets.Rung, ...]]


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a trial stands in the plan; its name says it.

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
        return f"{self.strategy}-{self.iteration}-{self.bracket}-{self.rung}-{self.slot}"

    @classmethod
    def parse(cls, trial_id: str) -> Place:
        """The place that a `trial_id` names."""
        strategy, *numbers = trial_id.rsplit("-", 4)
        return cls(strategy, *map(int, numbers))

    @property
    def parent(self) -> Place | None:
        """The place that a promotion comes from; None in rung 0."""
        return dataclasses.replace(self, rung=self.rung - 1) if self.rung else None


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What the table says of a trial: `running`, `completed` or `failed`, and how well."""

    status: str
    score: float | None = None
    val_loss: float | None = None


Table = Mapping[Place, Outcome]
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
    """Returns a bracket's rungs as the table shows them, the first first."""
    states: list[RungState] = []
    coming = drawn
    for number, rung in enumerate(rungs):
        outcomes = {
            slot: outcome
            for slot in range(drawn)
            if (outcome := table.get(Place(strategy, iteration, bracket, number, slot)))
        }
        completed = [slot for slot, outcome in outcomes.items() if outcome.status == "completed"]
        failed = sum(outcome.status == "failed" for outcome in outcomes.values())

        def rank(slot: int, outcomes: dict[int, Outcome] = outcomes) -> tuple[float, float, int]:
            outcome = outcomes[slot]
            assert outcome.score is not None  # a completed trial has one
            loss = outcome.val_loss
            if loss is None or math.isnan(loss):  # NaN is neither more nor less: no order at all
                loss = math.inf
            return (-outcome.score, loss, slot)

        pending = min(rung.size, coming) - len(completed) - failed
        states.append(RungState(sorted(completed, key=rank), pending))
        coming = len(completed) + pending
    return states


def next_in_arm(
    strategy: str, plan: Plan, drawn: Mapping[tuple[int, int], int], table: Table
) -> Place | None:
    """The next trial of an arm that can start now, or None.

    A trial is promoted as soon as no outcome of those still to finish in its rung could exclude
    it; a failed one takes no place. Who is promoted therefore does not depend on the order in
    which trials finish, nor on how many run at a time.

    Args:
        strategy: the arm.
        plan: from `brackets.plan`.
        drawn: (iteration, bracket) to the number of configurations that its rung 0 starts.
        table: what has been started so far.
    """
    for (iteration, bracket), count in drawn.items():
        rungs = plan[bracket]
        states = rung_states(strategy, iteration, bracket, rungs, count, table)
        for number in reversed(range(1, len(rungs))):
            below = states[number - 1]
            certain = below.ranking[: max(0, rungs[number].size - below.pending)]
            for slot in certain:
                place = Place(strategy, iteration, bracket, number, slot)
                if place not in table:
                    return place
        for slot in range(count):
            place = Place(strategy, iteration, bracket, 0, slot)
            if place not in table:
                return place
    return None
