"""Several searches of each strategy: independent of each other, each with its own finalist."""

from __future__ import annotations

import dataclasses
import json

import keras
import numpy as np
import pytest

from search.data.datasets import Images, load_dataset
from search.experiment import Experiment
from search.finals import run_finals
from search.metric import ACCURACY
from search.ranking import finalists, finalists_of_iterations
from search.store import Store
from search.terminal.display import Display
from search.terminal.progress import Progress
from search.trainings import make_spec, split_seed
from search.tuner import SequenceTuner, make_oracle
from search.workers.worker_state import WorkerState
from tests.support import small_run
from tests.support.invented import InventedWorkers

FIELDS = {**small_run.FIELDS, "final_seeds": 2, "seed": 5}


def searched(path, iterations, order=0, capacity=1):
    """A search whose trials are invented, with its finals; returns the store and what was asked."""
    experiment = Experiment(**FIELDS, iterations=iterations)
    dataset, workers = load_dataset(experiment), InventedWorkers(capacity, order=order)
    display = Display(Progress(experiment, {}))
    with Store.create(path, experiment, {}) as store:
        store.record_dataset(dataset.facts())
        oracle = make_oracle(experiment, dataset)
        SequenceTuner(oracle, store, dataset, workers, display).search()
        run_finals(store, dataset, workers, display)
    return store, workers.started


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    return searched(tmp_path_factory.mktemp("three") / "run", 3)


def test_the_first_search_is_what_it_is_without_the_others(three, tmp_path):
    store, _ = three
    alone, _ = searched(tmp_path / "run", 1)
    rows = [row for row in small_run.tables(store)["trials"] if row["iteration"] == 0]
    assert rows == small_run.tables(alone)["trials"]
    finals = [row for row in small_run.tables(store)["finals"] if row["iteration"] == 0]
    assert finals == small_run.tables(alone)["finals"]


def test_no_search_draws_what_another_has_drawn(three):
    store, _ = three
    drawn = {
        iteration: [
            row.hyperparameters
            for row in store.trials()
            if (row.iteration, row.strategy, row.rung) == (iteration, "lines", 0)
        ]
        for iteration in range(3)
    }
    assert len({json.dumps(each) for each in drawn.values()}) == 3
    seeds = [row.seed for row in store.trials() if row.rung == 0]
    assert len(set(seeds)) == len(seeds)


def test_each_sends_its_finalist_to_the_finals_on_seeds_of_its_own(three):
    store, _ = three
    best = finalists_of_iterations(store.trials(), ACCURACY)
    rows = store.finals()
    assert len(best) == 6 and len(rows) == 12
    for row in rows:
        assert row.trial_id == best[row.strategy, row.iteration].trial_id
        assert row.seed in store.experiment.final_seeds_of(row.iteration)
    assert sorted(row.seed for row in rows if row.strategy == "lines") == [5, 6, 7, 8, 9, 10]
    top = finalists(store.trials(), ACCURACY)["lines"]
    assert top in best.values() and top.score == max(
        row.score for (strategy, _), row in best.items() if strategy == "lines"
    )


def test_all_strategies_of_a_search_share_its_split_and_no_two_searches_do(three):
    store, started = three
    splits = {}
    for spec in started:
        if spec.final:
            assert spec.split is None  # it learns from everything
        else:
            splits.setdefault(int(spec.trial_id.split("-")[1]), set()).add(spec.split)
    assert [len(splits[iteration]) for iteration in range(3)] == [1, 1, 1]
    assert len(set.union(*splits.values())) == 3 and splits[0] == {None}
    assert split_seed(store.experiment, 0) is None


def test_however_many_workers_and_whatever_order(three, tmp_path):
    store, _ = three
    other, _ = searched(tmp_path / "run", 3, order=1, capacity=4)
    assert small_run.tables(other) == small_run.tables(store)


def test_a_split_takes_the_images_apart_anew():
    y = (np.arange(60) % 3).astype("int32")
    x = np.arange(60, dtype="uint8").reshape(60, 1, 1, 1)  # an image is its number
    state = WorkerState()
    state.receive({"train": Images(x[:48], y[:48]), "validation": Images(x[48:], y[48:])})

    def numbers(split):
        return [keras.ops.convert_to_numpy(part.x).ravel().tolist() for part in state._split(split)]

    assert numbers(None) == [[*range(48)], [*range(48, 60)]]
    one, two = numbers(1), numbers(2)
    assert one != two and numbers(1) == one
    for train, validation in (one, two):
        assert sorted(train + validation) == [*range(60)] and len(validation) == 12
    for part in state._split(1):
        assert part.y.tolist() == [n % 3 for n in keras.ops.convert_to_numpy(part.x).ravel()]
        assert set(np.bincount(part.y)) == {len(part.y) // 3}


def test_a_split_parts_no_copies_and_follows_from_places_alone():
    """Sixty images, every second the copy of one before it; then without a few of them."""
    y = (np.arange(60) // 2 % 3).astype("int32")
    x = np.arange(60, dtype="uint8").reshape(60, 1, 1, 1)
    places = np.arange(60) // 2 * 2

    def split(chosen):
        state, first = WorkerState(), chosen[chosen < 48]
        parts = {"train": first, "validation": chosen[chosen >= 48]}
        state.receive({name: Images(x[at], y[at], places[at]) for name, at in parts.items()})
        return [{*keras.ops.convert_to_numpy(part.x).ravel().tolist()} for part in state._split(7)]

    train, validation = split(np.arange(60))
    assert {n // 2 for n in train} & {n // 2 for n in validation} == set()
    assert len(validation) == 12
    gone = {3, 30, 59}
    fewer = split(np.array([n for n in range(60) if n not in gone]))
    moved = (train - gone) ^ fewer[0]
    assert len(moved) <= 6  # a class's share may be one image less, and its copy


def test_a_split_that_comes_with_the_images_is_every_searchs(three):
    store, _ = three
    images = load_dataset(store.experiment)
    own = dataclasses.replace(images, own_validation=True)
    for row in store.trials():
        assert make_spec(store.experiment, own, row).split is None
        drawn = make_spec(store.experiment, images, row).split
        assert (drawn is None) == (row.iteration == 0)
