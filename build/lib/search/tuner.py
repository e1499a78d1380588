"""The search: ask the oracle, dispatch, record. The only loop."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import keras_tuner
from keras_tuner.engine import trial as kt_trial

from search.data.datasets import Dataset
from search.experiment import Execution, Experiment
from search.hyperband.oracle import StrategyHyperband
from search.hyperband.promotion import Place
from search.search_spaces import search_spaces
from search.store import Store
from search.terminal.display import Display
from search.training.trial import TrialResult, TrialSpec, from_bytes
from search.workers.protocol import Job, Occupancy, Workers
from spaces import SequenceHyperModel


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
    """
    return StrategyHyperband(
        max_epochs=experiment.max_epochs,
        factor=experiment.factor,
        iterations=experiment.iterations,
        seed=experiment.seed,
        dataset=dataset.name,
        spaces=search_spaces(experiment, dataset) if spaces is None else spaces,
        seeds=experiment.initial_values,
        keep_files=False,
    )


@dataclasses.dataclass
class InFlight:
    """A trial that a worker has, or will have again after a pause.

    Attributes:
        trial: the oracle's.
        row: as the table of trials has it.
        spec: what to train: from `first_epoch` on, which moves with every pause.
        epochs: its rows of the table of epochs, from before the pauses.
        setup_seconds: spent before the pauses.
        retries: how often its worker was lost.
    """

    trial: kt_trial.Trial
    row: dict[str, Any]
    spec: TrialSpec
    epochs: Sequence[Mapping[str, Any]]
    setup_seconds: float = 0.0
    retries: int = 0

    @property
    def train_seconds(self) -> float:
        """Spent before the pauses."""
        return sum(row["seconds"] for row in self.epochs)


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
        self._in_flight: dict[str, InFlight] = {}
        self._homes: dict[str, str] = {}  # trial_id to the worker that may hold its model
        self._deadline = float("inf")

    def search(self) -> bool:
        """Searches until all brackets are done or the time is up.

        Returns:
            Whether all brackets are done.
        """
        rows = self.store.rows("trials")
        self.oracle.restore(rows)
        self.display.replay([row for row in rows if row["status"] != "running"])
        limit = self.experiment.time_limit
        if limit:
            self._deadline = time.monotonic() + 60 * limit
        self.workers.open({"train": self.dataset.train, "validation": self.dataset.validation})
        self.occupancy = Occupancy()
        while self._fill() or self.workers.busy:
            self.occupancy.note(self.workers.busy, self.workers.present)
            self.meanwhile()
            result = self.workers.next_result(self.display.epoch_finished)
            self.occupancy.note(self.workers.busy, self.workers.present)
            if result is not None:
                self._take(result)
        done = self.oracle.next_place() is None
        if done:
            self.store.keep_checkpoints([])
        else:
            # The checkpoints stay until a final is done: a run that is killed before searches on.
            self.display.note(f"time limit of {limit:g} minutes reached: on to the finals")
        return done

    def _fill(self) -> bool:
        """Gives every idle worker a trial; returns whether one is left for which there is none."""
        while time.monotonic() < self._deadline:
            idle = self.workers.idle()
            if not idle:
                return self.oracle.next_place() is not None
            trial = self.oracle.create_trial(f"{len(self.oracle.start_order)}")
            if trial.status != kt_trial.TrialStatus.RUNNING:
                return False
            place = Place.parse(trial.trial_id)
            parent = place.parent
            home = self._homes.get(parent.trial_id) if parent else None
            self._start(trial, place, home if home in idle else idle[0])
        return False

    def _start(self, trial: kt_trial.Trial, place: Place, worker: str) -> None:
        rung = self.oracle.rung(place)
        parent = place.parent
        row: dict[str, Any] = {
            "trial_id": place.trial_id,
            "parent_id": parent.trial_id if parent else None,
            "dataset": self.dataset.name,
            "strategy": place.strategy,
            "iteration": place.iteration,
            "bracket": place.bracket,
            "rung": place.rung,
            "slot": place.slot,
            "seed": self.oracle.trial_seed(place),
            "hyperparameters": json.dumps(self.oracle.values(place)),
            "first_epoch": rung.first_epoch,
            "last_epoch": rung.last_epoch,
            "status": "running",
            "worker": worker,
            "started": time.time(),
        }
        spec = TrialSpec(
            trial_id=place.trial_id,
            strategy=place.strategy,
            hyperparameters=self.oracle.values(place),
            seed=row["seed"],
            first_epoch=rung.first_epoch,
            last_epoch=rung.last_epoch,
            max_epochs=self.experiment.max_epochs,
            batch_size=self.experiment.batch_size,
            classes=len(self.dataset.class_names),
            mirror=self.dataset.mirror,
            keep=place.rung < place.bracket,  # the last rung is promoted nowhere
            continues=row["parent_id"],
        )
        # Where a run was killed after a pause of this trial, the trial goes on from there.
        epochs = self.store.epochs(place.trial_id)
        model = self.store.load_checkpoint(pause_name(place.trial_id, epochs)) if epochs else None
        if model is None:
            epochs = []
            model = self.store.load_checkpoint(row["parent_id"]) if parent else None
        self.store.start_trial(row)
        self.display.trial_started(row)
        flight = InFlight(trial, row, spec, epochs)
        self._in_flight[place.trial_id] = flight
        self._submit(flight, model, worker)

    def _submit(self, flight: InFlight, model: bytes | None, worker: str) -> None:
        """Gives a worker a trial, as far as it still has to go."""
        spec, limit = flight.spec, self.execution.trial_timeout
        if flight.epochs:
            first = flight.epochs[-1]["epoch"]
            spec = dataclasses.replace(spec, first_epoch=first, continues=spec.trial_id)
        used = flight.setup_seconds + flight.train_seconds
        spec = dataclasses.replace(
            spec,
            pause_after=60 * self.execution.checkpoint_every,
            timeout=None if limit is None else 60 * limit - used,
        )
        self.workers.submit(Job(spec, model, frozenset(self._wanted())), worker)

    def _wanted(self) -> set[str]:
        """The trials whose models may still be continued."""
        return self.oracle.promotable() | set(self._in_flight)

    def _keep_checkpoints(self) -> None:
        pauses = {
            pause_name(trial_id, flight.epochs)
            for trial_id, flight in self._in_flight.items()
            if flight.epochs
        }
        self.store.keep_checkpoints(self.oracle.promotable() | pauses)

    def _take(self, result: TrialResult) -> None:
        """Records how a trial ended, or was paused, and lets it go on."""
        flight = self._in_flight[result.trial_id]
        flight.epochs = [*flight.epochs, *result.epochs]
        flight.setup_seconds += result.columns.get("setup_seconds", 0.0)  # none, if it was lost
        flight.retries += result.retries
        self._homes[result.trial_id] = result.worker
        if result.columns["status"] == "running":
            assert result.model is not None
            self.store.save_checkpoint(pause_name(result.trial_id, flight.epochs), result.model)
            self.store.record_epochs(result.trial_id, result.epochs)
            self._keep_checkpoints()
            self._submit(flight, result.model, result.worker)
        else:
            self._finish(flight, result)

    def _finish(self, flight: InFlight, result: TrialResult) -> None:
        del self._in_flight[result.trial_id]
        trial = flight.trial
        columns = {
            **result.columns,
            "train_seconds": flight.train_seconds,
            "setup_seconds": flight.setup_seconds,
            "worker": result.worker,
            "retries": flight.retries,
            "finished": time.time(),
        }
        # The model first: a row that says `completed` promises a checkpoint.
        if result.model is not None:
            self.store.save_checkpoint(result.trial_id, result.model)
        self.store.finish_trial(result.trial_id, columns, result.epochs)
        trial.status = columns["status"].upper()
        trial.message = columns.get("message")
        if columns["status"] == "completed":
            metrics = {"val_accuracy": columns["score"], "val_loss": columns["val_loss"]}
            self.oracle.update_trial(result.trial_id, metrics)
        self.oracle.end_trial(trial)
        self._keep_checkpoints()
        self.display.trial_finished({**flight.row, "score": None, "message": None, **columns})

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


def pause_name(trial_id: str, epochs: Sequence[Mapping[str, Any]]) -> str:
    """The name of the checkpoint of a trial that was paused after these epochs."""
    return f"{trial_id}@{epochs[-1]['epoch']}"
