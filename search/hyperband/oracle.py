"""Which trial next: one Hyperband an arm, all of it a function of the trial table.

`search.hyperband.promotion` decides within a bracket and is pure. `StrategyHyperband` is the
`keras_tuner.Oracle` around it: it holds the table, lets the arms take turns and speaks KerasTuner's
protocol, so a stock `keras_tuner.Tuner` can run it too.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import keras_tuner
from keras_tuner.engine import trial as kt_trial

from search import looks
from search.experiment import derive_seed
from search.hyperband import brackets
from search.hyperband.arm import Arm
from search.hyperband.configurations import Values, draw_all
from search.hyperband.promotion import RUNNING, Outcome, TrialKey
from search.hyperband.rounds import another_round
from search.hyperband.turns import Turns
from search.metric import ACCURACY, more_is_better
from search.rows import TrialRow


class StrategyHyperband(keras_tuner.Oracle):
    """Hyperband with an equal budget for every strategy (Li et al. 2018, arXiv:1603.06560).

    >>> space = keras_tuner.HyperParameters()
    >>> units = space.Choice("lstm_units", [32, 64, 128])
    >>> oracle = StrategyHyperband(max_epochs=3, spaces={"lines": space}, keep_files=False)
    >>> oracle.arms
    ['lines']
    >>> key = oracle.next_key()
    >>> oracle.upcoming() == [key], key.trial_id
    (True, 'lines-0-1-0-0')
    >>> oracle.rung(key)
    Rung(size=3, first_epoch=0, last_epoch=1)
    >>> sorted(values["lstm_units"] for values in oracle.configurations("lines").values())
    [32, 64, 128]
    >>> oracle.values(key) == oracle.configurations("lines")[0, 1, 0]
    True
    >>> oracle.drawn("lines")  # bracket 1 has used the space up, so bracket 0 has none
    {(0, 1): 3}
    >>> oracle.trial_seed(key) == oracle.trial_seed(TrialKey("lines", 0, 1, rung=1, slot=0))
    True
    >>> oracle.put(key, Outcome("completed", 0.5))
    >>> list(oracle.table) == [key], oracle.granted, oracle.whole(), oracle.promotable()
    (True, {'lines': 1}, {('lines', 0): False}, {'lines-0-1-0-0'})

    Args:
        objective: what is maximised or minimised; by default the validation accuracy.
        max_epochs: epochs of the longest trials.
        min_epochs: epochs of the shortest, at least.
        factor: how many times fewer configurations each rung holds.
        configurations: how many start the longest bracket, if it is to be the only one.
        iterations: how often an arm runs through its brackets, with configurations of its own.
        most_iterations: how often an arm does at most, while it may be the best and others may be,
            too (`search.looks`); fewer than `iterations` are as many.
        seed: every configuration follows from it; 0 is a seed like any other.
        dataset: the data set's name, the other half of an arm.
        spaces: strategy to its search space, in the order in which the arms take turns. Without
            it the arms are the values of the hyperparameter `strategy` in the tuner's space, or
            one arm where there is none. What that space declares after the first draw, in no
            `conditional_scope`, stays at its default: no draw may depend on what was tried.
        initial: strategy to configurations that it starts with: they take the first slots of the
            longest bracket in the first iteration.
        allowed: whether an arm may try a configuration that it draws; by default any.
        clock: tells the seconds by which the arms take turns.
        keep_files: write KerasTuner's own files, as a stock tuner expects. A tuner that records
            the trials elsewhere says False.
        **options: passed on to `keras_tuner.Oracle`.

    Raises:
        ValueError: an arm is given more configurations than the longest bracket starts, or
            `max_epochs`, `min_epochs`, `factor` or `configurations` is too low.

    Attributes:
        plan: bracket to its rungs, in the order in which they are opened.
    """

    def __init__(
        self,
        objective: Any = None,
        max_epochs: int = 100,
        factor: int = 3,
        min_epochs: int = 1,
        configurations: int | None = None,
        iterations: int = 1,
        most_iterations: int = 1,
        seed: int = 0,
        dataset: str = "",
        spaces: Mapping[str, keras_tuner.HyperParameters] | None = None,
        initial: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
        allowed: Callable[[str, Values], bool] = lambda arm, values: True,
        clock: Callable[[], float] = time.monotonic,
        keep_files: bool = True,
        **options: Any,
    ):
        super().__init__(
            objective=objective or keras_tuner.Objective(ACCURACY.validation, ACCURACY.direction),
            # KerasTuner stops a search at three failures in a row; a failed trial is a row here.
            **{"max_consecutive_failed_trials": float("inf"), "seed": seed, **options},
        )
        self.seed = seed  # KerasTuner replaces 0 by a random number
        self.plan = brackets.plan(max_epochs, factor, min_epochs, configurations)
        self.dataset, self.keep_files = dataset, keep_files
        looked = iterations, most_iterations
        self._rounds, self._level = looks.rounds(*looked), looks.level(*looked)
        self._granted: dict[str, int] = {}
        self._spaces = dict(spaces) if spaces else None
        self._initial, self._allowed = dict(initial or {}), allowed
        most = next(iter(self.plan.values()))[0].size
        for arm, starts in self._initial.items():
            if len(starts) > most:
                count = f"{len(starts)} initial configurations"
                raise ValueError(f"{count} for {arm}, and {most} slots")
        self._joint_space: keras_tuner.HyperParameters | None = None
        self._configurations: dict[tuple[str, int], dict[tuple[int, int, int], Values]] = {}
        self._table: dict[TrialKey, Outcome] = {}
        self._arms: dict[str, Arm] = {}
        self._turns = Turns(clock)

    # The arms and what they try

    @property
    def arms(self) -> list[str]:
        """The strategies, in the order in which they take turns."""
        if self._spaces is not None:
            return list(self._spaces)
        for parameter in self._space("").space:
            if parameter.name == "strategy":
                return list(parameter.values)
        return [""]

    def _space(self, arm: str) -> keras_tuner.HyperParameters:
        """The space that an arm's configurations are drawn from."""
        if self._spaces is not None:
            return self._spaces[arm]
        if self._joint_space is not None:
            return self._joint_space
        return self.hyperparameters

    @property
    def table(self) -> Mapping[TrialKey, Outcome]:
        """What has been started, and how it ended. All decisions follow from it."""
        return self._table

    def put(self, key: TrialKey, outcome: Outcome) -> None:
        """Takes into the table that a trial runs, or how it ended."""
        self._table[key] = outcome
        if key.strategy in self._arms:
            self._arms[key.strategy].put(key, outcome)

    def _arm(self, name: str) -> Arm:
        """An arm with all that it is granted."""
        if name not in self._arms:
            arm = self._arms[name] = Arm(name, self.plan, self.drawn(name))
            for key, outcome in self._table.items():
                if key.strategy == name:
                    arm.put(key, outcome)
        return self._arms[name]

    def configurations(self, arm: str) -> dict[tuple[int, int, int], Values]:
        """(Iteration, bracket, slot) to values: all that an arm starts, or its space has."""
        drawn: dict[tuple[int, int, int], Values] = {}
        for iteration in range(self._granted.get(arm, self._rounds[0])):
            drawn |= self._draw(arm, iteration)
        return drawn

    def _draw(self, arm: str, iteration: int) -> dict[tuple[int, int, int], Values]:
        """The same for one iteration, which draws as if there were no other."""
        if (arm, iteration) not in self._configurations:
            if self._spaces is None and self._joint_space is None:
                self._joint_space = self.get_space()
            preset = {"strategy": arm} if self._spaces is None and arm else {}
            places = brackets.places(self.plan, iteration)
            stream = (self.seed, self.dataset, arm)
            initial = () if iteration else self._initial.get(arm, ())
            allowed = functools.partial(self._allowed, arm)
            drawn = draw_all(self._space(arm), preset, places, stream, initial, allowed)
            self._configurations[arm, iteration] = drawn
        return self._configurations[arm, iteration]

    @property
    def granted(self) -> dict[str, int]:
        """Arm to how many iterations it has, as far as the table shows by now."""
        return {arm: self._granted.get(arm, self._rounds[0]) for arm in self.arms}

    def drawn(self, arm: str) -> dict[tuple[int, int], int]:
        """(iteration, bracket) to the number of configurations that its rung 0 starts."""
        return dict(collections.Counter(place[:2] for place in self.configurations(arm)))

    def values(self, key: TrialKey) -> Values:
        """The values of a trial's hyperparameters, the same in every rung."""
        return self._draw(key.strategy, key.iteration)[key.iteration, key.bracket, key.slot]

    def rung(self, key: TrialKey) -> brackets.Rung:
        """The rung in which a trial stands."""
        return self.plan[key.bracket][key.rung]

    def trial_seed(self, key: TrialKey) -> int:
        """The seed of a configuration's training, the same in every rung."""
        origin = dataclasses.replace(key, rung=0)
        return derive_seed(self.seed, self.dataset, origin.trial_id)

    def totals(self) -> dict[str, tuple[int, int]]:
        """Strategy to (trials, epochs) if none fails: what progress is measured against.

        >>> space = keras_tuner.HyperParameters()
        >>> rate = space.Float("learning_rate", 1e-4, 1e-2, sampling="log")
        >>> StrategyHyperband(max_epochs=9, spaces={"lines": space, "pixels": space}).totals()
        {'lines': (23, 75), 'pixels': (23, 75)}
        """
        return {arm: brackets.totals(self.plan, self.drawn(arm)) for arm in self.arms}

    # Deciding

    def next_key(self) -> TrialKey | None:
        """The next trial that can start now: of the arm that has had the fewest seconds."""
        return next(iter(self.upcoming()), None)

    def upcoming(self) -> list[TrialKey]:
        """The next trial of every arm that has one now, of whom it is the turn first."""
        while not (following := self._upcoming_granted()):
            if any(self._arm(name).running for name in self.arms):
                break
            granted = self.granted
            self._granted = another_round(granted, self._rounds, self._level, self.table)
            if self._granted == granted:
                break
            for name in self._granted:
                new = {each: n for each, n in self.drawn(name).items() if each[0] >= granted[name]}
                self._arms[name].draw(new)
        return following

    def _upcoming_granted(self) -> list[TrialKey]:
        following = (self._arm(name).following() for name in self._turns.order(self.arms))
        return [key for key in following if key is not None]

    def whole(self) -> dict[tuple[str, int], bool]:
        """(Arm, iteration) to whether all its trials have ended, of every one that is granted."""
        return {
            (name, iteration): ended
            for name in self.arms
            for iteration, ended in self._arm(name).whole().items()
        }

    def promotable(self) -> set[str]:
        """The completed trials that a promotion, begun or still possible, may continue."""
        return set().union(*(self._arm(name).promotable() for name in self.arms))

    # KerasTuner's protocol

    @keras_tuner.synchronized
    def create_trial(self, tuner_id: str) -> kt_trial.Trial:
        """Returns the next trial to run, or one with status IDLE or STOPPED."""
        if tuner_id in self.ongoing_trials or self._retry_queue:
            return super().create_trial(tuner_id)
        self.tuner_ids.add(tuner_id)
        key = self.next_key()
        if key is None:
            status = kt_trial.TrialStatus.IDLE
            if not self.ongoing_trials:
                status = kt_trial.TrialStatus.STOPPED
                self.tuner_ids.discard(tuner_id)  # a chief waits until all have left
            return kt_trial.Trial(self.get_space(), trial_id=None, status=status)
        trial = kt_trial.Trial(self._hyperparameters(key), trial_id=key.trial_id)
        self.ongoing_trials[tuner_id] = trial
        self.trials[trial.trial_id] = trial
        self.start_order.append(trial.trial_id)
        self.put(key, RUNNING)
        self._turns.begin(key.strategy, key.trial_id)
        self._save_trial(trial)
        self.save()
        self._display.on_trial_begin(trial)
        return trial

    @keras_tuner.synchronized
    def end_trial(self, trial: kt_trial.Trial) -> None:
        """Takes a trial's result into the table."""
        super().end_trial(trial)
        self._tabulate(self.trials[trial.trial_id])

    def _check_consecutive_failures(self) -> None:
        """Counts failures in a row only where they are limited: KerasTuner reads all trials."""
        if self.max_consecutive_failed_trials < float("inf"):
            super()._check_consecutive_failures()

    def score_trial(self, trial: kt_trial.Trial) -> None:
        """A trial's score is what was reported last, not the best epoch on the way."""
        trial.score = trial.metrics.get_last_value(self.objective.name)

    def restore(self, rows: Iterable[TrialRow]) -> None:
        """Takes the finished rows of a trial table; those left running start again.

        >>> space = keras_tuner.HyperParameters()
        >>> units = space.Choice("lstm_units", [32, 64, 128])
        >>> oracle = StrategyHyperband(max_epochs=3, spaces={"lines": space}, keep_files=False)
        >>> place = {"iteration": 0, "bracket": 1, "rung": 0, "slot": 0, "seed": 0}
        >>> row = TrialRow("lines-0-1-0-0", "digits", "lines", **place, hyperparameters="{}",
        ...                first_epoch=0, last_epoch=1, status="completed", score=0.5)
        >>> oracle.restore([row])
        >>> oracle.next_key().trial_id
        'lines-0-1-0-1'
        """
        for row in rows:
            if row.status == "running":
                continue
            key = TrialKey.parse(row.trial_id)
            self.put(key, self._outcome(row.status, row.score, row.val_loss))
            self._turns.add(key.strategy, (row.train_seconds or 0.0) + (row.setup_seconds or 0.0))
            trial = kt_trial.Trial(
                self._hyperparameters(key), key.trial_id, row.status.upper(), row.message
            )
            trial.score = row.score
            self.trials[key.trial_id] = trial
            self.start_order.append(key.trial_id)
            self.end_order.append(key.trial_id)

    def _hyperparameters(self, key: TrialKey) -> keras_tuner.HyperParameters:
        """The configuration, with the keys by which KerasTuner's Hyperband tells tuners epochs."""
        hyperparameters = self._space(key.strategy).copy()
        rung = self.rung(key)
        hyperparameters.values = {
            **self.values(key),
            "tuner/epochs": rung.last_epoch,
            "tuner/initial_epoch": rung.first_epoch,
            "tuner/bracket": key.bracket,
            "tuner/round": key.rung,
        }
        if key.parent:
            hyperparameters.values["tuner/trial_id"] = key.parent.trial_id
        return hyperparameters

    def _outcome(self, status: str, score: float | None, val_loss: float | None) -> Outcome:
        """Returns what the table says of a trial; there, more is better."""
        if score is not None:
            score = more_is_better(score, self.objective.direction)
        return Outcome(status, score, val_loss)

    def _tabulate(self, trial: kt_trial.Trial) -> None:
        outcome = RUNNING
        if trial.status == kt_trial.TrialStatus.COMPLETED:
            known = trial.metrics.exists("val_loss")
            loss = trial.metrics.get_last_value("val_loss") if known else None
            outcome = self._outcome("completed", trial.score, loss)
        elif trial.status == kt_trial.TrialStatus.FAILED:
            outcome = Outcome("failed")
        key = TrialKey.parse(trial.trial_id)
        self.put(key, outcome)
        self._turns.end(key.strategy, key.trial_id)

    def save(self) -> None:
        """Writes KerasTuner's own file, unless another store keeps the trials."""
        if self.keep_files:
            super().save()

    def _save_trial(self, trial: kt_trial.Trial) -> None:
        if self.keep_files:
            super()._save_trial(trial)

    def get_state(self) -> dict[str, Any]:
        """KerasTuner's state and the space that configurations are drawn from."""
        space = self._joint_space
        return {**super().get_state(), "joint_space": space and space.get_config()}

    def set_state(self, state: dict[str, Any]) -> None:
        """Takes what `get_state` gave."""
        super().set_state(state)
        space = state["joint_space"]
        self._joint_space = space and keras_tuner.HyperParameters.from_config(space)
        self._configurations.clear()
        self._granted.clear()
        self._arms.clear()

    def reload(self) -> None:
        """Reads KerasTuner's own files; the table follows from the trials.

        Those left running start again, as in `restore`: from the table rather than from
        KerasTuner's queue, which lacks a trial if the process was killed between its two files.
        """
        super().reload()
        for name, trial in list(self.trials.items()):
            if trial.status == kt_trial.TrialStatus.RUNNING:
                del self.trials[name]
            else:
                self._tabulate(trial)
        self._retry_queue: list[str] = [
            name
            for name in self._retry_queue
            if name in self.trials and self.trials[name].status == kt_trial.TrialStatus.INVALID
        ]
        self.start_order: list[str] = [name for name in self.start_order if name in self.trials]
