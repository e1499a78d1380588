"""Killed at any instant and resumed, a run ends with the tables of one that nothing disturbed."""

from __future__ import annotations

import dataclasses
import random
import signal

import numpy as np
import pytest

from search import finals
from search.data.datasets import load_dataset
from search.experiment import Experiment
from search.store import Store
from search.terminal.display import Display
from search.terminal.progress import Progress
from search.tuner import SequenceTuner, make_oracle
from tests.support import small_run
from tests.support.invented import InventedWorkers

# Real processes, SIGKILL


def assert_undisturbed(run, undisturbed):
    expected, found = small_run.tables(undisturbed), small_run.tables(run)
    assert {name: len(rows) for name, rows in found.items()} == {
        name: len(rows) for name, rows in expected.items()
    }
    assert found == expected
    assert list((run / "checkpoints").iterdir()) == []
    assert (run / "report" / "report.html").stat().st_size > 10_000


def test_killed_in_every_part_of_it_a_run_ends_with_the_same_tables(finished_run, stopped_run):
    assert stopped_run.kills >= 2  # of three: the last may come after its end
    assert stopped_run.finished.returncode == 0, stopped_run.finished.stderr
    assert_undisturbed(stopped_run.path, finished_run.path)


@pytest.mark.slow
def test_killed_at_twenty_random_instants(finished_run, tmp_path):
    """Five while it starts, three in the finals and the report, the others anywhere."""
    rng = random.Random(7)
    total = small_run.TRIALS + small_run.FINALS
    anywhere = [rng.randint(0, total) for _ in range(12)]
    waits = sorted([*[0] * 5, *anywhere, total - 2, total - 1, total])
    run = tmp_path / "run"
    kills, rows = 0, []
    for wait in waits:
        process = small_run.resume_or_start(tmp_path)
        delay = rng.uniform(0, 8 if wait == 0 else 2)
        kills += small_run.stop(process, run, wait, delay, signal.SIGKILL).returncode == -9
        rows.append(small_run.finished_rows(run))
    assert kills >= 18, rows  # one that waits for the last rows may come after the end
    assert len(set(rows)) >= 6 and max(rows) > small_run.TRIALS, rows  # in many parts of it
    ended = small_run.finish(small_run.resume_or_start(tmp_path))
    assert (ended.returncode, ended.stderr) == (0, "")
    assert_undisturbed(run, finished_run.path)


# Invented workers: a kill before and after every write


class Killed(BaseException):
    """What no part of the program catches."""


WRITES = (
    *(
        "record_dataset",
        "start_trial",
        "save_checkpoint",
        "finish_trial",
        "delete_checkpoints_except",
    ),
    *("record_test_labels", "record_final", "record_report_images"),
)


class MortalStore(Store):
    """Dies once it has written so often: after a write, or in the middle of a checkpoint.

    Before a write is after the one before it.
    """

    lives = float("inf")

    def _write(self, name, *arguments):
        self.lives -= 1
        if name == "save_checkpoint" and self.lives == 0:
            # What `write_atomically` leaves where it is killed.
            draft = self.checkpoint_file(arguments[0])
            draft.with_name(f".{draft.name}.4711").write_bytes(arguments[1][:3])
            raise Killed(name)
        getattr(Store, name)(self, *arguments)
        if self.lives == 0:
            raise Killed(name)


for write in WRITES:
    setattr(
        MortalStore,
        write,
        lambda self, *arguments, name=write: self._write(name, *arguments),
    )


class NamingWorkers(InventedWorkers):
    """Name every test image 0, so that the report has mistakes to show."""

    def open(self, images):
        if "test" in images:
            self.named = np.zeros(len(images["test"].y), "<u2").tobytes()

    def _end(self, spec, on_epoch):
        result = super()._end(spec, on_epoch)
        if not spec.final:
            return result
        return dataclasses.replace(result, columns={**result.columns, "predictions": self.named})


@pytest.fixture
def process(monkeypatch):
    """A whole run of the program, but for the training."""
    experiment = Experiment("digits", ("lines", "line_cnn"), train_limit=60, final_seeds=2)
    dataset = load_dataset(experiment)
    spaces = make_oracle(experiment, dataset)._spaces

    monkeypatch.setattr("search.tuner.search_spaces", lambda *_: spaces)

    def process(path, workers, lives=float("inf")):
        if not path.exists():
            MortalStore.create(path, experiment, {}).close()
        with MortalStore.resume(path) as store:
            store.lives = lives
            store.record_dataset({"dataset": "digits"})
            display = Display(Progress(experiment, {}))
            if not store.rows("finals"):
                oracle = make_oracle(experiment, dataset)
                SequenceTuner(oracle, store, dataset, workers, display).search()
            finals.run_finals(store, dataset, workers, display)

    return process


@pytest.mark.parametrize("failures", [0.0, 0.25])
def test_killed_at_any_write_it_ends_with_the_same_tables(tmp_path, process, failures):
    process(tmp_path / "undisturbed", NamingWorkers(failures=failures))
    expected = small_run.tables(tmp_path / "undisturbed")
    assert len(expected["finals"]) == 4
    assert len(expected["sequences"]) == 2
    assert {row["split"] for row in expected["images"]} == {"test"}
    died = set()
    for seed in range(3):
        rng = random.Random(seed)
        path, kills, trained = tmp_path / f"{seed}", 0, 0
        while True:
            workers = NamingWorkers(failures=failures)
            try:
                process(path, workers, lives=rng.randrange(2, 10))
                break
            except Killed as death:
                kills += 1
                died.add(str(death))
            finally:
                trained += len(workers.started)
                assert workers.anew == []  # a promotion that begins again has its parent yet
        assert small_run.tables(path) == expected
        assert list((path / "checkpoints").iterdir()) == []
        assert kills > 10
        # A kill costs the trial in flight and no other.
        assert trained <= len(expected["trials"]) + kills
    assert {*WRITES[1:]} <= died  # every kind of write was somebody's last


def test_killed_with_many_in_flight_it_ends_with_the_same_trials(tmp_path, process):
    def by_name(path):
        tables = small_run.tables(path)
        return {
            "trials": sorted(tables["trials"], key=lambda row: row["trial_id"]),
            "epochs": sorted(tables["epochs"], key=lambda row: (row["trial_id"], row["epoch"])),
            "finals": tables["finals"],
        }

    process(tmp_path / "undisturbed", NamingWorkers(failures=0.2))
    expected = by_name(tmp_path / "undisturbed")
    for seed in range(3):
        rng = random.Random(seed)
        kills = 0
        while True:
            workers = NamingWorkers(capacity=5, failures=0.2, order=rng.random())
            try:
                process(tmp_path / f"{seed}", workers, lives=rng.randrange(6, 30))
                break
            except Killed:
                kills += 1
            finally:
                assert workers.anew == []
        assert kills > 3
        assert by_name(tmp_path / f"{seed}") == expected
