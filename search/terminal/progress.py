"""How far a search has come and how long it still takes: values and pure functions, no display.

Every event makes a new immutable `Progress` from the old one. So another thread may read one at any
time without a lock, and what is shown can be tested without a terminal.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import statistics
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from search.experiment import Experiment
from search.ranking import finalists, finalists_of_iterations
from search.rows import TrialRow


class Plan(NamedTuple):
    """An amount of work: so many trials, which train so many epochs in all."""

    trials: int
    epochs: int


def plans(totals: Mapping[str, tuple[int, int]]) -> dict[str, Plan]:
    """Returns the plan of each strategy from its (trials, epochs)."""
    return {strategy: Plan(*total) for strategy, total in totals.items()}


def remaining(planned: Mapping[str, Plan], done: Iterable[TrialRow]) -> dict[str, Plan]:
    """Returns what is left of the plan, by strategy; a failed trial has used up its share."""
    left = dict(planned)
    for row in done:
        trials, epochs = left.get(row.strategy, Plan(0, 0))
        left[row.strategy] = Plan(max(0, trials - 1), max(0, epochs - row.epochs))
    return left


def seconds_for(work: Mapping[str, Plan], done: Iterable[TrialRow]) -> float | None:
    """Returns how long the work takes at the pace of the trials done, one after the other.

    Strategies differ tenfold, so each has its own pace: seconds an epoch and seconds of set-up a
    trial. One without a measured trial is given the mean of the others.

    Returns:
        Seconds; None where there is work and nothing was measured yet.
    """
    epoch_seconds: dict[str, list[tuple[int, float]]] = {}
    setup_seconds: dict[str, list[float]] = {}
    for row in done:
        if row.status == "failed":  # it broke off who knows where
            continue
        if row.epochs > 0 and row.train_seconds is not None:
            epoch_seconds.setdefault(row.strategy, []).append((row.epochs, row.train_seconds))
        if row.setup_seconds is not None:
            setup_seconds.setdefault(row.strategy, []).append(row.setup_seconds)
    if not any(plan.trials or plan.epochs for plan in work.values()):
        return 0.0
    if not epoch_seconds:
        return None
    epoch_pace = {
        strategy: sum(seconds for _, seconds in measured) / sum(epochs for epochs, _ in measured)
        for strategy, measured in epoch_seconds.items()
    }
    setup_pace = {strategy: statistics.fmean(all_) for strategy, all_ in setup_seconds.items()}
    usual_epoch = statistics.fmean(epoch_pace.values())
    usual_setup = statistics.fmean(setup_pace.values()) if setup_pace else 0.0
    return sum(
        plan.epochs * epoch_pace.get(strategy, usual_epoch)
        + plan.trials * setup_pace.get(strategy, usual_setup)
        for strategy, plan in work.items()
    )


def seconds_left(planned: Mapping[str, Plan], done: Iterable[TrialRow]) -> float | None:
    """Returns the seconds that the rest of the plan takes; None before anything was measured."""
    done = list(done)
    return seconds_for(remaining(planned, done), done)


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
        ended: whether the display was closed.
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
    ended: bool = False

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
            return dataclasses.replace(self, training={**self.training, trial_id: final})
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
    def iterations_with_finalists(self) -> collections.Counter[str]:
        """How many finalists each strategy would send, one an iteration."""
        found = finalists_of_iterations(self.finished.values(), self.experiment.metric)
        return collections.Counter(strategy for strategy, _ in found)

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

    def time_left(self, now: float) -> tuple[float | None, bool]:
        """Returns the seconds left, finals included, and whether the time limit sets them."""
        done = self.done
        finals = seconds_for(self.finals_left(), done)
        search = 0.0 if self.in_finals else seconds_left(self.planned, done)
        if finals is None or search is None:
            return None, False
        for final in self.training.values():
            finals -= seconds_for({final.strategy: Plan(0, final.epoch)}, done) or 0.0
        finals /= self.workers
        search /= self.workers
        limited = False
        if self.experiment.time_limit is not None and search > 0:
            # After the limit no trial starts, but those under way are finished.
            under_way = [
                seconds_for({strategy: Plan(0, epochs)}, done) or 0.0
                for strategy, epochs in (
                    (trial.row.strategy, trial.row.last_epoch - trial.epoch)
                    for trial in self.running.values()
                )
            ]
            limit = self.began + 60 * self.experiment.time_limit - now
            limit = max(limit, 0.0, *under_way)
            limited = limit < search
            search = min(search, limit)
        return max(0.0, search + finals), limited
