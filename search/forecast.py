"""How long it takes: the pace of what was trained, times what is left to train. Pure functions."""

from __future__ import annotations

import dataclasses
import heapq
import statistics
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from search.rows import TrialRow
from search.tally import Tally

STEP = 20_000_000
"""What a step costs besides its arithmetic, in multiply-adds. (Digits, all strategies, two workers
on two threads of a Xeon: with it the seconds an epoch are proportional to a configuration's effort
within a strategy, to a quarter; without it they are off by up to four times.)"""

FORWARD = 1 / 3
"""What an image costs that is only classified, as a share of one that is learnt from."""

LARGER = 1.3
"""How much dearer the configurations are that are chosen than those that are drawn, where none has
been chosen yet: measured on digits, all strategies, 0.7 to 2.4 times."""


class Plan(NamedTuple):
    """An amount of work: so many trials, which train so many epochs in all."""

    trials: int
    epochs: int

    def plus(self, other: Plan) -> Plan:
        """Returns both together."""
        return Plan(self.trials + other.trials, self.epochs + other.epochs)

    def share(self, part: float) -> Plan:
        """Returns a part of it, or several times as much."""
        return Plan(round(part * self.trials), round(part * self.epochs))


NO_WORK = Plan(0, 0)


def plans(totals: Mapping[str, tuple[int, int]]) -> dict[str, Plan]:
    """Returns the plan of each strategy from its (trials, epochs)."""
    return {strategy: Plan(*total) for strategy, total in totals.items()}


def remaining(planned: Mapping[str, Plan], done: Mapping[str, Tally]) -> dict[str, Plan]:
    """Returns what is left of the plan, by strategy; a failed trial has used up its share."""
    left = dict(planned)
    for name, tally in done.items():
        trials, epochs = left.get(name, NO_WORK)
        left[name] = Plan(max(0, trials - tally.trials), max(0, epochs - tally.epochs))
    return left


def effort(multiply_adds: int, batch_size: int) -> float:
    """Returns what an image costs in training, to which an epoch's seconds are proportional.

    >>> effort(1_000_000, batch_size=20)
    2000000.0
    """
    return multiply_adds + STEP / batch_size


@dataclasses.dataclass(frozen=True)
class Pace:
    """How fast trainings are, as far as they were measured.

    Attributes:
        setup: strategy to the seconds of a set-up, the mean of its trials.
        epoch: strategy to the seconds of an epoch of its average configuration.
        typical: strategy to the effort of its average configuration.
    """

    setup: Mapping[str, float]
    epoch: Mapping[str, float]
    typical: Mapping[str, float]

    def setup_of(self, strategy: str) -> float:
        """Seconds of a set-up; of one that was not measured, the mean of the others."""
        usual = statistics.fmean(self.setup.values()) if self.setup else 0.0
        return self.setup.get(strategy, usual)

    def epoch_of(self, strategy: str) -> float:
        """Seconds of an epoch; of one that was not measured, as the others' efforts say."""
        if strategy in self.epoch or not self.epoch:
            return self.epoch.get(strategy, 0.0)
        if strategy in self.typical:
            known = [name for name in self.epoch if name in self.typical]
            if known:
                each = statistics.fmean(self.epoch[name] / self.typical[name] for name in known)
                return each * self.typical[strategy]
        return statistics.fmean(self.epoch.values())

    def seconds(self, strategy: str, work: Plan) -> float:
        """Seconds that so much work takes, one after the other."""
        return work.trials * self.setup_of(strategy) + work.epochs * self.epoch_of(strategy)


class Outlook(NamedTuple):
    """What the time that a run takes follows from, beside what it has trained so far.

    Attributes:
        typical: strategy to the effort of its average configuration.
        calibrated: what was trained to measure the pace, and counts for nothing else.
        longer: how many times longer than a trial's a final's epoch is.
        tested: as how many of its epochs the test of a final takes.
        afterwards: seconds from the last final to the end.
        workers: how many there are.
    """

    typical: Mapping[str, float]
    calibrated: tuple[TrialRow, ...] = ()
    longer: float = 1.0
    tested: float = 0.0
    afterwards: float = 0.0
    workers: int = 1


UNKNOWN = Outlook({})


def pace_of(
    done: Mapping[str, Tally], typical: Mapping[str, float], batch_size: int
) -> Pace | None:
    """Returns the pace of the trials done; None where none has told it.

    Strategies differ tenfold, so each has its own. Within a strategy configurations differ as much,
    and the first few may all be small: what was measured is set against their effort, so it holds
    for the average of those that are drawn.

    Args:
        done: strategy to its trials that have ended, or so far as they have come.
        typical: strategy to the effort of its average configuration, where that is known.
        batch_size: images a step.
    """

    def epochs(name: str, tally: Tally) -> float:
        """So many of the average configuration have taken as long."""
        if name not in typical:
            return tally.timed_epochs
        # The effort of all of them together: it is linear in the multiply-adds.
        counted = tally.multiply_adds + tally.counted_epochs * effort(0, batch_size)
        return tally.timed_epochs - tally.counted_epochs + counted / typical[name]

    timed = {name: tally for name, tally in done.items() if tally.timed_epochs}
    if not timed:
        return None
    return Pace(
        {name: each.setup_seconds / each.setups for name, each in done.items() if each.setups},
        {name: each.seconds / epochs(name, each) for name, each in timed.items()},
        typical,
    )


def side_by_side(seconds: Iterable[float], workers: int) -> float:
    """Returns how long jobs take on so many workers, the longest first.

    >>> side_by_side([3, 3, 2, 2, 2], workers=2)
    7.0
    """
    free = [0.0] * max(1, workers)
    for each in sorted(seconds, reverse=True):
        heapq.heapreplace(free, free[0] + each)
    return max(free)
