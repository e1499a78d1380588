"""What is being trained, trials and finals alike: its spec, its pauses and its checkpoints."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from search.data.datasets import Dataset
from search.execution import Execution
from search.experiment import Experiment, derive_seed
from search.rows import TrialRow
from search.store import Store
from search.training.spec import TrialResult, TrialSpec
from search.workers.protocol import Job


def make_spec(
    experiment: Experiment, dataset: Dataset, row: TrialRow, final_seed: int | None = None
) -> TrialSpec:
    """Returns what a trial's row asks for, or a final of its configuration.

    Args:
        experiment: what was asked for.
        dataset: the images.
        row: the trial's row of the table `trials`.
        final_seed: the seed on which its configuration is trained from the first epoch to the
            last, and tested; None for the trial itself.
    """
    common = TrialSpec(
        trial_id=row.trial_id,
        strategy=row.strategy,
        hyperparameters=row.values,
        seed=row.seed,
        first_epoch=row.first_epoch,
        last_epoch=row.last_epoch,
        max_epochs=experiment.max_epochs,
        batch_size=experiment.batch_size,
        steps_per_epoch=experiment.steps_per_epoch,
        classes=len(dataset.class_names),
        mirror=dataset.mirror,
        split=None if dataset.own_validation else split_seed(experiment, row.iteration),
        metric=experiment.objective.name,
        class_weight=experiment.class_weight,
        keep=row.rung < row.bracket,  # the last rung is promoted nowhere
        continues=row.parent_id,
    )
    if final_seed is None:
        return common
    return dataclasses.replace(
        common,
        trial_id=final_id(row.strategy, final_seed),
        seed=final_seed,
        split=None,
        first_epoch=0,
        last_epoch=experiment.epochs_of_finals,
        max_epochs=experiment.epochs_of_finals,
        keep=True,  # for its design
        final=True,
        continues=None,
    )


def split_seed(experiment: Experiment, iteration: int) -> int | None:
    """The seed of an iteration's split, the same for every strategy; None for the first's."""
    if iteration == 0:
        return None
    return derive_seed(experiment.seed, experiment.dataset_name, "validation", iteration)


def final_id(strategy: str, seed: int) -> str:
    """The name of a finalist's training on one seed; its model is the checkpoint of this name."""
    return f"{strategy}-final-{seed}"


def pause_name(trial_id: str, epochs: Sequence[Mapping[str, Any]]) -> str:
    """The name of the checkpoint of a training that was paused after these epochs."""
    return f"{trial_id}@{epochs[-1]['epoch']}"


def left_paused(store: Store) -> dict[str, list[str]]:
    """Returns the pauses of all trainings that have not ended: trial_id to their checkpoints."""
    ended = {row.trial_id for row in store.trials() if row.status != "running"}
    ended |= {final_id(row.strategy, row.seed) for row in store.finals()}
    left: dict[str, list[str]] = {}
    for name in store.checkpoint_names():
        trial_id, _, epoch = name.rpartition("@")
        if epoch and trial_id and trial_id not in ended:
            left.setdefault(trial_id, []).append(name)
    return left


@dataclasses.dataclass
class Training:
    """A trial or a final that a worker has, or will have again after a pause.

    Attributes:
        spec: what to train, pauses aside.
        epochs: its rows of the table of epochs, those from before the pauses, too.
        setup_seconds: of all its pieces so far.
        retries: how often its worker was lost.
    """

    spec: TrialSpec
    epochs: list[Mapping[str, Any]]
    setup_seconds: float = 0.0
    retries: int = 0

    @property
    def train_seconds(self) -> float:
        """Of all its pieces so far."""
        return sum(row["seconds"] for row in self.epochs)


class Trainings:
    """Those under way, cut into pieces by pauses: what was trained is never lost to a kill.

    Args:
        store: the run directory, open for writing.
        execution: how long a training may take, and when it is paused.
        needed: the names of models, besides those of pauses, that may still be asked for.
        until: when a training is paused for good, on the clock of `time.monotonic`.
    """

    def __init__(
        self,
        store: Store,
        execution: Execution,
        needed: Callable[[], Iterable[str]],
        until: float = math.inf,
    ):
        self._store, self._execution, self._needed = store, execution, needed
        self._until = until
        self._under_way: dict[str, Training] = {}
        self._pauses: dict[str, str] = {}  # of those under way, the last, by its checkpoint's name
        # Of trainings that were under way when the run was stopped. Fewer workers may be there now,
        # or another order: each is kept until its training begins again.
        self._left = left_paused(store)

    def begin(self, spec: TrialSpec) -> Job:
        """Returns a training's job: from its last pause on, where the run was killed after one."""
        paused = self._left.pop(spec.trial_id, ())
        epochs = self._store.epochs(spec.trial_id) if paused else []
        model = self._store.load_checkpoint(pause_name(spec.trial_id, epochs)) if epochs else None
        if model is not None:
            self._pauses[spec.trial_id] = pause_name(spec.trial_id, epochs)
        else:
            epochs = []
            model = self._store.load_checkpoint(spec.continues) if spec.continues else None
        training = Training(spec, [*epochs])
        self._under_way[spec.trial_id] = training
        return self._job(training, model)

    def epochs(self, trial_id: str) -> Sequence[Mapping[str, Any]]:
        """The epochs that a training under way has behind it, from before its pauses."""
        return self._under_way[trial_id].epochs

    def go_on(self, result: TrialResult) -> Job:
        """Keeps what a paused training has come to, and returns what it goes on with."""
        training = self._add(result)
        assert result.model is not None  # a pause is there to keep it
        name = self._pauses[result.trial_id] = pause_name(result.trial_id, training.epochs)
        self._store.save_checkpoint(name, result.model)
        self._store.record_epochs(result.trial_id, result.epochs)
        self.keep_needed()
        return self._job(training, result.model)

    def end(self, result: TrialResult) -> Training:
        """Keeps the model of a training that has ended, if one is wanted, and returns the whole.

        To be called before its row is written: one that says `completed` promises a checkpoint.
        """
        training = self._add(result)
        self._forget(result.trial_id)
        if result.model is not None:
            self._store.save_checkpoint(result.trial_id, result.model)
        return training

    def give_up(self, result: TrialResult) -> None:
        """Forgets a training that was paused and has no time to go on."""
        self._forget(result.trial_id)
        self.keep_needed()

    def _forget(self, trial_id: str) -> None:
        del self._under_way[trial_id]
        self._pauses.pop(trial_id, None)

    def keep_needed(self) -> None:
        """Deletes every checkpoint that nothing can ask for any more."""
        left = {name for names in self._left.values() for name in names}
        self._store.delete_checkpoints_except({*self._needed(), *self._pauses.values(), *left})

    def _add(self, result: TrialResult) -> Training:
        training = self._under_way[result.trial_id]
        training.epochs += result.epochs
        training.setup_seconds += result.setup_seconds
        training.retries += result.retries
        return training

    def _job(self, training: Training, model: bytes | None) -> Job:
        """A training, as far as it still has to go."""
        spec, limit = training.spec, self._execution.trial_timeout
        if training.epochs:
            first = training.epochs[-1]["epoch"]
            spec = dataclasses.replace(spec, first_epoch=first, continues=spec.trial_id)
        used = training.setup_seconds + training.train_seconds
        spec = dataclasses.replace(
            spec,
            pause_after=min(
                60 * self._execution.checkpoint_every, max(0.0, self._until - time.monotonic())
            ),
            timeout=None if limit is None else 60 * limit - used,
        )
        return Job(spec, model, frozenset({*self._needed(), *self._under_way}))
