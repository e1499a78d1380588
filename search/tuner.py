"""The search: ask the oracle, dispatch, record."""

from __future__ import annotations

import dataclasses
import json
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import keras
import keras_tuner
from keras_tuner.engine import trial as kt_trial

from search.costs import multiply_adds
from search.data.datasets import Dataset, drawn
from search.data.splits import MOST_VALIDATED
from search.dispatch import dispatch
from search.execution import Execution
from search.experiment import Experiment, ExperimentError, derive_seed
from search.hyperband.configurations import NothingAllowedError
from search.hyperband.oracle import StrategyHyperband
from search.hyperband.promotion import TrialKey
from search.rows import TrialRow
from search.search_spaces import search_spaces
from search.store import Store
from search.terminal.display import Display
from search.training.model import from_bytes
from search.training.spec import TrialResult
from search.trainings import Trainings, final_id, make_spec
from search.workers.protocol import Job, Occupancy, Workers
from spaces import SequenceHyperModel
from spaces.values import Values


def make_oracle(
    experiment: Experiment,
    dataset: Dataset,
    spaces: Mapping[str, keras_tuner.HyperParameters] | None = None,
) -> StrategyHyperband:
    """The oracle of an experiment, with an arm for each strategy.

    Args:
        experiment: what was asked for.
        dataset: the images.
        spaces: what `search_spaces` returns, which builds a model of each strategy; where it has
            been asked before.

    Raises:
        ExperimentError: of a strategy hardly any model is as small as was asked for.
    """
    oracle = StrategyHyperband(
        max_epochs=experiment.max_epochs,
        min_epochs=experiment.min_epochs,
        factor=experiment.factor,
        configurations=experiment.in_one_bracket,
        iterations=experiment.iterations,
        most_iterations=experiment.most_iterations,
        seed=experiment.seed,
        dataset=dataset.name,
        objective=keras_tuner.Objective(
            experiment.objective.validation, experiment.objective.direction
        ),
        spaces=search_spaces(experiment, dataset) if spaces is None else spaces,
        initial=experiment.initial_values,
        allowed=small_enough(experiment, dataset),
        clock=time.monotonic,
        keep_files=False,
    )
    for arm in oracle.arms:
        try:
            oracle.configurations(arm)
        except NothingAllowedError as error:
            raise ExperimentError(
                f"{arm} has hardly a model of at most {experiment.max_multiply_adds:,} "
                f"multiply-adds ({error}): give --max-multiply-adds more, or leave {arm} out with "
                "--strategies"
            ) from error
    return oracle


def small_enough(experiment: Experiment, dataset: Dataset) -> Callable[[str, Values], bool]:
    """Returns what says of a strategy's configuration whether it may be tried, by its cost."""
    most = experiment.max_multiply_adds

    def allowed(strategy: str, values: Values) -> bool:
        return most is None or multiply_adds(dataset, strategy, values) <= most

    return allowed


def check_places(oracle: StrategyHyperband, rows: Iterable[TrialRow], store: Store) -> None:
    """Refuses a table of trials that is none of a search.

    Args:
        oracle: the search's.
        rows: of the table.
        store: whose table it is.

    Raises:
        ExperimentError: a trial stands where the plan has none, or has other values.
    """
    for row in rows:
        key = TrialKey.parse(row.trial_id)
        try:
            rung, values = oracle.rung(key), oracle.values(key)
        except LookupError:
            rung, values = None, {}
        same = rung and (rung.first_epoch, rung.last_epoch) == (row.first_epoch, row.last_epoch)
        if not same or values != row.values:
            raise ExperimentError(
                f"{store.results_file} has a trial {row.trial_id} that is none of this search: it "
                "was edited, or another version made it. Restore it from a copy, or use that "
                "version"
            )


class SequenceTuner(keras_tuner.Tuner):
    """Runs an experiment's search on workers and records it in a run directory.

    Args:
        oracle: which trial next.
        store: the run directory, open for writing.
        dataset: images, of which the search sees training and validation.
        workers: where trials run.
        display: what the user sees.
        execution: the limits of a trial.
        meanwhile: called when every worker that can be given a trial has one.
        prepared: trials to the workers that hold something compiled for them.
        until: tells until when trials may start, on the clock of `time.monotonic`.
    """

    def __init__(
        self,
        oracle: StrategyHyperband,
        store: Store,
        dataset: Dataset,
        workers: Workers,
        display: Display,
        execution: Execution | None = None,
        meanwhile: Callable[[], None] = lambda: None,
        prepared: Mapping[str, str] | None = None,
        until: Callable[[], float] = lambda: math.inf,
    ):
        self.meanwhile = meanwhile
        self.store, self.dataset, self.workers, self.display = store, dataset, workers, display
        self.experiment, self.execution = store.experiment, execution or Execution()
        hypermodel = SequenceHyperModel(
            dataset.image_shape,
            len(dataset.class_names),
            self.experiment.strategies,
            mirror=dataset.mirror,
        )
        super().__init__(
            oracle, hypermodel, directory=str(store.path.parent), project_name=store.path.name
        )
        self.oracle.verbose = 0
        self.occupancy = Occupancy()
        self._known: dict[str, TrialRow] = {}  # of an extended run, until the plan has each
        self._trainings = Trainings(store, self.execution, self._needed)
        # Trials that have started or ended since somebody was last waited for, with their epochs.
        self._news: list[tuple[TrialRow, Sequence[Mapping[str, Any]]]] = []
        self._running: dict[str, tuple[kt_trial.Trial, TrialRow]] = {}  # by trial_id
        # Of a trial, the worker that may hold its model, or what was compiled for one like it.
        self._affinity: dict[str, str] = dict(prepared or {})
        self._until = until
        self._told = oracle.granted

    def search(self) -> bool:
        """Searches until all brackets are done, or the time for it is up.

        Returns:
            Whether all brackets are done.

        Raises:
            SchedulerLostError: the cluster's scheduler is gone.
            ExperimentError: a worker cannot do this project's work.
            OSError: the disk is full or gone.
        """
        rows = self.store.trials()
        check_places(self.oracle, rows, self.store)
        ended = [row for row in rows if row.status != "running"]
        if self.store.extended:
            self._known = {row.trial_id: row for row in ended}
            self._recall()
        else:
            self.oracle.restore(ended)
            self.display.replay(ended)
        seed = derive_seed(self.experiment.seed, self.dataset.name, "scored on")
        scored_on = drawn(self.dataset.validation, MOST_VALIDATED, seed)
        self.workers.open({"train": self.dataset.train, "validation": scored_on})
        try:
            self.occupancy = dispatch(
                self.workers,
                self._waiting,
                self._next_job,
                self._take,
                self.display.epoch_finished,
                self._before_waiting,
            )
        finally:
            self._tell()
        done = self.oracle.next_key() is None
        self._tell_granted()
        self._forget_others()
        self.store.record_report_rows("searches", self._searches())
        if done:
            self.store.delete_checkpoints_except([])
        else:
            # The checkpoints stay until a final is done: a run that is killed before searches on.
            self.display.note("the finals need the time that is left of the budget: on to them")
        return done

    def _recall(self) -> None:
        """Takes what the plan has next and the run had before it was extended.

        So an extended search goes as one from the start would, and trains only what is new: what
        the smaller plan promoted or granted counts where the larger one does so, too.
        """
        taken: list[TrialRow] = []
        while self._known:
            names = [key.trial_id for key in self.oracle.upcoming()]
            rows = [self._known.pop(name) for name in names if name in self._known]
            if not rows:
                break
            self.oracle.restore(rows)
            taken += rows
        self.display.replay(taken)

    def _forget_others(self) -> None:
        """Deletes the trials of an extended run that the larger plan has not come to."""
        if not self.store.extended:
            return
        planned = {key.trial_id for key in self.oracle.table}
        gone = {row.trial_id for row in self.store.trials()} - planned
        finals = [row for row in self.store.finals() if row.trial_id in gone]
        self.store.forget(gone, {final_id(row.strategy, row.seed): row for row in finals})

    def _needed(self) -> set[str]:
        """The trials whose models may still be asked for."""
        return self.oracle.promotable() | self._known.keys()

    def _waiting(self) -> bool:
        if time.monotonic() >= self._until():
            return False
        self._recall()
        return self.oracle.next_key() is not None

    def _next_job(self, idle: Sequence[str]) -> tuple[Job, str]:
        """Begins the oracle's next trial, where its parent's model may be held if that is idle."""
        self._tell_granted()
        trial = self.oracle.create_trial(f"{len(self.oracle.start_order)}")
        key = TrialKey.parse(trial.trial_id)
        home = self._affinity.get((key.parent or key).trial_id)
        worker = home if home is not None and home in idle else idle[0]
        rung = self.oracle.rung(key)
        row = TrialRow(
            trial_id=key.trial_id,
            parent_id=key.parent.trial_id if key.parent else None,
            dataset=self.dataset.name,
            strategy=key.strategy,
            iteration=key.iteration,
            bracket=key.bracket,
            rung=key.rung,
            slot=key.slot,
            seed=self.oracle.trial_seed(key),
            hyperparameters=json.dumps(self.oracle.values(key)),
            first_epoch=rung.first_epoch,
            last_epoch=rung.last_epoch,
            status="running",
            worker=worker,
            started=time.time(),
        )
        job = self._trainings.begin(make_spec(self.experiment, self.dataset, row))
        self._news.append((row, ()))
        self._running[row.trial_id] = trial, row
        return job, worker

    def _searches(self) -> list[dict[str, Any]]:
        """Which searches had all their trials, as rows of the table."""
        return [
            {"dataset": self.dataset.name, "strategy": name, "iteration": number, "whole": whole}
            for (name, number), whole in self.oracle.whole().items()
        ]

    def _tell_granted(self) -> None:
        """Records and says who is searched more than was planned so far."""
        granted = self.oracle.granted
        more = [name for name in granted if granted[name] > self._told[name]]
        if more:
            self._tell()
            totals = self.oracle.totals()
            self.store.record_plan(self.dataset.name, totals)
            self.display.plan(totals)
            before, now = self._told[more[0]], granted[more[0]]
            self.display.note(
                f"after {before} searches each any of {', '.join(more)} may be the best: "
                f"{now - before} more of each"
            )
        self._told = granted

    def _take(self, result: TrialResult) -> Job | None:
        """Records how a trial ended, or was paused; then returns what it goes on with."""
        self._affinity[result.trial_id] = result.worker
        if result.paused:
            return self._trainings.go_on(result)
        training = self._trainings.end(result)
        trial, row = self._running.pop(result.trial_id)
        measured = {
            **result.columns,
            "train_seconds": training.train_seconds,
            "setup_seconds": training.setup_seconds,
            "worker": result.worker,
            "retries": training.retries,
            "finished": time.time(),
        }
        row = dataclasses.replace(row, **measured)
        self._news.append((row, result.epochs))
        trial.status = row.status.upper()
        trial.message = row.message
        if row.status == "completed":
            metrics = {self.experiment.objective.validation: row.score, "val_loss": row.val_loss}
            self.oracle.update_trial(row.trial_id, metrics)
        self.oracle.end_trial(trial)
        return None

    def _before_waiting(self) -> None:
        self._tell()
        self.meanwhile()

    def _tell(self) -> None:
        """Records and shows what has happened: that a trial ended, and which one follows it."""
        if not self._news:
            return
        self.store.record_trials(self._news)
        news, self._news = self._news, []
        # Whatever is needed no more by what is written now.
        self._trainings.keep_needed()
        for row, _ in news:
            if row.status == "running":
                self.display.trial_started(row)
            else:
                self.display.trial_finished(row)

    # What a stock tuner does on disk and at its start is done elsewhere here.

    def _populate_initial_space(self) -> None:
        """The oracle knows each arm's space already."""

    def save(self) -> None:
        """The run directory is the state."""

    def reload(self) -> None:
        """The run directory is the state."""

    def load_model(self, trial: kt_trial.Trial) -> keras.Model:
        """The model of a trial whose checkpoint is still kept.

        Raises:
            FileNotFoundError: no promotion needed it any more.
        """
        model = self.store.load_checkpoint(trial.trial_id)
        if model is None:
            raise FileNotFoundError(f"the checkpoint of {trial.trial_id} is no longer kept")
        return from_bytes(model)
