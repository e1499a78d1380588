"""Killed at any instant and resumed, a run ends with the tables of one that nothing disturbed."""

from __future__ import annotations

import dataclasses
import random
import signal
import time

import numpy as np
import pytest

from search import finals
from search.data.datasets import load_dataset
from search.execution import Execution
from search.experiment import Experiment
from search.metric import ACCURACY
from search.ranking import finalists
from search.store import Store
from search.terminal.display import Display
from search.terminal.progress import Progress
from search.training.final import run_final
from search.trainings import make_spec
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


def test_killed_and_stopped_a_run_ends_with_the_same_tables(finished_run, stopped_run):
    assert stopped_run.killed.returncode == -signal.SIGKILL
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


@pytest.mark.slow
def test_killed_in_mid_final_it_goes_on_from_the_pause(tmp_path):
    """SIGKILL between two epochs of a final that is paused after each of them.

    The halves of it are quick: below, invented workers are killed between pauses; and in
    search/training/test_final.py a final that is paused after every epoch ends bit for bit as one
    that is not.
    """
    run = tmp_path / "run"
    fields = {"strategies": ("lines",), "max_epochs": 12, "factor": 13, "iterations": 1}
    search = ["--dataset", "digits", "--train-limit", "60", "--strategies", "lines"]
    search += ["--max-epochs", "12", "--factor", "13", "--final-seeds", "1", "--workers", "1"]
    search += ["--configurations", "hyperband"]
    search += ["--iterations", "1", "--batch-size", "64"]
    every_epoch = ["--checkpoint-every", "0.000001"]
    process = small_run.start([*search, *every_epoch, "--out", "run"], tmp_path)
    while not run.exists() and process.poll() is None:
        time.sleep(0.05)
    before = []
    while len(before) < 2 and process.poll() is None:
        before = Store(run).epochs("lines-final-0")
        time.sleep(0.02)
    process.kill()
    small_run.finish(process)
    store = Store(run)
    before = store.epochs("lines-final-0")
    assert store.finals() == [] and 2 <= len(before) < 12, before
    assert len(list((run / "checkpoints").glob("lines-final-0@*"))) >= 1
    ended = small_run.execute(["--resume", "run", "--workers", "1"], tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    epochs = store.epochs("lines-final-0")
    assert epochs[: len(before)] == before  # their seconds, too: they were not trained again
    assert [row["epoch"] for row in epochs] == list(range(1, 13))
    (row,) = store.finals()
    assert row.train_seconds == pytest.approx(sum(epoch["seconds"] for epoch in epochs))
    # And it ended as one that nothing disturbed.
    experiment = Experiment("digits", train_limit=60, final_seeds=1, **fields)
    assert store.experiment == experiment
    dataset = load_dataset(experiment)
    spec = make_spec(
        experiment, dataset, finalists(store.trials(), ACCURACY)["lines"], final_seed=0
    )
    undisturbed = run_final(spec, finals.everything(dataset), dataset.open_test())
    assert undisturbed.columns["predictions"] == row.predictions
    assert undisturbed.columns["test_loss"] == row.test_loss
    losses = [epoch["loss"] for epoch in epochs]
    assert losses == [epoch["loss"] for epoch in undisturbed.epochs]


# Invented workers: a kill before and after every write


class Killed(BaseException):
    """What no part of the program catches."""


WRITES = (
    *(
        "record_dataset",
        "record_trials",
        "save_checkpoint",
        "delete_checkpoints_except",
    ),
    *("record_test_labels", "record_final", "record_report_rows"),
    "record_epochs",  # of a pause
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
    """Predict 0 for every test image, so that the report has mistakes to show."""

    def open(self, images):
        if "test" in images:
            self.predicted = np.zeros(len(images["test"].y), "<u2").tobytes()

    def _end(self, spec, on_epoch):
        result = super()._end(spec, on_epoch)
        if not spec.final or result.paused:
            return result
        return dataclasses.replace(
            result, columns={**result.columns, "predictions": self.predicted}
        )


@pytest.fixture
def process(monkeypatch):
    """A whole run of the program, but for the training."""
    experiment = Experiment("digits", ("lines", "line_cnn"), train_limit=60, final_seeds=2)
    dataset = load_dataset(experiment)
    spaces = make_oracle(experiment, dataset)._spaces

    monkeypatch.setattr("search.tuner.search_spaces", lambda *_: spaces)

    def process(path, workers, lives=float("inf"), execution=None):
        if not path.exists():
            MortalStore.create(path, experiment, {}).close()
        with MortalStore.resume(path) as store:
            store.lives = lives
            store.record_dataset(dataset.facts())
            display = Display(Progress(experiment, {}))
            if not store.finals_begun:
                oracle = make_oracle(experiment, dataset)
                SequenceTuner(oracle, store, dataset, workers, display, execution).search()
            finals.run_finals(store, dataset, workers, display, execution)

    return process


@pytest.mark.parametrize("failures", [0.0, 0.25])
def test_killed_at_any_write_it_ends_with_the_same_tables(tmp_path, process, failures):
    process(tmp_path / "undisturbed", NamingWorkers(failures=failures))
    expected = small_run.tables(tmp_path / "undisturbed")
    assert len(expected["finals"]) == 4
    assert len(expected["sequences"]) == 2
    assert {row["split"] for row in expected["images"]} == {"test"}
    died = set()
    for seed in range(30):
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
                trained += len(workers.started) - workers.busy  # those were not begun
                assert workers.anew == []  # a promotion that begins again has its parent yet
        assert small_run.tables(path) == expected
        assert list((path / "checkpoints").iterdir()) == []
        assert kills > 10
        # A kill costs the trial in flight and no other.
        assert trained <= len(expected["trials"]) + kills
        # Every kind of write was somebody's last: some kinds a run writes once.
        if seed >= 2 and {*WRITES[1:-1]} <= died:
            break
    else:
        pytest.fail(f"nobody died of {set(WRITES[1:-1]) - died}")


AFTER_EVERY_EPOCH = Execution(checkpoint_every=1e-6)


def final_pieces(workers, name):
    """The first epochs with which a final was begun, or went on."""
    return [spec.first_epoch for spec in workers.started if spec.trial_id == name]


def test_pauses_change_nothing(tmp_path, process):
    process(tmp_path / "undisturbed", NamingWorkers())
    workers = NamingWorkers(capacity=2)
    process(tmp_path / "paused", workers, execution=AFTER_EVERY_EPOCH)
    assert small_run.tables(tmp_path / "paused") == small_run.tables(tmp_path / "undisturbed")
    assert final_pieces(workers, "lines-final-1") == list(range(9))
    assert workers.anew == []
    for row in Store(tmp_path / "paused").finals():
        assert row.train_seconds == pytest.approx(0.9)  # of all nine pieces
    assert list((tmp_path / "paused" / "checkpoints").iterdir()) == []


def test_killed_at_any_write_with_pauses_it_goes_on_from_the_last(tmp_path, process):
    process(tmp_path / "undisturbed", NamingWorkers())
    expected = small_run.tables(tmp_path / "undisturbed")
    finals_of = [row["strategy"] for row in expected["finals"]]
    assert len(finals_of) == 4
    died, in_finals = set(), 0
    for seed in range(2):
        rng, path = random.Random(seed), tmp_path / f"{seed}"
        while True:
            before = Store(path) if path.exists() else None
            paused = {}
            if before is not None:
                ended = {(row.strategy, row.seed) for row in before.finals()}
                for strategy in {*finals_of}:
                    for number in range(2):
                        name = f"{strategy}-final-{number}"
                        known = before.epochs(name)
                        if known and (strategy, number) not in ended:
                            paused[name] = known[-1]["epoch"]
            workers = NamingWorkers()
            try:
                process(path, workers, rng.randrange(4, 60), AFTER_EVERY_EPOCH)
                break
            except Killed as death:
                died.add(str(death))
            finally:
                assert workers.anew == []
                for name, epoch in paused.items():
                    in_finals += 1
                    assert final_pieces(workers, name)[:1] in ([epoch], [])
        assert small_run.tables(path) == expected
    assert {"record_epochs", "save_checkpoint", "delete_checkpoints_except"} <= died
    assert in_finals > 2


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
