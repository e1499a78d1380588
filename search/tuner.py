"""The search: ask the oracle, dispatch, record. The only loop."""

from __future__ import annotations

import json
import time
from typing import Any

import keras
import keras_tuner
from keras_tuner.engine import trial as kt_trial

from search.datasets import Dataset
from search.display import Display
from search.experiment import Experiment, ExperimentError
from search.oracle import StrategyHyperband
from search.promotion import Place
from search.store import Store
from search.trial import TrialResult, TrialSpec, from_bytes
from search.workers import Workers
from spaces import SequenceHyperModel


def search_spaces(
    experiment: Experiment, dataset: Dataset
) -> dict[str, keras_tuner.HyperParameters]:
    """Strategy to its search space for these images.

    Raises:
        ExperimentError: a strategy can make no sequence of images of this size.
    """
    spaces: dict[str, keras_tuner.HyperParameters] = {}
    for strategy in experiment.strategies:
        space = keras_tuner.HyperParameters()
        classes = len(dataset.class_names)
        try:
            SequenceHyperModel(
                dataset.image_shape,
                classes,
                [strategy],
                mirror=dataset.mirror,
                decay_steps=1,
            ).build(space)
        except ValueError as error:
            height, width, channels = dataset.image_shape
            raise ExperimentError(
                f"{strategy} cannot read images of {height}x{width}x{channels} ({error}): "
                "leave it out with --strategies"
            ) from error
        spaces[strategy] = space
    keras.backend.clear_session()
    return spaces


def make_oracle(experiment: Experiment, dataset: Dataset) -> StrategyHyperband:
    """The oracle of an experiment, with an arm for each strategy."""
    return StrategyHyperband(
        max_epochs=experiment.max_epochs,
        factor=experiment.factor,
        iterations=experiment.iterations,
        seed=experiment.seed,
        dataset=dataset.name,
        spaces=search_spaces(experiment, dataset),
        keep_files=False,
    )


class SequenceTuner(keras_tuner.Tuner):
    """Runs an experiment's search on workers and records it in a run directory.

    Args:
        oracle: which trial next.
        store: the run directory, open for writing.
        dataset: images, of which the search sees training and validation.
        workers: where trials run.
        display: what the user sees.
    """

    def __init__(
        self,
        oracle: StrategyHyperband,
        store: Store,
        dataset: Dataset,
        workers: Workers,
        display: Display,
    ):
        self.store, self.dataset, self.workers, self.display = store, dataset, workers, display
        self.experiment = store.experiment
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
        self._running: dict[str, tuple[kt_trial.Trial, dict[str, Any]]] = {}

    def search(self) -> bool:
        """Searches until all brackets are done or the time is up.

        Returns:
            Whether all brackets are done.
        """
        finished = self.store.rows("trials")
        self.oracle.restore(finished)
        self.display.replay([row for row in finished if row["status"] != "running"])
        limit = self.experiment.time_limit
        deadline = time.monotonic() + 60 * limit if limit else float("inf")
        while True:
            while self.workers.busy < self.workers.capacity and time.monotonic() < deadline:
                trial = self.oracle.create_trial(f"{len(self.oracle.start_order)}")
                if trial.status != kt_trial.TrialStatus.RUNNING:
                    break
                self._start(trial)
            if not self.workers.busy:
                break
            self._finish(self.workers.next_result(self.display.epoch_finished))
        done = self.oracle.next_place() is None
        if not done:
            self.display.note(f"time limit of {limit:g} minutes reached: on to the finals")
        self.store.keep_checkpoints([])
        return done

    def _start(self, trial: kt_trial.Trial) -> None:
        place = Place.parse(trial.trial_id)
        rung = self.oracle.rung(place)
        parent = place.parent
        spec = TrialSpec(
            trial_id=place.trial_id,
            strategy=place.strategy,
            hyperparameters=self.oracle.values(place),
            seed=self.oracle.trial_seed(place),
            first_epoch=rung.first_epoch,
            last_epoch=rung.last_epoch,
            max_epochs=self.experiment.max_epochs,
            batch_size=self.experiment.batch_size,
            classes=len(self.dataset.class_names),
            mirror=self.dataset.mirror,
            keep=place.rung < place.bracket,  # the last rung is promoted nowhere
        )
        row: dict[str, Any] = {
            "trial_id": place.trial_id,
            "parent_id": parent.trial_id if parent else None,
            "dataset": self.dataset.name,
            "strategy": place.strategy,
            "iteration": place.iteration,
            "bracket": place.bracket,
            "rung": place.rung,
            "slot": place.slot,
            "seed": spec.seed,
            "hyperparameters": json.dumps(spec.hyperparameters),
            "first_epoch": spec.first_epoch,
            "last_epoch": spec.last_epoch,
            "status": "running",
            "worker": self.workers.name,
            "started": time.time(),
        }
        self.store.start_trial(row)
        self._running[place.trial_id] = trial, row
        self.display.trial_started(row)
        self.workers.submit(spec, self.store.load_checkpoint(parent.trial_id) if parent else None)

    def _finish(self, result: TrialResult) -> None:
        trial, row = self._running.pop(result.trial_id)
        columns = {**result.columns, "finished": time.time()}
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
        self.store.keep_checkpoints(self.oracle.promotable())
        self.display.trial_finished({**row, "score": None, "message": None, **columns})

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
