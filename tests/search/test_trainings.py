"""Trials and finals under way: one way to make their specs, their pauses and their limits."""

from __future__ import annotations

import dataclasses
import types

import pytest

from search.execution import Execution
from search.experiment import Experiment
from search.rows import FinalRow, TrialRow
from search.store import Store
from search.training.spec import TrialResult
from search.trainings import Trainings, make_spec, pause_name

EXPERIMENT = Experiment("digits", ("lines",), max_epochs=9, batch_size=16)
DATASET = types.SimpleNamespace(class_names=("a", "b"), mirror=True, own_validation=False)
ROW = TrialRow(
    trial_id="lines-0-2-1-4", parent_id="lines-0-2-0-4", dataset="digits", strategy="lines",
    iteration=0, bracket=2, rung=1, slot=4, seed=77, hyperparameters='{"units": 8}',
    first_epoch=1, last_epoch=3, status="running",
)  # fmt: skip


@pytest.fixture
def store(tmp_path):
    with Store.create(tmp_path / "run", EXPERIMENT, {}) as made:
        yield made


def trainings_of(store, needed=(), **limits):
    return Trainings(store, Execution(**limits), lambda: needed)


def piece(name, *epochs, status="running", seconds=6.0):
    rows = tuple({"epoch": number, "loss": 1.0, "seconds": seconds} for number in epochs)
    model = f"{name} after {epochs[-1]}".encode()
    return TrialResult(name, {"status": status}, rows, 3.0, model)


def test_a_trial_and_a_final_differ_in_what_they_must():
    trial = make_spec(EXPERIMENT, DATASET, ROW)
    final = make_spec(EXPERIMENT, DATASET, ROW, final_seed=5)
    assert (trial.trial_id, final.trial_id) == ("lines-0-2-1-4", "lines-final-5")
    assert (trial.seed, final.seed) == (77, 5)
    assert (trial.first_epoch, trial.last_epoch) == (1, 3)
    assert (final.first_epoch, final.last_epoch) == (0, 9)
    assert (trial.continues, final.continues) == ("lines-0-2-0-4", None)
    assert (trial.final, final.final) == (False, True)
    same = ("strategy", "hyperparameters", "max_epochs", "batch_size", "classes", "mirror")
    assert all(getattr(trial, name) == getattr(final, name) for name in (*same, "metric"))
    assert trial.metric == "accuracy" and trial.hyperparameters == {"units": 8}


def test_a_model_is_kept_where_a_promotion_may_follow():
    assert make_spec(EXPERIMENT, DATASET, ROW).keep
    assert not make_spec(EXPERIMENT, DATASET, dataclasses.replace(ROW, rung=2)).keep
    assert make_spec(EXPERIMENT, DATASET, dataclasses.replace(ROW, rung=2), final_seed=0).keep


@pytest.mark.parametrize("final_seed", [None, 5], ids=["trial", "final"])
def test_limits_hold_for_both_and_a_pause_takes_its_time_from_them(store, final_seed):
    trainings = trainings_of(store, trial_timeout=2.0, checkpoint_every=0.5)
    spec = make_spec(EXPERIMENT, DATASET, ROW, final_seed)
    job = trainings.begin(spec)
    assert (job.spec.pause_after, job.spec.timeout) == (30.0, 120.0)
    assert job.model is None and spec.trial_id in job.keep_cached
    first = spec.first_epoch + 1
    job = trainings.go_on(piece(spec.trial_id, first))
    assert (job.spec.first_epoch, job.spec.continues) == (first, spec.trial_id)
    assert job.spec.timeout == 120.0 - 6.0 - 3.0
    assert job.model == f"{spec.trial_id} after {first}".encode()
    job = trainings.go_on(piece(spec.trial_id, first + 1))
    assert job.spec.timeout == 120.0 - 2 * (6.0 + 3.0)
    assert trainings_of(store).begin(spec).spec.timeout is None


def test_a_final_keeps_its_worker_s_model_through_a_pause(store):
    spec = make_spec(EXPERIMENT, DATASET, ROW, final_seed=5)
    trainings = trainings_of(store)
    assert "lines-final-5" in trainings.begin(spec).keep_cached
    assert "lines-final-5" in trainings.go_on(piece("lines-final-5", 1)).keep_cached


@pytest.mark.parametrize("final_seed", [None, 5], ids=["trial", "final"])
def test_what_was_paused_goes_on_in_another_process(store, final_seed):
    spec = make_spec(EXPERIMENT, DATASET, ROW, final_seed)
    name, first = spec.trial_id, spec.first_epoch + 1
    store.save_checkpoint("lines-0-2-0-4", b"parent")
    before = trainings_of(store, ["lines-0-2-0-4"])
    assert before.begin(spec).model == (None if final_seed else b"parent")
    before.go_on(piece(name, first))
    after = trainings_of(store)
    job = after.begin(spec)
    assert (job.spec.first_epoch, job.model) == (first, f"{name} after {first}".encode())
    assert [row["epoch"] for row in after.epochs(name)] == [first]
    ended = after.end(piece(name, first + 1, status="completed"))
    assert ended.train_seconds == 12.0  # of both pieces


def test_a_pause_whose_checkpoint_is_gone_starts_again(store):
    spec = make_spec(EXPERIMENT, DATASET, ROW, final_seed=5)
    store.record_epochs("lines-final-5", piece("lines-final-5", 1).epochs)
    job = trainings_of(store).begin(spec)
    assert (job.spec.first_epoch, job.model) == (0, None)


def test_what_was_paused_is_kept_until_its_turn_comes_again(store):
    """Two were in flight, and now there is one worker; a third had ended."""
    before = trainings_of(store)
    for seed in (5, 6, 7):
        before.begin(make_spec(EXPERIMENT, DATASET, ROW, final_seed=seed))
        before.go_on(piece(f"lines-final-{seed}", 1))
    store.record_final(FinalRow("digits", "lines", ROW.trial_id, 7, "completed", 0.5))
    after = trainings_of(store)
    after.begin(make_spec(EXPERIMENT, DATASET, ROW, final_seed=6))
    after.go_on(piece("lines-final-6", 2))
    assert store.checkpoint_names() == {"lines-final-5@1", "lines-final-6@2"}
    after.end(piece("lines-final-6", 3, status="failed"))
    job = after.begin(make_spec(EXPERIMENT, DATASET, ROW, final_seed=5))
    assert (job.spec.first_epoch, job.model) == (1, b"lines-final-5 after 1")


def test_pauses_in_flight_and_what_is_needed_are_kept_and_nothing_else(store):
    trainings = trainings_of(store, ["lines-final-4"])
    for name in ("lines-final-4", "old", "lines-final-5@7"):
        store.save_checkpoint(name, b"a model")
    trainings.begin(make_spec(EXPERIMENT, DATASET, ROW, final_seed=5))
    for number in (1, 2):
        trainings.go_on(piece("lines-final-5", number))
    kept = {file.stem for file in (store.path / "checkpoints").iterdir()}
    assert kept == {"lines-final-4", "lines-final-5@2"}
    assert pause_name("lines-final-5", [{"epoch": 2}]) in kept


def test_what_is_given_up_leaves_no_pause_behind(store):
    trainings = trainings_of(store)
    trainings.begin(make_spec(EXPERIMENT, DATASET, ROW, final_seed=5))
    trainings.go_on(piece("lines-final-5", 1))
    assert store.checkpoint_names() == {"lines-final-5@1"}
    trainings.give_up(piece("lines-final-5", 2))
    assert store.checkpoint_names() == set()
