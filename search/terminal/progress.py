"""How far a search has come and how long it still takes: values and pure functions, no display.

Every event makes a new immutable `Progress` from the old one. So another thread may read one at any
time without a lock, and what is shown can be tested without a terminal.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from search.experiment import Experiment
from search.forecast import (
    LARGER,
    UNKNOWN,
    Outlook,
    Pace,
    Plan,
    pace_of,
    relative_effort,
    remaining,
    side_by_side,
)
from search.ranking import finalists, finalists_of_iterations
from search.rows import TrialRow


@dataclasses.dataclass(frozen=True)
class Running:
    """A trial under way: its row, the epoch it has reached, and the seconds its epochs took."""

    row: TrialRow
    epoch: int
    seconds: float = 0.0

    @property
    def so_far(self) -> TrialRow:
        """What it has done, as if it ended here."""
        return dataclasses.replace(self.row, last_epoch=self.epoch, train_seconds=self.seconds)


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
        finished: trials that have ended, by trial_id.
        running: trials under way, by trial_id.
        workers: the most trials seen at once.
        curves: validation score by epoch, by trial_id, with that of the trials it continues.
        training: finalists being trained, by the name of their training.
        finals: test accuracy by (strategy, number); None for a failed one.
        final_epochs: strategy to how many epochs of its finals have ended, and in how many seconds.
        ended: whether the display was closed.
        outlook: what else the time that is left follows from.
        ends: when the run has to end, on the same clock; infinity without a budget.
    """

    experiment: Experiment
    planned: Mapping[str, Plan]
    began: float = 0.0
    finished: Mapping[str, TrialRow] = dataclasses.field(default_factory=dict)
    running: Mapping[str, Running] = dataclasses.field(default_factory=dict)
    workers: int = 1
    curves: Mapping[str, Mapping[int, float | None]] = dataclasses.field(default_factory=dict)
    training: Mapping[str, Final] = dataclasses.field(default_factory=dict)
    finals: Mapping[tuple[str, int], float | None] = dataclasses.field(default_factory=dict)
    final_epochs: Mapping[str, tuple[int, float]] = dataclasses.field(default_factory=dict)
    ended: bool = False
    outlook: Outlook = UNKNOWN
    ends: float = math.inf

    def trial_started(self, row: TrialRow) -> Progress:
        """Returns the progress after a trial has started, or started again."""
        trial_id = row.trial_id
        running = {**self.running, trial_id: Running(row, row.first_epoch)}
        inherited = self.curves.get(row.parent_id or "", {})
        return dataclasses.replace(
            self,
            running=running,
            workers=max(self.workers, len(running)),
            curves={**self.curves, trial_id: inherited},
        )

    def epoch_finished(self, trial_id: str, epoch: Mapping[str, Any]) -> Progress:
        """Returns the progress after one more epoch of a trial, or of a finalist."""
        if trial_id in self.training:
            final = self.training[trial_id]._replace(epoch=epoch["epoch"])
            count, seconds = self.final_epochs.get(final.strategy, (0, 0.0))
            measured = count + 1, seconds + epoch["seconds"]
            return dataclasses.replace(
                self,
                training={**self.training, trial_id: final},
                final_epochs={**self.final_epochs, final.strategy: measured},
            )
        score = self.experiment.metric.validation
        curve = {**self.curves.get(trial_id, {}), epoch["epoch"]: epoch[score]}
        running = dict(self.running)
        if trial_id in running:  # a worker's last epochs may arrive after its result
            before = running[trial_id]
            seconds = before.seconds + epoch["seconds"]
            running[trial_id] = Running(before.row, epoch["epoch"], seconds)
        return dataclasses.replace(self, running=running, curves={**self.curves, trial_id: curve})

    def trial_finished(self, row: TrialRow) -> Progress:
        """Returns the progress after a trial has ended, whether or not it was seen to start."""
        trial_id = row.trial_id
        curve = {**self.curves.get(row.parent_id or "", {}), **self.curves.get(trial_id, {})}
        if row.status == "completed":
            curve[row.last_epoch] = row.score
        return dataclasses.replace(
            self,
            finished={**self.finished, trial_id: row},
            running={key: value for key, value in self.running.items() if key != trial_id},
            curves={**self.curves, trial_id: curve},
        )

    def final_started(self, trial_id: str, final: Final) -> Progress:
        """Returns the progress after a finalist's training on one more seed has started."""
        training = {**self.training, trial_id: final}
        workers = max(self.workers, len(training))
        return dataclasses.replace(self, training=training, workers=workers)

    def final_finished(self, strategy: str, number: int, test_accuracy: float | None) -> Progress:
        """Returns the progress after a finalist was tested on one seed, or has failed."""
        left = {
            trial_id: final
            for trial_id, final in self.training.items()
            if (final.strategy, final.number) != (strategy, number)
        }
        finals = {**self.finals, (strategy, number): test_accuracy}
        return dataclasses.replace(self, training=left, finals=finals)

    @property
    def done(self) -> list[TrialRow]:
        """What was worked so far: trials that ended, and the running ones up to their epoch."""
        return [*self.finished.values(), *(trial.so_far for trial in self.running.values())]

    @property
    def in_finals(self) -> bool:
        """Whether the search is over."""
        return bool(self.training or self.finals)

    @functools.cached_property  # the screen asks often
    def by_strategy(self) -> dict[str, list[TrialRow]]:
        """The trials that have ended, by strategy."""
        rows: dict[str, list[TrialRow]] = {}
        for row in self.finished.values():
            rows.setdefault(row.strategy, []).append(row)
        return rows

    @functools.cached_property
    def best(self) -> dict[str, TrialRow]:
        """The trial that would be in the finals, by strategy, the best strategy first."""
        return finalists(self.finished.values(), self.experiment.metric)

    @functools.cached_property
    def finalists(self) -> dict[tuple[str, int], TrialRow]:
        """(Strategy, iteration) to the trial whose configuration would be in the finals."""
        return finalists_of_iterations(self.finished.values(), self.experiment.metric)

    @functools.cached_property
    def iterations_with_finalists(self) -> collections.Counter[str]:
        """How many finalists each strategy would send, one an iteration."""
        return collections.Counter(strategy for strategy, _ in self.finalists)

    def searches(self, strategy: str) -> int:
        """Returns how many searches of a strategy have begun or will, as far as is known."""
        begun = [row.iteration + 1 for row in self.by_strategy.get(strategy, ())]
        return max([self.experiment.iterations, *begun])

    def finals_of(self, strategy: str) -> int:
        """Returns how many finals a strategy has, if each of its searches sends a finalist."""
        return self.experiment.final_seeds * self.searches(strategy)

    def finals_left(self) -> dict[str, Plan]:
        """Returns the finals still to train; a strategy whose every trial failed has none."""
        left = {}
        ended = {name: len(self.by_strategy.get(name, ())) for name in self.planned}
        for strategy in self.planned:
            over = self.in_finals or 0 < self.planned[strategy].trials <= ended[strategy]
            searches = self.searches(strategy)
            if over:
                searches = self.iterations_with_finalists[strategy]
            done = sum(name == strategy for name, _ in self.finals)
            count = self.experiment.final_seeds * searches - done
            if count > 0:
                left[strategy] = Plan(count, count * self.experiment.epochs_of_finals)
        return left

    @property
    def pace(self) -> Pace | None:
        """How fast trials have been so far, the running ones up to their epoch."""
        measured = [*self.outlook.calibrated, *self.done]
        return pace_of(measured, self.outlook.typical, self.experiment.batch_size)

    def parts_left(self) -> tuple[float, float] | None:
        """Returns the seconds left of the search, and from its end on; None where none is known."""
        pace = self.pace
        left = {} if self.in_finals else remaining(self.planned, self.done)
        finals_left = self.finals_left()
        if pace is None:
            work = (*left.values(), *finals_left.values())
            return None if any(plan.trials for plan in work) else (0.0, 0.0)
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
        count = self.iterations_with_finalists
        epochs = self.experiment.epochs_of_finals
        seconds = [
            pace.setup_of(name) + epochs * self._final_epoch(pace, name)
            for name in count
            for _ in range(self.experiment.final_seeds * count[name])
        ]
        return side_by_side(seconds, self.workers) + self.outlook.afterwards

    def under_way(self) -> float:
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

    def _finals(self, pace: Pace, left: Mapping[str, Plan]) -> list[float]:
        """The seconds that each final still takes."""
        epochs = self.experiment.epochs_of_finals
        begun = [final for final in self.training.values() if final.epoch]
        seconds = []
        for strategy, plan in left.items():
            setup, each = pace.setup_of(strategy), self._final_epoch(pace, strategy)
            mine = [final for final in begun if final.strategy == strategy][: plan.trials]
            seconds += [(epochs - final.epoch) * each for final in mine]
            seconds += [setup + epochs * each] * (plan.trials - len(mine))
        return seconds

    def _final_epoch(self, pace: Pace, strategy: str) -> float:
        """The seconds of an epoch of a strategy's finals: as measured, or as its finalists say."""
        if strategy in self.final_epochs:
            count, seconds = self.final_epochs[strategy]
            return seconds / count
        chosen = [
            relative_effort(row, self.outlook.typical, self.experiment.batch_size)
            for (name, _), row in self.finalists.items()
            if name == strategy
        ]
        unknown = LARGER if strategy in self.outlook.typical else 1.0
        chosen += [unknown] * (self.searches(strategy) - len(chosen))
        return self.outlook.longer * pace.epoch_of(strategy) * sum(chosen) / len(chosen)
