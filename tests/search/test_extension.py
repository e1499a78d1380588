"""A run that is extended ends as one that was asked for all at once, and does nothing twice."""

from __future__ import annotations

import dataclasses
import json
import math
import random
import shutil

import pytest

from search import finals
from search.data.datasets import load_dataset
from search.experiment import Experiment, ExperimentError, InitialConfiguration
from search.extension import extend, fit, run_with_weights, without_weights
from search.plan import extended
from search.ranking import cut_short, finalists
from search.search_spaces import search_spaces
from search.store import Store
from search.terminal.display import Display
from search.terminal.progress import Progress
from search.trainings import final_id, make_spec
from search.tuner import SequenceTuner, make_oracle
from tests.support import small_run
from tests.support.invented import InventedWorkers, unit

SMALL = Experiment(
    "digits", ("lines", "line_cnn"), train_limit=60, max_epochs=3, final_seeds=1, batch_size=16
)
PROMOTED_OTHERWISE = 28  # a seed
STRATEGIES = ("lines", "line_cnn", "patches")


class Workers(InventedWorkers):
    """What a training comes to follows from all that a real one follows from."""

    def _epoch(self, spec, number):
        identity = unit(spec.seed, spec.max_epochs, spec.split, str(spec.hyperparameters))
        return super()._epoch(dataclasses.replace(spec, seed=identity), number)

    def _end(self, spec, on_epoch):
        result = super()._end(spec, on_epoch)
        if not spec.final or result.paused:
            return result
        accuracy = unit(str(spec.hyperparameters), spec.seed, spec.last_epoch)
        columns = {**result.columns, "test_accuracy": accuracy}
        model = json.dumps({"seed": spec.seed, "epochs": spec.last_epoch}).encode()
        return dataclasses.replace(result, columns=columns, model=model)


class Killed(BaseException):
    """What no part of the program catches."""


@pytest.fixture(scope="module")
def dataset():
    return load_dataset(SMALL)


@pytest.fixture(scope="module")
def spaces(dataset):
    return search_spaces(dataclasses.replace(SMALL, strategies=STRATEGIES), dataset)


@pytest.fixture(autouse=True)
def quick(monkeypatch, spaces):
    """Spaces are found out once; nothing is tuned, measured or drawn besides."""
    monkeypatch.setattr(
        "search.tuner.search_spaces",
        lambda asked, _: {name: spaces[name] for name in asked.strategies},
    )
    for name in ("run_baselines", "record_sequences", "record_mistakes"):
        monkeypatch.setattr(finals, name, lambda *_: None)


def go_on(store, dataset, workers, until=lambda: math.inf):
    """What the command line does with a run, but for report and designs."""
    oracle = make_oracle(store.experiment, dataset)
    fit(store, dataset, oracle)
    row = {"experiment": json.dumps(store.experiment.to_json()), "extensions": len(store.extended)}
    store.record_dataset({**dataset.facts(), **row})
    display = Display(Progress(store.experiment, {}))
    if not store.search_over:
        store.record_plan(dataset.name, oracle.totals())
        SequenceTuner(oracle, store, dataset, workers, display, until=until).search()
    finals.run_finals(store, dataset, workers, display)


def run(path, experiment, dataset, workers=None):
    """Makes a run from its start to its end; returns it."""
    with Store.create(path, experiment, {}) as store:
        go_on(store, dataset, workers or Workers())
    return store


def grown(path, experiment, dataset, workers=None):
    """Extends a run to its end; returns it."""
    with Store.resume(path) as store:
        extend(store, experiment, dataset, "command")
        go_on(store, dataset, workers or Workers())
    return store


def tables(store):
    """What must be equal: each table's rows without times and workers, in an order of their own."""
    names = ("trials", "epochs", "finals", "searches", "plans", "strategies")
    return {
        name: sorted(json.dumps(row, default=str) for row in small_run.lasting(store.rows(name)))
        for name in names
    }


def assert_nothing_was_done_again(before, larger, started, dataset):
    """Every trial and final that both plans have, and would train alike, was taken as it was.

    Args:
        before: the smaller run.
        larger: the larger, made from its start.
        started: the specs of what the extension trained.
        dataset: the images.
    """
    anew = {spec.trial_id for spec in started}
    assert len(anew) == len(started)
    trials = [{row.trial_id: row for row in store.trials()} for store in (before, larger)]
    both = trials[0].keys() & trials[1].keys()
    specs = [
        {name: make_spec(store.experiment, dataset, rows[name]) for name in both}
        for store, rows in zip((before, larger), trials, strict=True)
    ]
    same = {name for name in both if specs[0][name] == specs[1][name]}
    ends = [
        {(row.strategy, row.trial_id, row.seed) for row in store.finals() if row.trial_id in same}
        for store in (before, larger)
    ]
    alike = before.experiment.epochs_of_finals == larger.experiment.epochs_of_finals
    tested = {final_id(name, seed) for name, _, seed in ends[0] & ends[1] if alike}
    finals_of = {final_id(row.strategy, row.seed) for row in larger.finals()}
    assert anew == (trials[1].keys() - same) | (finals_of - tested)
    return same, tested


GROWTHS = {
    "iterations": ({}, {"iterations": 2}, True, True),
    "rounds": ({"most_iterations": 2}, {"iterations": 2}, True, True),
    "other rounds": ({"most_iterations": 3}, {"iterations": 2}, True, True),
    "more rounds": ({"iterations": 2}, {"most_iterations": 4}, True, True),
    "epochs": ({}, {"max_epochs": 9}, False, False),
    "epochs, to the same brackets": ({}, {"max_epochs": 9, "min_epochs": 3}, False, False),
    "shorter first rungs": (
        {"max_epochs": 9, "min_epochs": 3}, {"min_epochs": 1}, True, None,
    ),
    "longer finals": ({}, {"final_epochs": 5}, True, False),
    "a strategy": ({}, {"strategies": STRATEGIES}, True, True),
    "a strategy, in another order": (
        {"iterations": 2}, {"strategies": STRATEGIES[::-1]}, True, True,
    ),
    "seeds": ({}, {"final_seeds": 3}, True, True),
    "seeds of several searches": (
        {"iterations": 2, "final_seeds": 2}, {"final_seeds": 3}, True, True,
    ),
    "all of it": (
        {"most_iterations": 2, "min_epochs": 3},
        {"iterations": 2, "strategies": STRATEGIES, "final_seeds": 2, "min_epochs": 1}, True, True,
    ),
}  # fmt: skip


@pytest.mark.parametrize("growth", GROWTHS)
def test_it_ends_as_a_run_that_was_asked_for_it_from_the_start(tmp_path, dataset, growth):
    smaller, more, trials, tests = GROWTHS[growth]
    failures = 0.2
    asked = dataclasses.replace(SMALL, **smaller)
    larger = extended(asked, more)
    run(tmp_path / "run", asked, dataset, Workers(failures=failures))
    before = Store(shutil.copytree(tmp_path / "run", tmp_path / "before"))
    at_once = run(tmp_path / "larger", larger, dataset, Workers(failures=failures))
    workers = Workers(capacity=3, failures=failures, order=1)
    store = grown(tmp_path / "run", larger, dataset, workers)
    assert tables(store) == tables(at_once)
    same, tested = assert_nothing_was_done_again(before, at_once, workers.started, dataset)
    assert bool(same) == trials
    assert tests is None or bool(tested) == tests
    # It reads as any other, and a resume has nothing to do.
    assert Store(store.path).experiment == larger and Store(store.path).tables()
    again = Workers(failures=failures)
    with Store.resume(store.path) as store:
        go_on(store, dataset, again)
    assert again.started == [] and tables(store) == tables(at_once)


def test_rows_that_stay_are_left_as_they_are(tmp_path, dataset):
    """A time that was measured is not measured again."""
    before = {row.trial_id: row for row in run(tmp_path / "run", SMALL, dataset).trials()}
    larger = dataclasses.replace(SMALL, iterations=2, most_iterations=2)
    after = {row.trial_id: row for row in grown(tmp_path / "run", larger, dataset).trials()}
    assert len(after) == 2 * len(before) and before.items() <= after.items()


def test_what_only_the_smaller_plan_promotes_is_gone_in_the_end(tmp_path, dataset):
    """With longer brackets others are promoted: the trials of those that were have no place."""
    asked = dataclasses.replace(SMALL, max_epochs=9, min_epochs=3, seed=PROMOTED_OTHERWISE)
    larger = extended(asked, {"min_epochs": 1})
    before = {row.trial_id for row in run(tmp_path / "run", asked, dataset).trials()}
    at_once = run(tmp_path / "at once", larger, dataset)
    workers = Workers()
    assert tables(grown(tmp_path / "run", larger, dataset, workers)) == tables(at_once)
    assert before - {row.trial_id for row in at_once.trials()}
    # Their parents' models are no longer there: trained from the first epoch, to equal rows.
    assert workers.anew


class FarApart(Workers):
    """One strategy is better by far, as three searches show and two do not."""

    def _epoch(self, spec, number):
        row = super()._epoch(spec, number)
        score = 0.1 * unit(spec.seed) + 0.15 * (spec.strategy == "lines")
        return row | ({} if spec.final else {"val_accuracy": score})


def test_what_only_the_smaller_plan_grants_is_gone_in_the_end(tmp_path, dataset):
    asked = dataclasses.replace(SMALL, iterations=2, most_iterations=4)
    larger = extended(asked, {"iterations": 3})
    before = run(tmp_path / "run", asked, dataset, FarApart())
    assert {row.iteration for row in before.finals()} == {0, 1, 2, 3}
    at_once = run(tmp_path / "at once", larger, dataset, FarApart())
    workers = FarApart()
    store = grown(tmp_path / "run", larger, dataset, workers)
    assert tables(store) == tables(at_once) and workers.started == []
    assert {row.iteration for row in store.finals()} == {0, 1, 2}


def test_a_run_is_extended_again_and_again(tmp_path, dataset):
    run(tmp_path / "run", SMALL, dataset)
    asked = SMALL
    for more in ({"iterations": 2}, {"final_seeds": 2}, {"strategies": STRATEGIES}):
        asked = extended(asked, more)
        store = grown(tmp_path / "run", asked, dataset)
    assert tables(store) == tables(run(tmp_path / "at once", asked, dataset))
    assert [each["after"] for each in store.extended] == [
        {"iterations": 2, "most_iterations": 2},
        {"final_seeds": 2},
        {"strategies": STRATEGIES},
    ]
    assert [each["tested"] for each in store.extended] == [True] * 3


def test_what_it_started_from_stays(tmp_path, dataset):
    """Longer brackets begin with the initial configurations, as they would have from the start."""
    other = make_oracle(dataclasses.replace(SMALL, seed=1), dataset).configurations("lines")
    initial = tuple(
        InitialConfiguration("lines", values, "elsewhere") for values in [*other.values()][:2]
    )
    asked = dataclasses.replace(SMALL, max_epochs=9, min_epochs=3, initial=initial)
    larger = extended(asked, {"min_epochs": 1, "iterations": 2})
    run(tmp_path / "run", asked, dataset)
    store = grown(tmp_path / "run", larger, dataset)
    assert tables(store) == tables(run(tmp_path / "at once", larger, dataset))
    names = [row.trial_id for row in store.trials() if asked.initial_of("lines", row.values)]
    assert {"lines-0-2-0-0", "lines-0-2-0-1"} <= {*names}


def test_a_search_that_a_budget_cut_short_is_taken_up_again(tmp_path, dataset, monkeypatch):
    asked = dataclasses.replace(SMALL, max_epochs=9, budget=1.0)
    larger = extended(asked, {"iterations": 2})
    clock = iter(range(0, 10**6, 6))
    with monkeypatch.context() as patch:
        patch.setattr("search.tuner.time.monotonic", lambda: float(next(clock)))
        with Store.create(tmp_path / "run", asked, {}) as store:
            go_on(store, dataset, Workers(), until=lambda: 60.0)
    known = {row.trial_id for row in store.trials()}
    assert known and cut_short(store.rows("searches"))
    workers = Workers()
    store = grown(tmp_path / "run", larger, dataset, workers)
    assert not known & {spec.trial_id for spec in workers.started}
    assert tables(store) == tables(run(tmp_path / "at once", larger, dataset))


# Killed on its way


class MortalStore(Store):
    """Dies after so many writes, or after half of one that is two."""

    lives = float("inf")


def mortal(name):
    def write(self, *arguments):
        self.lives -= 1
        if self.lives == 0 and name == "fit":
            self.delete_checkpoints_except([])
            raise Killed(name)
        getattr(Store, name)(self, *arguments)
        if self.lives == 0:
            raise Killed(name)

    return write


WRITES = (
    *("extend", "fit", "forget", "record_dataset", "record_trials"),
    *("save_checkpoint", "delete_checkpoints_except", "delete_design"),
    *("record_final", "record_report_rows", "record_plan"),
)
for each in WRITES:
    setattr(MortalStore, each, mortal(each))


def lived(path, larger, dataset, lives, order=0):
    """Extends a run, or goes on with that, until it dies; returns of what, or None at its end."""
    Store(path).tables()  # a reader finds nothing damaged, whatever the moment
    try:
        with MortalStore.resume(path) as store:
            store.lives = lives
            if store.experiment != larger:
                extend(store, larger, dataset, "command")
            go_on(store, dataset, Workers(capacity=2, order=order))
    except Killed as death:
        return str(death)
    return None


def test_killed_while_it_is_asked_for_more_it_is_resumed_or_extended_again(tmp_path, dataset):
    """Between `experiment.json` and the tables, and before and after either."""
    larger, even = extended(SMALL, {"iterations": 2}), extended(SMALL, {"iterations": 3})
    run(tmp_path / "smaller", SMALL, dataset)
    expected = [
        tables(run(tmp_path / f"{n}", each, dataset)) for n, each in enumerate((larger, even))
    ]
    died = []
    for lives in range(1, 5):
        path = shutil.copytree(tmp_path / "smaller", tmp_path / f"killed {lives}")
        died.append(lived(path, larger, dataset, lives))
        assert Store(path).experiment == larger
        again = shutil.copytree(path, tmp_path / f"extended {lives}")
        assert lived(path, larger, dataset, 1000) is None
        assert lived(again, even, dataset, 1000) is None
        assert [tables(Store(path)), tables(Store(again))] == expected
    assert died == ["extend", "delete_checkpoints_except", "fit", "record_dataset"]


@pytest.mark.parametrize("more", [{"iterations": 2, "final_seeds": 2}, {"min_epochs": 1}])
def test_killed_at_any_write_it_goes_on_with_what_was_asked_for_last(tmp_path, dataset, more):
    asked = dataclasses.replace(SMALL, strategies=("lines",), max_epochs=9, min_epochs=3)
    larger = extended(asked, more)
    expected = tables(run(tmp_path / "at once", larger, dataset))
    run(tmp_path / "run", asked, dataset)
    rng, died = random.Random(3), set()
    while (death := lived(tmp_path / "run", larger, dataset, rng.randrange(2, 12))) is not None:
        died.add(death)
    assert tables(Store(tmp_path / "run")) == expected
    assert len(died) > 3


def test_a_run_that_was_stopped_in_its_search_is_extended_too(tmp_path, dataset):
    larger = extended(SMALL, {"iterations": 2})
    expected = tables(run(tmp_path / "at once", larger, dataset))
    with MortalStore.create(tmp_path / "run", SMALL, {}) as store:
        store.lives = 12
        with pytest.raises(Killed):
            go_on(store, dataset, Workers())
    with Store.resume(tmp_path / "run") as store:
        done = {row.trial_id for row in store.trials() if row.status != "running"}
        workers = Workers()
        extend(store, larger, dataset, "command")
        go_on(store, dataset, workers)
    assert done and not done & {spec.trial_id for spec in workers.started}
    assert workers.anew == []  # what was under way has its models yet
    assert tables(store) == expected and not store.extended[0]["tested"]


# Refused, and left as it is


def test_a_run_whose_trials_are_others_than_its_plan_is_not_extended(tmp_path, dataset):
    """Or all that another version had drawn otherwise would be deleted without a word."""
    run(tmp_path / "run", SMALL, dataset)
    with Store.resume(tmp_path / "run") as store:
        with store.connect() as database:
            database.execute("UPDATE trials SET hyperparameters = '{}' WHERE slot = 1")
        before = store.experiment_file.read_bytes(), store.trials()
        with pytest.raises(ExperimentError, match="none of this search"):
            extend(store, extended(SMALL, {"iterations": 2}), dataset, "command")
        assert (store.experiment_file.read_bytes(), store.trials()) == before


# Designs: which final's model outlives a run


def seal(store, strategy, row, weights=True):
    """Writes a design as a finished run leaves it, and no other model."""
    name = f"digits-{strategy}"
    design = {"trial_id": row.trial_id, "weights": {"file": "x", "seed": row.seed}}
    store.save_design(f"{name}.json", json.dumps(design).encode())
    if weights:
        store.save_design(f"{name}.keras", b"model")
    store.delete_checkpoints_except([])


def test_a_final_whose_model_a_design_needs_and_nobody_has_is_trained_again(tmp_path, dataset):
    asked = dataclasses.replace(SMALL, strategies=("lines",), iterations=3, final_seeds=2)
    for seed in range(20):  # until the best is the finalist of the second search
        store = run(tmp_path / f"{seed}", dataclasses.replace(asked, seed=seed), dataset)
        (best,) = finalists(store.trials(), asked.objective).values()
        if best.iteration == 1:
            break
    rows = [row for row in store.finals() if row.trial_id == best.trial_id]
    assert [row.seed - seed for row in rows] == [2, 3]
    larger = extended(store.experiment, {"final_seeds": 3})  # its seeds are then 3, 4 and 5
    with Store.resume(store.path) as store:
        seal(store, "lines", rows[0])
        extend(store, larger, dataset, "command")
        go_on(store, dataset, Workers())
        assert [*without_weights(store)] == [f"lines-final-{seed + 3}"]
        before = tables(store)
        ran = []

        def run_finals():
            workers = Workers()
            finals.run_finals(store, dataset, workers, Display(Progress(larger, {})))
            ran.append([spec.trial_id for spec in workers.started])

        run_with_weights(store, run_finals)
        assert ran == [[], [f"lines-final-{seed + 3}"]]
        assert without_weights(store) == {} and tables(store) == before
    assert store.design_files() == []  # the design of seed 2, which is no seed of it any more


def test_a_design_stays_as_long_as_its_final_does(tmp_path, dataset):
    asked = dataclasses.replace(SMALL, strategies=("lines",))
    store = run(tmp_path / "run", asked, dataset)
    with Store.resume(store.path) as store:
        seal(store, "lines", store.finals()[0])
        extend(store, extended(asked, {"final_seeds": 2}), dataset, "command")
        go_on(store, dataset, Workers())
        assert len(store.design_files()) == 1 and without_weights(store) == {}
        extend(store, extended(store.experiment, {"final_epochs": 7}), dataset, "command")
        go_on(store, dataset, Workers())
        assert store.design_files() == [] and not (store.designs_directory / "x.keras").exists()


def test_of_a_run_that_was_not_extended_nothing_is_trained_again(tmp_path, dataset):
    """An older one may have no weights in its designs."""
    store = run(tmp_path / "run", SMALL, dataset)
    store.delete_checkpoints_except([])
    assert without_weights(store) == {}
