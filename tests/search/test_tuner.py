"""The search: what it records is what the oracle plans, and it keeps no more than it needs."""

from __future__ import annotations

import collections
import dataclasses
import itertools
import json
import math
import types

import numpy as np
import pytest

from analysis import load_run
from analysis.run import given_up, pending_finals
from analysis.statistics.decision import decide
from search import finals, trainings, tuner
from search.data.datasets import Dataset, Images, load_dataset
from search.experiment import Experiment, ExperimentError
from search.finals import in_front, run_finals
from search.hyperband import brackets
from search.hyperband.oracle import StrategyHyperband
from search.hyperband.promotion import TrialKey
from search.metric import ACCURACY
from search.ranking import cut_short, finalists
from search.rows import TrialRow
from search.search_spaces import search_spaces
from search.store import Store
from search.terminal.display import Display
from search.terminal.progress import Progress
from search.tuner import SequenceTuner, make_oracle
from search.workers.in_process import InProcess
from spaces import STRATEGIES, SequenceHyperModel
from tests.support import small_run
from tests.support.invented import InventedWorkers
from tests.support.models import with_values

STRATEGY_NAMES = ("lines", "cnn_lines", "line_cnn")


def noise(*shape, classes=2):
    """A data set of images without meaning."""
    x = np.random.default_rng(0).integers(0, 256, (6, *shape)).astype("uint8")
    y = (np.arange(6) % classes).astype("int32")
    images = Images(x, y)
    names = tuple(map(str, range(classes)))
    return Dataset("noise", images, images, names, False, False, 6, lambda: images)


class Listener(Display):
    """Keeps what a display is told."""

    def __init__(self, experiment):
        super().__init__(Progress(experiment, {}))
        self.notes, self.events = [], []

    def note(self, text):
        self.notes.append(text)

    def trial_started(self, row):
        super().trial_started(row)
        self.events.append(("started", row.trial_id, row.status))

    def trial_finished(self, row):
        super().trial_finished(row)
        self.events.append(("finished", row.trial_id, row.status))


@pytest.fixture(scope="module")
def spaces_of_noise():
    dataset = noise(8, 8, 1)
    return search_spaces(Experiment("noise", STRATEGY_NAMES), dataset)


@pytest.fixture
def search(tmp_path, spaces_of_noise):
    """Searches with invented workers; returns the store, the listener and whether it is done."""
    numbers = itertools.count()

    def search(workers, store=None, minutes=math.inf, **fields):
        if store is None:
            experiment = Experiment("noise", STRATEGY_NAMES, **{"max_epochs": 9, **fields})
            store = Store.create(tmp_path / f"run {next(numbers)}", experiment, {})
        oracle = oracle_of(store.experiment, spaces_of_noise)
        listener = Listener(store.experiment)
        dataset = noise(8, 8, 1)
        done = SequenceTuner(
            *(oracle, store, dataset, workers, listener),
            until=lambda: FakeTime.START + 60 * minutes,
        ).search()
        return types.SimpleNamespace(store=store, listener=listener, oracle=oracle, done=done)

    return search


def oracle_of(experiment, spaces):
    return StrategyHyperband(
        max_epochs=experiment.max_epochs,
        factor=experiment.factor,
        iterations=experiment.iterations,
        most_iterations=experiment.most_iterations,
        seed=experiment.seed,
        dataset="noise",
        spaces=spaces,
        clock=tuner.time.monotonic,  # which a test may have replaced
        keep_files=False,
    )


def test_what_takes_a_moment_is_done_while_every_worker_that_can_be_is_busy(
    search, spaces_of_noise, tmp_path
):
    """The report's page keeps no worker waiting."""
    workers = InventedWorkers(capacity=3)
    store = Store.create(tmp_path / "run", Experiment("noise", STRATEGY_NAMES, max_epochs=3), {})
    oracle = oracle_of(store.experiment, spaces_of_noise)
    seen = []

    def meanwhile():
        ended = sum(row["status"] == "completed" for row in store.rows("trials"))
        seen.append((ended, workers.busy, oracle.next_key()))

    tuner = SequenceTuner(
        oracle, store, noise(8, 8, 1), workers, Listener(store.experiment), meanwhile=meanwhile
    )
    assert tuner.search()
    assert all(busy == 3 or following is None for _, busy, following in seen)
    assert [ended for ended, _, _ in seen] == list(range(len(store.rows("trials"))))


def test_all_that_happens_before_somebody_is_waited_for_is_one_transaction(search, monkeypatch):
    written, record = [], Store.record_trials

    def recorded(self, news):
        written.append([row.status for row, _ in news])
        record(self, news)

    monkeypatch.setattr(Store, "record_trials", recorded)
    ended = search(InventedWorkers(capacity=4), max_epochs=3)
    first, *others = written
    assert first == ["running"] * 4
    assert all(statuses[0] == "completed" and len(statuses) <= 3 for statuses in others)
    assert len(others) == len(ended.store.rows("trials"))


@pytest.mark.parametrize(
    "change",
    [
        "hyperparameters = json_set(hyperparameters, '$.dropout', 0.77)",
        "last_epoch = 2",
        "bracket = 7, trial_id = 'lines-0-7-0-0'",
        "slot = 99, trial_id = 'lines-0-2-0-99'",
        "iteration = 3, trial_id = 'lines-3-2-0-0'",
        "strategy = 'other', trial_id = 'other-0-2-0-0'",
    ],
)
def test_a_trial_of_another_search_is_refused_before_anything_is_trained(search, change):
    """By an edited file, or by another version that draws other configurations."""
    store = search(InventedWorkers()).store
    with store.connect() as database:
        database.execute(f"UPDATE trials SET {change} WHERE trial_id = 'lines-0-2-0-0'")
    workers = InventedWorkers()
    with pytest.raises(ExperimentError, match="is none of this search") as refused:
        search(workers, store)
    assert str(store.results_file) in str(refused.value)
    assert workers.started == []


# A real search, by the command line


@pytest.fixture(scope="module")
def real(finished_run):
    store = Store(finished_run.path)
    oracle = make_oracle(store.experiment, load_dataset(store.experiment))
    return types.SimpleNamespace(
        store=store,
        oracle=oracle,
        trials=store.rows("trials"),
        epochs=[row for row in store.rows("epochs") if "-final-" not in row["trial_id"]],
    )


def test_the_table_is_the_plan(real):
    plan = brackets.plan(2, 2)
    for strategy in small_run.FIELDS["strategies"]:
        rows = [row for row in real.trials if row["strategy"] == strategy]
        counts = collections.Counter((row["bracket"], row["rung"]) for row in rows)
        assert counts == {
            (bracket, number): rung.size
            for bracket, rungs in plan.items()
            for number, rung in enumerate(rungs)
        }
        trained = sum(row["last_epoch"] - row["first_epoch"] for row in rows)
        assert (len(rows), trained) == real.oracle.totals()[strategy]
    assert len(real.trials) == small_run.TRIALS
    assert {row["status"] for row in real.trials} == {"completed"}
    assert len(real.store.rows("finals")) == small_run.FINALS


def test_every_row_follows_from_its_place(real):
    for row in real.trials:
        key = TrialKey.parse(row["trial_id"])
        rung = real.oracle.rung(key)
        assert {name: row[name] for name in ("strategy", "iteration", "bracket", "rung")} == {
            name: getattr(key, name) for name in ("strategy", "iteration", "bracket", "rung")
        }
        assert row["slot"] == key.slot
        assert (row["first_epoch"], row["last_epoch"]) == (rung.first_epoch, rung.last_epoch)
        assert json.loads(row["hyperparameters"]) == real.oracle.values(key)
        assert row["seed"] == real.oracle.trial_seed(key)
        assert row["dataset"] == "digits"
        assert row["retries"] == 0 and row["message"] is None
        assert row["started"] <= row["finished"]


def test_a_fresh_oracle_given_the_scores_starts_the_same_trials(real):
    """In an arm in the same order; whose turn it was depends on the seconds."""
    oracle = make_oracle(real.store.experiment, load_dataset(real.store.experiment))
    left = {row["trial_id"]: row for row in real.trials}
    while (key := oracle.next_key()) is not None:
        own = [row for row in left.values() if row["strategy"] == key.strategy]
        assert key.trial_id == own[0]["trial_id"]
        oracle.restore([TrialRow(**left.pop(key.trial_id))])
    assert not left


def test_children_go_on_where_parents_ended(real):
    by_name = {row["trial_id"]: row for row in real.trials}
    children = [row for row in real.trials if row["parent_id"]]
    assert len(children) == 2  # a promotion in either arm
    for child in children:
        parent = by_name[child["parent_id"]]
        assert parent["last_epoch"] == child["first_epoch"]
        assert parent["rung"] + 1 == child["rung"]
        for column in ("strategy", "iteration", "bracket", "slot", "seed", "hyperparameters"):
            assert parent[column] == child[column]
        assert parent["finished"] <= child["started"]
        rivals = [
            row
            for row in real.trials
            if all(row[name] == parent[name] for name in ("strategy", "bracket", "rung"))
        ]
        best = min(rivals, key=lambda row: (-row["score"], row["val_loss"], row["slot"]))
        assert parent is best
    assert all(row["first_epoch"] == 0 for row in real.trials if not row["parent_id"])


def test_epochs_are_whole_finite_and_scores_are_their_last(real):
    for row in real.trials:
        epochs = [{**epoch} for epoch in real.epochs if epoch["trial_id"] == row["trial_id"]]
        expected = list(range(row["first_epoch"] + 1, row["last_epoch"] + 1))
        assert [epoch["epoch"] for epoch in epochs] == expected
        for epoch in epochs:
            assert epoch.pop("val_score") is None  # it is judged by accuracy
            assert all(math.isfinite(epoch[name]) for name in epoch if name != "trial_id")
            assert 0 <= epoch["accuracy"] <= 1 and 0 <= epoch["val_accuracy"] <= 1
        assert row["score"] == epochs[-1]["val_accuracy"]
        assert row["val_loss"] == epochs[-1]["val_loss"]
        assert row["train_seconds"] == pytest.approx(sum(epoch["seconds"] for epoch in epochs))
    assert len(real.epochs) == sum(row["last_epoch"] - row["first_epoch"] for row in real.trials)


def test_every_measure_is_there(real):
    for row in real.trials:
        for name in ("parameters", "multiply_adds", "timesteps", "features", "peak_memory_bytes"):
            assert row[name] > 0, (row["trial_id"], name)
        assert row["train_seconds"] > 0 and row["setup_seconds"] > 0
        passed = row["finished"] - row["started"]
        assert row["train_seconds"] + row["setup_seconds"] <= passed + 0.01
        assert ":" in row["worker"]


def test_arms_take_turns(real):
    """By the seconds that they have had; a row's are a little less, by what it took to write it."""
    spent = dict.fromkeys(small_run.FIELDS["strategies"], 0.0)
    left = collections.Counter(row["strategy"] for row in real.trials)
    for row in real.trials:
        others = [spent[name] for name in left if left[name]]
        assert spent[row["strategy"]] <= min(others) + 0.2
        spent[row["strategy"]] += row["finished"] - row["started"]
        left[row["strategy"]] -= 1


def test_no_checkpoint_is_left_at_the_end(real):
    assert list((real.store.path / "checkpoints").iterdir()) == []


def test_an_arm_in_which_every_trial_fails_leaves_the_other_as_it_was(
    tmp_path, monkeypatch, finished_run
):
    experiment = Experiment(**small_run.FIELDS)
    dataset = load_dataset(experiment)
    oracle = make_oracle(experiment, dataset)

    def broken(images, hp):
        raise ValueError("no sequence\ncan be made of this")

    monkeypatch.setitem(
        STRATEGIES, "line_cnn", dataclasses.replace(STRATEGIES["line_cnn"], build=broken)
    )
    with Store.create(tmp_path / "run", experiment, {}) as store:
        workers = InProcess()
        listener = Listener(experiment)
        assert SequenceTuner(oracle, store, dataset, workers, listener).search()
        rows, epochs = store.rows("trials"), store.rows("epochs")
        best = finalists(store.trials(), ACCURACY)
        kept = list((store.path / "checkpoints").iterdir())
    failed = [row for row in rows if row["strategy"] == "line_cnn"]
    # None can be promoted; those of rung 0 are all tried.
    assert [row["rung"] for row in failed] == [0, 0, 0, 0]
    for row in failed:
        assert (row["status"], row["message"]) == ("failed", "ValueError: no sequence")
        assert row["score"] is None and row["finished"] is not None
    whole = small_run.tables(finished_run.path)

    def of_lines(rows):
        rows = [row for row in small_run.lasting(rows) if row["trial_id"].startswith("lines-")]
        return sorted(rows, key=lambda row: (row["trial_id"], row.get("epoch")))

    assert of_lines(rows) == of_lines(whole["trials"])
    assert len(of_lines(epochs)) == len(epochs)
    searched = [row for row in whole["epochs"] if "-final-" not in row["trial_id"]]
    assert of_lines(epochs) == of_lines(searched)
    assert list(best) == ["lines"]
    assert kept == []


# Invented workers


@pytest.mark.parametrize("capacity", [1, 4])
@pytest.mark.parametrize("failures", [0.0, 0.3])
def test_only_what_a_promotion_can_still_need_is_kept(search, capacity, failures):
    class Watching(InventedWorkers):
        """Looks at the checkpoints whenever it is waited for: then what has ended is written."""

        looks = 0

        def look(self):
            kept = {path.name for path in (self.path / "checkpoints").iterdir()}
            wanted = {f"{trial_id}.keras" for trial_id in self.oracle.promotable()}
            assert kept <= wanted
            Watching.looks += bool(kept)

        def next_result(self, on_epoch):
            self.look()
            return super().next_result(on_epoch)

    workers = Watching(capacity, failures)
    original = SequenceTuner.__init__

    def remember(self, oracle, store, *rest, **options):
        workers.oracle, workers.path = oracle, store.path
        original(self, oracle, store, *rest, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SequenceTuner, "__init__", remember)
        ended = search(workers)
    assert ended.done
    assert Watching.looks > 10
    assert workers.anew == []  # and none that was needed was thrown away
    assert any(spec.first_epoch for spec in workers.started)
    assert list((ended.store.path / "checkpoints").iterdir()) == []


def test_models_are_asked_for_only_where_a_promotion_may_follow(search):
    workers = InventedWorkers()
    search(workers)
    for spec in workers.started:
        assert spec.keep == (spec.last_epoch < 9)


@pytest.mark.parametrize("failures", [0.0, 0.3])
def test_the_table_does_not_depend_on_how_many_run_at_a_time(search, failures):
    found = []
    for capacity, order in ((1, 0), (4, 1), (16, 2)):
        ended = search(InventedWorkers(capacity, failures, order))
        assert ended.done
        rows = small_run.tables(ended.store)
        found.append(
            {
                "trials": sorted(rows["trials"], key=lambda row: row["trial_id"]),
                "epochs": sorted(rows["epochs"], key=lambda row: (row["trial_id"], row["epoch"])),
            }
        )
    statuses = {row["status"] for row in found[0]["trials"]}
    assert statuses == ({"completed", "failed"} if failures else {"completed"})
    assert found[0] == found[1] == found[2]


def test_a_search_in_which_everything_fails_ends(search):
    ended = search(InventedWorkers(failures=1.0))
    assert ended.done
    rows = ended.store.rows("trials")
    assert {row["status"] for row in rows} == {"failed"}
    assert {row["rung"] for row in rows} == {0}
    assert len(rows) == 3 * sum(rungs[0].size for rungs in brackets.plan(9, 3).values())
    run_finals(ended.store, noise(8, 8, 1), InventedWorkers(), ended.listener)
    assert ended.store.rows("finals") == []


def test_the_display_hears_of_every_trial_in_order(search):
    ended = search(InventedWorkers(capacity=3, failures=0.2))
    rows = ended.store.rows("trials")
    started = [trial for event, trial, _ in ended.listener.events if event == "started"]
    finished = {trial: state for event, trial, state in ended.listener.events if event != "started"}
    assert started == [row["trial_id"] for row in rows]
    assert finished == {row["trial_id"]: row["status"] for row in rows}


def test_a_finished_search_has_nothing_left_to_do(search):
    first = search(InventedWorkers())
    before = small_run.tables(first.store)
    workers = InventedWorkers()
    again = search(workers, store=first.store)
    assert again.done and workers.started == []
    assert small_run.tables(first.store) == before
    assert again.listener.progress.ended_trials == len(before["trials"])


def test_load_model_says_what_is_no_longer_kept(search):
    ended = search(InventedWorkers())
    oracle = oracle_of(ended.store.experiment, ended.oracle._spaces)
    again = SequenceTuner(oracle, ended.store, noise(8, 8, 1), InventedWorkers(), ended.listener)
    oracle.restore(ended.store.trials())
    trial = next(iter(oracle.trials.values()))
    with pytest.raises(FileNotFoundError, match=trial.trial_id):
        again.load_model(trial)


# The time limit


class FakeTime:
    """A clock that moves only when a trial ends."""

    START = 1000.0

    def __init__(self):
        self.now = self.START

    def monotonic(self):
        return self.now

    def time(self):
        return self.now


class TimedWorkers(InventedWorkers):
    """Every trial takes half a minute."""

    def __init__(self, clock, **options):
        super().__init__(**options)
        self.clock = clock

    def next_result(self, on_epoch):
        self.clock.now += 30
        return super().next_result(on_epoch)


@pytest.mark.parametrize(("capacity", "started"), [(1, 4), (3, 6)])
def test_after_the_time_for_it_no_trial_starts_and_those_in_flight_end(
    search, monkeypatch, capacity, started
):
    clock = FakeTime()
    monkeypatch.setattr(tuner, "time", clock)
    workers = TimedWorkers(clock, capacity=capacity)
    ended = search(workers, minutes=2.0)
    assert not ended.done
    # One ends every half minute and another takes its place, the last after a minute and a half.
    assert len(workers.started) == started
    rows = ended.store.rows("trials")
    assert [row["status"] for row in rows] == ["completed"] * started
    assert all(row["started"] < 1000 + 120 for row in rows)
    assert any("of the budget" in note for note in ended.listener.notes)


def test_killed_between_that_and_the_first_final_it_searches_on(search, monkeypatch):
    clock = FakeTime()
    monkeypatch.setattr(tuner, "time", clock)
    ended = search(TimedWorkers(clock, capacity=3), minutes=20.0)
    assert not ended.done
    workers = InventedWorkers()
    assert search(workers, ended.store).done
    assert any(spec.first_epoch for spec in workers.started)
    assert workers.anew == []  # each promoted trial still found its parent


class Keeping(InventedWorkers):
    """Keeps what it was given."""

    def open(self, images):
        self.images = images


def test_trials_are_scored_on_some_thousands_of_images_at_most(search, monkeypatch):
    workers = Keeping()
    search(workers, max_epochs=1)
    whole = noise(8, 8, 1)
    assert len(workers.images["validation"].y) == len(whole.validation.y)
    monkeypatch.setattr(tuner, "MOST_VALIDATED", 4)
    search(workers, max_epochs=1)
    assert np.bincount(workers.images["validation"].y).tolist() == [2, 2]
    assert len(workers.images["train"].y) == len(whole.train.y)


def test_finals_are_run_after_a_search_that_was_cut_short(search, monkeypatch):
    clock = FakeTime()
    monkeypatch.setattr(tuner, "time", clock)
    ended = search(TimedWorkers(clock), minutes=1.0)
    assert list((ended.store.path / "checkpoints").iterdir()) != []
    workers = InventedWorkers()
    run_finals(ended.store, noise(8, 8, 1), workers, ended.listener)
    trained = [spec.strategy for spec in workers.started]
    tried = [row["strategy"] for row in ended.store.rows("trials")]
    assert tried == ["lines", "cnn_lines"]
    assert trained == ["lines"] * 3 + ["cnn_lines"] * 3
    assert list((ended.store.path / "checkpoints").iterdir()) == []


def test_a_search_that_the_limit_cuts_short_sends_no_finalist(search, monkeypatch):
    """One in each arm is whole, and the second had a few trials only."""
    clock = FakeTime()
    monkeypatch.setattr(tuner, "time", clock)
    alone = search(InventedWorkers())
    whole = len(alone.store.rows("trials"))
    ended = search(TimedWorkers(clock), minutes=(whole + 4) / 2, iterations=2)
    assert not ended.done and len(ended.store.rows("trials")) == whole + 4
    assert cut_short(ended.store.rows("searches")) == {(name, 1) for name in STRATEGY_NAMES}
    run_finals(ended.store, noise(8, 8, 1), InventedWorkers(), ended.listener)
    assert {row.iteration for row in ended.store.finals()} == {0}
    run = load_run(ended.store.path)
    assert not pending_finals(run).any()
    decision = decide(run)
    assert decision.why.limited and decision.why.cut_short == ()


@pytest.mark.parametrize("count", [0, 1, 5, 11])
def test_finals_for_which_a_budget_leaves_no_time_are_given_up(search, monkeypatch, count):
    """Nobody waits for them, the report names them, and a resume tries none again."""
    ended = search(InventedWorkers(), iterations=2, final_seeds=2)  # of three strategies
    clock = FakeTime()
    for module in (finals, trainings):
        monkeypatch.setattr(module, "time", clock)
    until = clock.now + 30 * count - 1
    run_finals(ended.store, noise(8, 8, 1), TimedWorkers(clock), ended.listener, until=until)
    done = ended.store.finals()
    assert len(done) == count
    left = {
        (row["strategy"], row["iteration"]): row["finals"]
        for row in ended.store.rows("searches")
        if row["finals"] is not None
    }
    assert sum(2 - each for each in left.values()) == 12 - count
    run = load_run(ended.store.path)
    assert not pending_finals(run).any()
    assert sum(given_up(run).values()) == 12 - count
    workers = TimedWorkers(clock)
    run_finals(ended.store, noise(8, 8, 1), workers, ended.listener, until=until)
    assert workers.started == [] and ended.store.finals() == done
    if count:
        assert decide(run).why.limited
    assert any("given up" in note for note in ended.listener.notes)


def test_replicates_of_those_in_front_come_before_anyone_else():
    def row(strategy, iteration, score):
        place = {"iteration": iteration, "bracket": 0, "rung": 0, "slot": 0, "seed": 0}
        return TrialRow(
            f"{strategy}-{iteration}", "noise", strategy, **place, hyperparameters="{}",
            first_epoch=0, last_epoch=1, status="completed", score=score,
        )  # fmt: skip

    scores = {"behind": [0.2, 0.21, 0.2], "a": [0.9, 0.93, 0.91], "b": [0.92, 0.9, 0.94]}
    best = {(name, n): row(name, n, each[n]) for name, each in scores.items() for n in range(3)}
    order = in_front(best, Experiment("noise", tuple(scores), iterations=3))
    assert order[:6] == [("b", 0), ("a", 0), ("b", 1), ("a", 1), ("b", 2), ("a", 2)]
    assert order[6:] == [("behind", n) for n in range(3)]


def test_where_no_search_is_whole_nothing_is_claimed(search, monkeypatch):
    clock = FakeTime()
    monkeypatch.setattr(tuner, "time", clock)
    ended = search(TimedWorkers(clock), minutes=4.0)
    run_finals(ended.store, noise(8, 8, 1), InventedWorkers(), ended.listener)
    run = load_run(ended.store.path)
    assert set(run.finals.strategy) == set(STRATEGY_NAMES)  # each has its design
    decision = decide(run)
    assert decision.kind == "too_few" and set(decision.why.cut_short) == set(STRATEGY_NAMES)


def test_more_searches_of_those_that_may_be_the_best_are_planned_and_told(search):
    ended = search(InventedWorkers(capacity=2), iterations=2, most_iterations=5)
    first = next(note for note in ended.listener.notes if "may be the best" in note)
    assert (
        first
        == "after 2 searches each any of lines, cnn_lines, line_cnn may be the best: 2 more of each"
    )
    assert ended.oracle.granted == dict.fromkeys(STRATEGY_NAMES, 5)
    plans = {row["strategy"]: row for row in ended.store.rows("plans")}
    for name in STRATEGY_NAMES:
        planned = ended.listener.progress.planned[name]
        assert (plans[name]["trials"], plans[name]["epochs"]) == planned
        assert planned == ended.oracle.totals()[name]
    again = search(InventedWorkers(), ended.store)
    assert again.oracle.granted == ended.oracle.granted and again.listener.events == []


def test_without_a_budget_there_is_no_note(search):
    ended = search(InventedWorkers())
    assert ended.done and ended.listener.notes == []


# A limit on what a model costs


def test_no_drawn_model_costs_more_than_it_may():
    dataset = noise(8, 8, 1)
    asked = Experiment("noise", ("lines",), max_epochs=3, iterations=2, max_multiply_adds=200_000)
    oracle = make_oracle(asked, dataset)
    free = make_oracle(dataclasses.replace(asked, max_multiply_adds=None), dataset)
    found = {}
    for arm in oracle.arms:
        hypermodel = SequenceHyperModel(dataset.image_shape, 2, [arm])
        drawn = oracle.configurations(arm).items(), free.configurations(arm).items()
        found[arm] = [
            {place: hypermodel.cost(with_values(**values)).multiply_adds for place, values in each}
            for each in drawn
        ]
        limited, before = found[arm]
        assert limited.keys() == before.keys() and max(limited.values()) <= 200_000
        assert all(limited[place] == before[place] for place in before if before[place] <= 200_000)
    assert any(max(before.values()) > 200_000 for _, before in found.values())


def test_a_limit_that_hardly_a_model_keeps_is_refused_at_once():
    asked = Experiment("noise", ("lines", "cnn_flat"), max_multiply_adds=1000)
    with pytest.raises(ExperimentError, match="hardly a model of at most 1,000 multiply-adds"):
        make_oracle(asked, noise(8, 8, 1))


# Images that a strategy cannot read


def test_a_strategy_that_cannot_read_the_images_stops_the_search_at_once():
    with pytest.raises(ExperimentError, match=r"cnn_flat cannot read images of 1x4000x1") as caught:
        search_spaces(Experiment("noise", ("lines", "cnn_flat")), noise(1, 4000, 1))
    assert "--strategies" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert list(search_spaces(Experiment("noise", ("lines",)), noise(1, 4000, 1))) == ["lines"]
