"""How far a search has come and how long it still takes: values and pure functions, no display.

Every event makes a new immutable `Progress` from the old one. So another thread may read one at any
time without a lock, and what is shown can be tested without a terminal.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from search.experiment import Experiment
from search.forecast import (
    LARGER,
    NO_WORK,
    UNKNOWN,
    Outlook,
    Pace,
    Plan,
    pace_of,
    remaining,
    side_by_side,
)
from search.metric import more_is_better
from search.ranking import best_first
from search.rows import TrialRow
from search.tally import NOTHING, Tally, tallies
from search.terminal.arms import NO_TRIAL, Arms, ArmSoFar, Curve, with_ended


@dataclasses.dataclass(frozen=True)
class Running:
    """A trial under way.

    Attributes:
        row: as it started.
        epoch: the one that it has reached.
        seconds: what its epochs took.
        curve: of its epochs, with that of the trials that it continues.
    """

    row: TrialRow
    epoch: int
    seconds: float = 0.0
    curve: Curve = dataclasses.field(default_factory=dict)

    @property
    def tally(self) -> Tally:
        """What it comes to, as if it ended here."""
        epochs = self.epoch - self.row.first_epoch
        return Tally(trials=1, epochs=epochs, timed_epochs=epochs, seconds=self.seconds)


Finalist = tuple[str, int]
"""Whose it is: the strategy, and the iteration."""


class Final(NamedTuple):
    """A finalist being trained: the how-manieth of its strategy, its seed, and its epochs."""

    strategy: str
    number: int
    seed: int
    epoch: int = 0


@dataclasses.dataclass(frozen=True)
class Progress:
    """All that the display knows. Nothing in it is ever changed: an event makes a new one.

    Attributes:
        experiment: what was asked for.
        planned: the work planned for each strategy, in the order of the table; it may be too much.
        began: when this process started, on the monotonic clock, in seconds.
        arms: the trials that have ended, by strategy.
        running: trials under way, by trial_id.
        under_way: what those come to, by strategy.
        workers: the most trials seen at once.
        training: finalists being trained, by the name of their training.
        finals: test score by (strategy, number); None for a failed one.
        final_epochs: finalist to how many epochs of its finals have ended, and in how many seconds.
        ended: whether the display was closed.
        outlook: what else the time that is left follows from.
        ends: when the run has to end, on the same clock; infinity without a budget.
    """

    experiment: Experiment
    planned: Mapping[str, Plan]
    began: float = 0.0
    arms: Arms = dataclasses.field(default_factory=dict)
    running: Mapping[str, Running] = dataclasses.field(default_factory=dict)
    under_way: Mapping[str, Tally] = dataclasses.field(default_factory=dict)
    workers: int = 1
    training: Mapping[str, Final] = dataclasses.field(default_factory=dict)
    finals: Mapping[tuple[str, int], float | None] = dataclasses.field(default_factory=dict)
    final_epochs: Mapping[Finalist, tuple[int, float]] = dataclasses.field(default_factory=dict)
    ended: bool = False
    outlook: Outlook = UNKNOWN
    ends: float = math.inf

    def trial_started(self, row: TrialRow) -> Progress:
        """Returns the progress after a trial has started, or started again."""
        started = Running(row, row.first_epoch, curve=self.arm(row.strategy).curve(row))
        after = self._run({row.trial_id: started})
        return dataclasses.replace(after, workers=max(self.workers, len(after.running)))

    def epoch_finished(self, trial_id: str, epoch: Mapping[str, Any]) -> Progress:
        """Returns the progress after one more epoch of a trial, or of a finalist."""
        if trial_id in self.training:
            final = self.training[trial_id]._replace(epoch=epoch["epoch"])
            whose = self._finalist(final)
            count, seconds = self.final_epochs.get(whose, (0, 0.0))
            measured = count + 1, seconds + epoch["seconds"]
            return dataclasses.replace(
                self,
                training={**self.training, trial_id: final},
                final_epochs={**self.final_epochs, whose: measured},
            )
        if trial_id not in self.running:  # a worker's last epochs may arrive after its result
            return self
        before = self.running[trial_id]
        number, score = epoch["epoch"], epoch[self.experiment.objective.validation]
        after = Running(
            before.row, number, before.seconds + epoch["seconds"], {**before.curve, number: score}
        )
        return self._run({trial_id: after})

    def _run(self, changed: Mapping[str, Running | None]) -> Progress:
        """Returns the progress with these under way as they are now, or no longer."""
        running, tallied = dict(self.running), dict(self.under_way)
        for trial_id, after in changed.items():
            if before := running.get(trial_id):
                name = before.row.strategy
                tallied[name] = tallied[name].minus(before.tally)
            if after is None:
                del running[trial_id]
            else:
                running[trial_id], name = after, after.row.strategy
                tallied[name] = tallied.get(name, NOTHING).plus(after.tally)
        return dataclasses.replace(self, running=running, under_way=tallied)

    def trials_finished(self, rows: Iterable[TrialRow]) -> Progress:
        """Returns the progress after trials have ended, whether or not they were seen to start."""
        ended = {row.trial_id: row for row in rows}
        seen = {name: self.running[name].curve for name in ended if name in self.running}
        arms = with_ended(self.arms, ended.values(), self.experiment.objective, seen)
        return dataclasses.replace(self._run(dict.fromkeys(seen)), arms=arms)

    def trial_finished(self, row: TrialRow) -> Progress:
        """Returns the progress after one has."""
        return self.trials_finished([row])

    def final_started(self, trial_id: str, final: Final) -> Progress:
        """Returns the progress after a finalist's training on one more seed has started."""
        training = {**self.training, trial_id: final}
        workers = max(self.workers, len(training))
        return dataclasses.replace(self, training=training, workers=workers)

    def final_finished(self, strategy: str, number: int, test_score: float | None) -> Progress:
        """Returns the progress after a finalist was tested on one seed, or has failed."""
        left = {
            trial_id: final
            for trial_id, final in self.training.items()
            if (final.strategy, final.number) != (strategy, number)
        }
        finals = {**self.finals, (strategy, number): test_score}
        return dataclasses.replace(self, training=left, finals=finals)

    def arm(self, strategy: str) -> ArmSoFar:
        """Returns what has ended of a strategy."""
        return self.arms.get(strategy, NO_TRIAL)

    @property
    def ended_trials(self) -> int:
        """How many trials have ended."""
        return sum(arm.tally.trials for arm in self.arms.values())

    @functools.cached_property
    def done(self) -> dict[str, Tally]:
        """What was worked so far: trials that ended, and the running ones up to their epoch."""
        done = {name: arm.tally for name, arm in self.arms.items()}
        for name, tally in self.under_way.items():
            done[name] = done.get(name, NOTHING).plus(tally)
        return done

    @property
    def in_finals(self) -> bool:
        """Whether the search is over."""
        return bool(self.training or self.finals)

    @functools.cached_property
    def finalists(self) -> dict[tuple[str, int], TrialRow]:
        """(Strategy, iteration) to the trial whose configuration would be in the finals."""
        found = [row for arm in self.arms.values() for row in arm.finalists.values()]
        ranked = best_first(found, self.experiment.objective)
        return {(row.strategy, row.iteration): row for row in ranked}

    @functools.cached_property  # the screen asks often
    def best(self) -> dict[str, TrialRow]:
        """The trial that would be in the finals, by strategy, the best strategy first."""
        best: dict[str, TrialRow] = {}
        for row in self.finalists.values():
            best.setdefault(row.strategy, row)
        return best

    def searches(self, strategy: str) -> int:
        """Returns how many searches of a strategy have begun or will, as far as is known."""
        begun = 1 + max(self.arm(strategy).searches, default=-1)
        return max(self.experiment.iterations, begun)

    def _finalist(self, final: Final) -> Finalist:
        """Whose training it is."""
        return final.strategy, (final.number - 1) // self.experiment.final_seeds

    def finals_of(self, strategy: str) -> int:
        """Returns how many finals a strategy has, if each of its searches sends a finalist."""
        return self.experiment.final_seeds * self.searches(strategy)

    def finals_left(self) -> dict[Finalist, int]:
        """Returns how many finals each finalist still has; where every trial failed there is none.

        Those of further searches are not counted.
        """
        left = {}
        for strategy, plan in self.planned.items():
            arm = self.arm(strategy)
            over = self.in_finals or 0 < plan.trials <= arm.tally.trials
            for iteration in sorted(arm.finalists) if over else range(self.searches(strategy)):
                numbers = map(
                    self.experiment.final_number, self.experiment.final_seeds_of(iteration)
                )
                left[strategy, iteration] = sum(
                    (strategy, number) not in self.finals for number in numbers
                )
        return left

    @functools.cached_property
    def further(self) -> dict[str, int]:
        """Strategy to the searches that it will have besides, as far as can be seen by now.

        Those that may be the best go on to the last look; who they will be is not known, but of
        those that are equal nobody falls behind.
        """
        searches = {name: self.searches(name) for name in self.planned}
        so_far = max(searches.values(), default=0)
        more = self.experiment.most_iterations - so_far
        if more <= 0 or self.in_finals:
            return {}
        scores = tuple(
            (name, self.arm(name).whole(self.planned[name].trials // count))
            for name, count in searches.items()
            if count == so_far
        )
        names = contending(scores, self.experiment.objective.direction, self.experiment.level)
        return dict.fromkeys(names, more) if len(names) > 1 else {}

    @functools.cached_property
    def pace(self) -> Pace | None:
        """How fast trials have been so far, the running ones up to their epoch."""
        measured = tallies(self.outlook.calibrated)
        for name, tally in self.done.items():
            measured[name] = measured.get(name, NOTHING).plus(tally)
        return pace_of(measured, self.outlook.typical, self.experiment.batch_size)

    def parts_left(self) -> tuple[float, float] | None:
        """Returns the seconds left of the search, and from its end on; None where none is known."""
        pace = self.pace
        left = {} if self.in_finals else remaining(self.planned, self.done)
        finals_left = self.finals_left()
        for name, more in self.further.items():
            so_far = self.searches(name)
            searches = self.planned[name].share(more / so_far)
            left[name] = left.get(name, NO_WORK).plus(searches)
            for iteration in range(so_far, so_far + more):
                finals_left[name, iteration] = self.experiment.final_seeds
        if pace is None:
            any_left = any(plan.trials for plan in left.values()) or any(finals_left.values())
            return None if any_left else (0.0, 0.0)
        search = sum(pace.seconds(name, plan) for name, plan in left.items()) / self.workers
        finals = side_by_side(self._finals(pace, finals_left), self.workers)
        return search, finals + (self.outlook.afterwards if finals else 0.0)

    def time_left(self, now: float) -> tuple[float | None, bool]:
        """Returns the seconds left, finals included, and whether the budget sets them."""
        parts = self.parts_left()
        left = max(0.0, self.ends - now)
        if parts is None:
            return (None, False) if left == math.inf else (left, True)
        return min(sum(parts), left), left < sum(parts)

    def finals_of_begun(self) -> float:
        """Returns the seconds from the search's end on, if no other search were begun."""
        pace = self.pace
        if pace is None:
            return self.outlook.afterwards
        begun = dict.fromkeys(self.finalists, self.experiment.final_seeds)
        return side_by_side(self._finals(pace, begun), self.workers) + self.outlook.afterwards

    def seconds_under_way(self) -> float:
        """Returns the seconds until the last of the trials that run has ended."""
        pace = self.pace
        if pace is None:
            return 0.0
        return max(
            (
                pace.seconds(trial.row.strategy, Plan(0, trial.row.last_epoch - trial.epoch))
                for trial in self.running.values()
            ),
            default=0.0,
        )

    def _finals(self, pace: Pace, left: Mapping[Finalist, int]) -> list[float]:
        """The seconds that each final still takes."""
        epochs = self.experiment.epochs_of_finals + self.outlook.tested
        begun = [final for final in self.training.values() if final.epoch]
        measured = sum(seconds for _, seconds in self.final_epochs.values())
        expected = sum(
            count * self._final_epoch(pace, finalist)
            for finalist, (count, _) in self.final_epochs.items()
        )
        slower = measured / expected if expected else 1.0
        seconds = []
        for finalist, count in left.items():
            if finalist in self.final_epochs:
                ended, took = self.final_epochs[finalist]
                each = took / ended
            else:
                each = slower * self._final_epoch(pace, finalist)
            mine = [final for final in begun if self._finalist(final) == finalist][:count]
            seconds += [(epochs - final.epoch) * each for final in mine]
            seconds += [pace.setup_of(finalist[0]) + epochs * each] * (count - len(mine))
        return seconds

    def _final_epoch(self, pace: Pace, finalist: Finalist) -> float:
        """The seconds of an epoch of a finalist: by its trial, else by those of its strategy."""
        strategy, iteration = finalist
        chosen = self.arm(strategy).finalists.get(iteration)
        if chosen is not None and chosen.train_seconds is not None:
            return self.outlook.longer * chosen.train_seconds / chosen.epochs
        larger = LARGER if strategy in self.outlook.typical else 1.0
        return self.outlook.longer * larger * pace.epoch_of(strategy)


@functools.lru_cache(maxsize=16)  # the screen asks after every epoch, and a search ends seldom
def contending(
    scores: tuple[tuple[str, tuple[float, ...]], ...], direction: str, level: float
) -> tuple[str, ...]:
    """Returns who may be the best, by the searches that have ended; whoever has none may be, too.

    Args:
        scores: (strategy, its finalists' scores) pairs.
        direction: `max` where more is better, `min` where less is.
        level: of a look.
    """
    from search.contenders import contenders  # with SciPy, which `--status` seldom needs

    known = {
        name: [more_is_better(score, direction) for score in each] for name, each in scores if each
    }
    ahead = contenders(known, level)
    return tuple(name for name, each in scores if not each or name in ahead)
