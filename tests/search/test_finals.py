"""The finals: the best of each arm, retrained and tested once; until then the test stays shut."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import sqlite3
import types

import numpy as np
import pytest

from analysis import load_run
from search import finals
from search.data.datasets import load_dataset
from search.execution import Execution
from search.experiment import Experiment
from search.finals import run_finals
from search.hyperband.promotion import TrialKey
from search.metric import ACCURACY
from search.ranking import finalists
from search.rows import TrialRow
from search.store import Store
from search.terminal.display import Display
from search.terminal.progress import Progress
from search.terminal.status import read_status
from search.training.final import run_final
from search.training.spec import TrialResult
from search.trainings import final_id, make_spec
from search.tuner import SequenceTuner, make_oracle
from search.workers.in_process import InProcess
from tests.support import small_run
from tests.support.invented import InventedWorkers, unit

# A small search of an .npz, watched


FIELDS = {
    **{"strategies": ("lines",), "max_epochs": 2, "factor": 2, "final_seeds": 2, "seed": 3},
    **{"batch_size": 16},
}


def write_npz(path, poison=None):
    """Images of two classes, of which the test split may be rubbish."""
    rng = np.random.default_rng(0)
    y = np.arange(60) % 2
    x = rng.integers(0, 120, (60, 4, 6))
    x[np.arange(60), 2 * y] += 100
    x_test, y_test = x[40:], y[40:]
    if poison is not None:
        x_test, y_test = poison.integers(0, 256, x_test.shape), poison.integers(0, 2, 20)
    np.savez(
        path,
        x_train=x[:40].astype("u1"),
        y_train=y[:40],
        x_test=x_test.astype("u1"),
        y_test=y_test,
    )


def watched_run(folder, poison=None):
    """Searches and runs the finals in this process; returns the store and what happened when."""
    folder.mkdir()
    write_npz(folder / "images.npz", poison)
    experiment = Experiment(str(folder / "images.npz"), **FIELDS)
    dataset = load_dataset(experiment)
    events = []

    class Watched(InProcess):
        def next_result(self, on_epoch):
            result = super().next_result(on_epoch)
            events.append(result.trial_id)
            return result

    def open_test():
        events.append("test opened")
        return dataset.open_test()

    guarded = dataclasses.replace(dataset, open_test=open_test)
    store = Store.create(folder / "run", experiment, {})
    store.record_dataset(dataset.facts())
    display = Display(Progress(experiment, {}))
    workers = Watched()
    SequenceTuner(make_oracle(experiment, dataset), store, guarded, workers, display).search()
    run_finals(store, guarded, workers, display)
    return types.SimpleNamespace(store=store, events=events, dataset=guarded, display=display)


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    run = watched_run(tmp_path_factory.mktemp("finals") / "clean")
    yield run
    run.store.close()


def test_the_test_split_is_opened_once_and_after_the_last_trial(clean):
    assert clean.events.count("test opened") == 1
    assert clean.events[5:] == ["test opened", "lines-final-3", "lines-final-4"]
    assert len(clean.events) == 8  # five trials before


def test_what_is_in_the_test_split_changes_nothing_before_the_finals(clean, tmp_path):
    poisoned = watched_run(tmp_path / "poisoned", np.random.default_rng(1))
    expected, found = small_run.tables(clean.store), small_run.tables(poisoned.store)
    assert len(expected["trials"]) == 5
    assert found["trials"] == expected["trials"]
    assert found["epochs"] == expected["epochs"]
    assert poisoned.events == clean.events
    # It was poisoned: the same models, for they have the same seeds, are tested on other images.
    assert found["finals"] != expected["finals"]
    for poisoned_row, row in zip(found["finals"], expected["finals"], strict=True):
        assert poisoned_row["trial_id"] == row["trial_id"]
    poisoned.store.close()


def test_there_is_a_row_for_every_strategy_and_seed(clean, finished_run):
    assert [(row["strategy"], row["seed"]) for row in clean.store.rows("finals")] == [
        ("lines", 3),
        ("lines", 4),
    ]
    store = Store(finished_run.path)
    assert sorted((row["strategy"], row["seed"]) for row in store.rows("finals")) == [
        ("line_cnn", 0),
        ("lines", 0),
    ]


@pytest.fixture(params=["npz", "digits"])
def tested(request, clean, finished_run):
    """A finished run and its data set."""
    store = clean.store if request.param == "npz" else Store(finished_run.path)
    return store, load_dataset(store.experiment)


def test_finals_train_the_best_configuration_of_each_arm(tested):
    store, _ = tested
    best = finalists(store.trials(), ACCURACY)
    rows = store.rows("finals")
    assert {row["strategy"] for row in rows} == set(store.experiment.strategies) == set(best)
    for row in rows:
        assert row["trial_id"] == best[row["strategy"]].trial_id
        assert TrialKey.parse(row["trial_id"]).strategy == row["strategy"]
        assert row["status"] == "completed" and row["message"] is None
        assert row["train_seconds"] > 0 and row["latency_ms"] > 0
        assert row["test_loss"] > 0


def test_predictions_against_the_labels_give_the_accuracy(tested):
    store, dataset = tested
    (facts,) = store.rows("datasets")
    labels = np.frombuffer(facts["test_labels"], "<u2")
    assert np.array_equal(labels, dataset.open_test().y)
    for row in store.rows("finals"):
        predictions = np.frombuffer(row["predictions"], "<u2")
        assert predictions.shape == labels.shape
        assert predictions.max() < len(dataset.class_names)
        assert row["test_accuracy"] == np.mean(predictions == labels)


def test_learning_on_these_images_is_better_than_guessing(clean):
    assert min(row["test_accuracy"] for row in clean.store.rows("finals")) > 0.5


def test_the_same_seed_gives_the_same_model_and_another_seed_another(clean):
    first, second = clean.store.rows("finals")
    best = finalists(clean.store.trials(), ACCURACY)["lines"]
    spec = make_spec(clean.store.experiment, clean.dataset, best, 3)
    train = finals.Images(
        np.concatenate([clean.dataset.train.x, clean.dataset.validation.x]),
        np.concatenate([clean.dataset.train.y, clean.dataset.validation.y]),
    )
    test = load_dataset(clean.store.experiment).open_test()
    again = run_final(spec, train, test).columns
    same = ("test_accuracy", "test_loss", "predictions", "status")
    assert {name: again[name] for name in same} == {name: first[name] for name in same}
    # The second seed's model was compiled for the first; trained in a new one it is the same.
    spec = make_spec(clean.store.experiment, clean.dataset, best, 4)
    again = run_final(spec, train, test).columns
    assert {name: again[name] for name in same} == {name: second[name] for name in same}
    assert first["test_loss"] != second["test_loss"]


def test_a_final_s_epochs_are_kept_and_are_no_trial_s(finished_run):
    store = Store(finished_run.path)
    for row in store.finals():
        epochs = store.epochs(final_id(row.strategy, row.seed))
        assert [epoch["epoch"] for epoch in epochs] == [1, 2]
        assert row.train_seconds == pytest.approx(sum(epoch["seconds"] for epoch in epochs))
        assert all(epoch["val_loss"] is None for epoch in epochs)
    trials = {row.trial_id for row in store.trials()}
    assert set(load_run(finished_run.path).epochs.trial_id) == trials
    arms = read_status(store, now=0.0).progress.arms.values()
    assert {row.trial_id for arm in arms for row in arm.rows()} == trials


# Without training


@pytest.fixture
def invented(tmp_path):
    """A searched run of two arms whose finals are counted and not trained."""
    experiment = Experiment("digits", ("lines", "line_cnn", "cnn_lines"), final_seeds=2, seed=5)
    dataset = load_dataset(experiment)
    with Store.create(tmp_path / "run", experiment, {}) as store:
        store.record_dataset(dataset.facts())
        for number, strategy in enumerate(("line_cnn", "lines", "lines")):
            key = TrialKey(strategy, 0, 0, 0, number)
            row = TrialRow(
                trial_id=key.trial_id, dataset="digits", strategy=strategy, iteration=0,
                bracket=0, rung=0, slot=number, seed=1,
                hyperparameters=json.dumps({"depth": number}), first_epoch=0, last_epoch=9,
                status="completed", score=number / 10, val_loss=1, train_seconds=9.0,
            )  # fmt: skip
            store.start_trial(row)
        yield types.SimpleNamespace(
            store=store,
            dataset=dataset,
            workers=FinalWorkers(),
            display=Listener(experiment),
        )


class FinalWorkers(InventedWorkers):
    """Train nothing; those of `broken` fail."""

    def __init__(self, capacity=1, order=0):
        super().__init__(capacity, order=order)
        self.images, self.broken, self.given = {}, set(), []

    def open(self, images):
        self.images.update(images)

    def submit(self, job, worker):
        self.given.append((job.spec.strategy, worker))
        super().submit(job, worker)

    def _end(self, spec, on_epoch):
        if (spec.strategy, spec.seed) in self.broken:
            return TrialResult(spec.trial_id, {"status": "failed", "message": "out of memory"})
        return super()._end(spec, on_epoch)


class Listener(Display):
    """Keeps what a display is told of the finals."""

    def __init__(self, experiment):
        super().__init__(Progress(experiment, {}))
        self.finished = []

    def final_finished(self, *event):
        super().final_finished(*event)
        self.finished.append(event)


def test_finals_follow_the_strategies_order_and_use_all_training_images(invented):
    run_finals(invented.store, invented.dataset, invented.workers, invented.display)
    specs = invented.workers.started
    # cnn_lines has no completed trial.
    assert [(spec.strategy, spec.seed) for spec in specs] == [
        ("lines", 5),
        ("lines", 6),
        ("line_cnn", 5),
        ("line_cnn", 6),
    ]
    images = {name: len(each.y) for name, each in invented.workers.images.items()}
    train = len(invented.dataset.train.y) + len(invented.dataset.validation.y)
    assert images == {"everything": train, "test": invented.dataset.test_count}
    for spec in specs:
        assert (spec.first_epoch, spec.last_epoch, spec.max_epochs) == (0, 9, 9)
        assert spec.hyperparameters == {"depth": 2 if spec.strategy == "lines" else 0}
    assert [event[:2] for event in invented.display.finished] == [
        ("lines", 1),
        ("lines", 2),
        ("line_cnn", 1),
        ("line_cnn", 2),
    ]


def test_a_worker_stays_with_the_finalist_that_it_holds_compiled(invented):
    """And helps the other when its own has no seed left."""
    workers = FinalWorkers(capacity=2)
    run_finals(invented.store, invented.dataset, workers, invented.display)
    (first, one), (second, other), (third, again), _ = workers.given
    assert first != second and one != other
    assert third == {one: first, other: second}[again]


def test_what_takes_a_moment_is_done_while_the_workers_are_busy(invented):
    """The report's page keeps none waiting."""
    workers, seen = FinalWorkers(capacity=2), []

    def meanwhile():
        seen.append((len(invented.store.rows("finals")), workers.busy))

    run_finals(invented.store, invented.dataset, workers, invented.display, meanwhile=meanwhile)
    assert seen == [(0, 2), (1, 2), (2, 2), (3, 1)]


@pytest.mark.parametrize("capacity", [1, 3, 8])
def test_finals_do_not_depend_on_how_many_run_at_a_time(invented, capacity):
    run_finals(invented.store, invented.dataset, FinalWorkers(capacity, 7), invented.display)
    rows = sorted(invented.store.rows("finals"), key=lambda row: (row["strategy"], row["seed"]))
    assert [(row["strategy"], row["seed"]) for row in rows] == [
        ("line_cnn", 5),
        ("line_cnn", 6),
        ("lines", 5),
        ("lines", 6),
    ]
    for row in rows:
        spec_id = f"{row['strategy']}-final-{row['seed']}"
        depth = [("depth", 2 if row["strategy"] == "lines" else 0)]
        assert row["test_accuracy"] == unit(spec_id, depth)


@pytest.mark.parametrize("done", [1, 2, 3])
def test_resumed_finals_do_not_repeat_what_is_done(invented, monkeypatch, done):
    class Killed(BaseException):
        pass

    original, written = Store.record_final, []

    def record_final(self, row, *rest):
        if len(written) == done:
            raise Killed
        original(self, row, *rest)
        written.append(row)

    with monkeypatch.context() as patch:
        patch.setattr(Store, "record_final", record_final)
        with pytest.raises(Killed):
            run_finals(invented.store, invented.dataset, invented.workers, invented.display)
    invented.workers = FinalWorkers()
    run_finals(invented.store, invented.dataset, invented.workers, invented.display)
    assert len(invented.workers.started) == 4 - done
    names = sorted((row["strategy"], row["seed"]) for row in invented.store.rows("finals"))
    assert names == [("line_cnn", 5), ("line_cnn", 6), ("lines", 5), ("lines", 6)]
    invented.workers = FinalWorkers()
    run_finals(invented.store, invented.dataset, invented.workers, invented.display)
    assert invented.workers.started == []
    assert len(invented.display.finished[-4:]) == 4  # those done before are shown, too


def test_a_final_that_fails_is_a_row_and_the_others_go_on(invented):
    invented.workers.broken.add(("lines", 5))
    run_finals(invented.store, invented.dataset, invented.workers, invented.display)
    statuses = [row["status"] for row in invented.store.rows("finals")]
    assert statuses == ["failed", "completed", "completed", "completed"]
    assert invented.display.finished[0][2:] == (None, "out of memory")


def test_a_final_that_a_kill_interrupted_goes_on_and_the_display_shows_it(invented):
    told = []
    invented.display.epoch_finished = lambda name, row: told.append((name, row["epoch"]))
    rows = [{"epoch": number, "loss": 1.0, "seconds": 0.1} for number in (1, 2)]
    invented.store.record_epochs("lines-final-5", rows)
    content = json.dumps({"seed": 5, "epochs": 2}).encode()
    invented.store.save_checkpoint("lines-final-5@2", content)
    limits = Execution(checkpoint_every=1e-6, trial_timeout=1.0)
    run_finals(invented.store, invented.dataset, invented.workers, invented.display, limits)
    assert [epoch for name, epoch in told if name == "lines-final-5"] == list(range(1, 10))
    pieces = [spec for spec in invented.workers.started if spec.trial_id == "lines-final-5"]
    assert [spec.first_epoch for spec in pieces] == list(range(2, 9))
    assert invented.workers.anew == []
    timeouts = [spec.timeout for spec in pieces]  # what is spent is taken from the limit
    assert timeouts[0] < 60.0 and timeouts == sorted(set(timeouts), reverse=True)


def test_a_final_whose_worker_was_lost_too_often_has_failed(invented):
    """As `DaskWorkers` says it: with a status and a message, and nothing else."""
    invented.workers.broken.add(("lines", 6))
    run_finals(invented.store, invented.dataset, invented.workers, invented.display)
    (row,) = [row for row in invented.store.finals() if row.status == "failed"]
    assert (row.seed, row.message, row.test_accuracy) == (6, "out of memory", None)


def test_a_failing_training_becomes_a_failed_final(clean):
    best = finalists(clean.store.trials(), ACCURACY)["lines"]
    impossible = dataclasses.replace(best, hyperparameters=json.dumps({"lstm_units": -1}))
    spec = make_spec(clean.store.experiment, clean.dataset, impossible, 1)
    row = run_final(spec, clean.dataset.train, clean.dataset.validation).columns
    assert row["status"] == "failed" and len(row["message"].splitlines()) == 1
    assert "test_accuracy" not in row and "predictions" not in row


def test_a_run_with_finals_is_searched_no_further(invented, monkeypatch, tmp_path):
    """Who has seen the test may not choose any more: `run` goes straight to the finals."""
    import run_search

    def search(self):
        raise AssertionError("a search began")

    monkeypatch.setattr(SequenceTuner, "search", search)
    run_finals(invented.store, invented.dataset, invented.workers, invented.display)
    invented.workers = FinalWorkers()
    with sqlite3.connect(invented.store.results_file) as database:
        database.execute("DELETE FROM finals WHERE strategy = 'line_cnn'")
    monkeypatch.setattr("analysis.report.write.write_report", lambda path: path)
    monkeypatch.setattr("search.designs.export_designs", lambda store: [])  # nothing was built
    monkeypatch.setattr(
        "run_search.make_workers", lambda *_: contextlib.nullcontext(invented.workers)
    )
    assert run_search.run(invented.store, invented.dataset, None, Execution(), [{}]) == 0
    assert [spec.strategy for spec in invented.workers.started] == ["line_cnn", "line_cnn"]
