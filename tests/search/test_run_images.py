"""The images of a run that goes on: those with which it began, read as then."""

import contextlib
import csv
import sqlite3

import numpy as np
import pytest

from search.data.locate import comes_with_keras
from search.experiment import Experiment, ExperimentError
from search.run_images import read_images
from search.store import Store
from tests.support.images import arrays, npz, picture, the_line
from tests.support.stores import trial


def begin(dataset, folder, **options):
    """Begins a run on a data set, with one trial; returns its store."""
    experiment = Experiment(str(dataset), ("lines",), **options)
    facts = read_images(experiment, None)
    store = Store.create(folder / "run", experiment, {})
    store.record_dataset(facts.facts(), facts.roll())
    store.start_trial(trial(dataset=facts.name))
    return store


def refused(store):
    with pytest.raises(ExperimentError) as caught:
        read_images(store.experiment, store)
    return the_line(caught)


def table(folder, splits):
    """Writes a table of images of two classes; returns its path."""
    with (folder / "t.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["path", "label", "split"][: 2 + bool(splits)])
        for number in range(40):
            name = f"{number}.png"
            if not (folder / name).exists():
                picture(folder / name, mark=number < 20)
            split = splits[number % len(splits)] if splits else None
            rows.writerow([name, "ab"[number % 2], split][: 2 + bool(splits)])
    return folder / "t.csv"


def test_the_images_of_a_run_are_those_that_it_had(tmp_path):
    with begin(npz(tmp_path / "a.npz"), tmp_path) as store:
        one, other = read_images(store.experiment, None), read_images(store.experiment, store)
        assert one.roll() == other.roll() and np.array_equal(one.train.x, other.train.x)


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (("train", "train", "test", "test"), ("test", "test", "train", "train")),
        (("train", "train", "val", "val", "test", "test"), ()),
        (
            ("train", "train", "val", "val", "test", "test"),
            ("train", "train", "train", "train", "test", "test"),
        ),
        (
            ("train", "train", "val", "val", "test", "test"),
            ("val", "val", "train", "train", "test", "test"),
        ),
    ],
)
def test_splits_that_are_others_in_the_table_than_at_first_are_refused(tmp_path, first, then):
    with begin(table(tmp_path, first), tmp_path) as store:
        read_images(store.experiment, store)
        table(tmp_path, then)
        assert "than when the run began" in refused(store)


def test_classes_in_another_order_than_at_first_are_refused(tmp_path):
    """2 stands before 10 as a number, and behind it as text."""
    labels = {name: np.array([2, 10])[arrays()[name] % 2] for name in ("y_train", "y_test")}
    with begin(npz(tmp_path / "a.npz", **labels), tmp_path) as store:
        npz(tmp_path / "a.npz", **{name: label.astype(str) for name, label in labels.items()})
        assert "class_names" in refused(store)


def test_images_that_are_gone_are_told_where_they_were(tmp_path):
    file = npz(tmp_path / "a.npz")
    with begin(file, tmp_path) as store:
        file.rename(tmp_path / "b.npz")
        assert f"{file} is gone" in refused(store)


def test_a_run_whose_data_set_is_no_longer_in_its_tables_is_damaged(tmp_path):
    with begin(npz(tmp_path / "a.npz"), tmp_path) as store:
        with contextlib.closing(sqlite3.connect(store.results_file)) as database, database:
            database.execute("DELETE FROM datasets")
        assert "is damaged: no row, at datasets" in refused(store)


def test_what_comes_with_keras_is_known_beforehand():
    assert comes_with_keras(Experiment("mnist", ("lines",)))
    assert not comes_with_keras(Experiment("digits", ("lines",)))
