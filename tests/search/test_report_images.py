"""What the report shows of the images: chosen, measured and kept in the run."""

import dataclasses

import keras
import numpy as np
import pytest

from search.data.datasets import Dataset, Images
from search.experiment import Experiment
from search.metric import ACCURACY
from search.ranking import finalists
from search.report_images import (
    LARGEST_SIDE,
    MOST_PLACES,
    image_rows,
    mistakes,
    record_mistakes,
    record_samples,
    record_sequences,
    samples,
    sequence_model,
    smaller,
    timestep_map,
)
from search.rows import FinalRow, TrialRow
from search.store import Store
from spaces.scans import SCANS, scan

SETTINGS = {"learning_rate": 1e-3, "weight_decay": 1e-3}


def images(count, shape=(8, 8, 1), seed=0):
    random = np.random.default_rng(seed)
    return Images(
        random.integers(0, 256, (count, *shape), dtype=np.uint8),
        random.permutation(np.arange(count) % 3).astype(np.int32),
    )


def dataset(shape=(8, 8, 1)):
    return Dataset(
        name="noise", train=images(30, shape), validation=images(9, shape, 1),
        class_names=("a", "b", "c"), mirror=False, own_validation=False, test_count=12,
        open_test=lambda: pytest.fail("the test split stays shut"),
    )  # fmt: skip


def measured(strategy, shape=(8, 8, 1), **values):
    keras.utils.clear_session()
    return timestep_map(sequence_model(strategy, SETTINGS | values, dataset(shape)))


@pytest.fixture
def store(tmp_path):
    with Store.create(tmp_path / "run", Experiment("noise", ("lines", "cnn_control")), {}) as made:
        yield made


def test_a_line_is_its_own_timestep():
    rows, columns = np.indices((6, 8))
    for strategy in ("lines", "line_cnn", "hierarchical", "conv_lstm"):
        assert (measured(strategy, (6, 8, 3), axis="rows") == rows).all(), strategy
        assert (measured(strategy, (6, 8, 3), axis="columns") == columns).all(), strategy


@pytest.mark.parametrize("order", SCANS)
def test_a_scan_is_measured_as_it_is_computed(order):
    places = np.argsort(scan(order, 8, 8)).reshape(8, 8)
    assert (measured("pixels", scan=order) == places).all()
    blocks = np.argsort(scan(order, 4, 4)).reshape(4, 4).repeat(2, 0).repeat(2, 1)
    assert (measured("patches", patch=2, scan=order) == blocks).all()


def test_convolutions_keep_the_order_of_the_lines():
    found = measured("cnn_lines", (16, 16, 1), axis="rows", depth=2)
    assert found.shape == (16, 16)
    for row in (1, 6, 10, 14):  # in the middle of what each of the four stands for
        assert (np.bincount(found[row], minlength=4).argmax()) == row // 4


@pytest.mark.parametrize("shape", [(48, 48, 1), (28, 84, 1), (100, 40, 1), (110, 60, 1)])
def test_rows_are_even_stripes_however_large_the_image(shape):
    """Beyond so many places it is measured in the middle of blocks, all of one height."""
    found = measured("lines", shape, axis="rows")
    assert found.size <= MOST_PLACES
    assert (found == found[:, :1]).all()
    assert len(set(np.diff(found[:, 0]))) == 1
    side = -(-shape[0] // len(found))
    assert side == 1 or shape[0] * shape[1] > MOST_PLACES
    assert found.max() >= shape[0] - side


def test_samples_show_every_class_first():
    labels = np.array([2, 2, 2, 0, 1, 1, 0, 2])
    assert samples(labels) == [3, 4, 0, 6, 5, 1, 2, 7]
    assert samples(labels, 3) == [3, 4, 0]
    assert len(samples(np.arange(100))) == 24


def test_mistakes_are_those_of_most_seeds_of_the_best():
    labels = np.array([0, 1, 2, 0])
    named = {
        "good": ([0, 1, 1, 0], [0, 0, 1, 0], [0, 0, 2, 0]),
        "bad": ([1, 0, 0, 1], [1, 0, 0, 1], [1, 0, 0, 1]),
    }
    rows = [
        FinalRow(
            "noise", name, name, seed, "completed", test_accuracy=float(np.mean(p == labels)),
            predictions=np.array(p, "<u2").tobytes(),
        )
        for name, seeds in named.items() for seed, p in enumerate(seeds)
    ]  # fmt: skip
    rows.append(FinalRow("noise", "gone", "gone", 0, "failed"))
    order = ["bad", "good", "gone"]
    assert mistakes(rows, labels, order, ACCURACY) == [1, 2]
    assert mistakes([], labels, order, ACCURACY) == []
    lowest = dataclasses.replace(ACCURACY, direction="min")
    assert mistakes(rows, labels, order, lowest) == [0, 1, 2, 3]


def test_of_equals_the_mistakes_are_those_of_the_first_in_the_experiments_order():
    """Whichever ended first: the report names the same one the best."""
    labels = np.array([0, 1])
    rows = [
        FinalRow(
            "noise", name, name, 0, "completed", test_accuracy=0.5,
            predictions=np.array(p, "<u2").tobytes(),
        )
        for name, p in (("b", [0, 0]), ("a", [1, 1]))
    ]  # fmt: skip
    for finals in (rows, rows[::-1]):
        assert mistakes(finals, labels, ["a", "b"], ACCURACY) == [0]
        assert mistakes(finals, labels, ["b", "a"], ACCURACY) == [1]


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_what_is_kept_is_the_image(channels):
    kept = image_rows("noise", "train", images(4, (5, 7, channels)), [2])[0]
    pixels = np.frombuffer(kept["pixels"], "uint8")
    shape = kept["height"], kept["width"], kept["channels"]
    assert (pixels.reshape(shape) == images(4, (5, 7, channels)).x[2]).all()
    assert kept["label"] == images(4).y[2]


def test_a_large_image_is_kept_smaller():
    small = smaller(np.full((600, 300, 3), 77, np.uint8))
    assert small.shape == (LARGEST_SIDE, LARGEST_SIDE // 2, 3)
    assert (small == 77).all()


def test_the_run_holds_them_and_the_test_split_stays_shut(store):
    data = dataset()
    record_samples(store, data)
    record_samples(store, data)  # a resumed run comes by again
    rows = store.rows("images")
    assert [row["label"] for row in rows[:3]] == [0, 1, 2]
    assert {row["split"] for row in rows} == {"train"}
    assert len(rows) == 24

    for strategy in ("lines", "cnn_control"):
        trial = TrialRow(
            trial_id=f"{strategy}-0-0-0-0", dataset="noise", strategy=strategy, iteration=0,
            bracket=0, rung=0,
            slot=0, seed=0, first_epoch=0, last_epoch=1, status="completed", score=1.0,
            train_seconds=1.0, val_loss=0.0,
            hyperparameters='{"axis": "columns", "learning_rate": 0.001}',
        )  # fmt: skip
        store.start_trial(trial)
    record_sequences(store, data, finalists(store.trials(), ACCURACY))
    (row,) = store.rows("sequences")  # the control has none
    times = np.frombuffer(row["timesteps"], "<u2").reshape(row["height"], row["width"])
    assert (times == np.arange(8)).all()


def test_mistakes_are_kept_with_their_place_in_the_test_split(store):
    test = images(50, seed=3)
    named = test.y.copy()
    named[[4, 40]] = (named[[4, 40]] + 1) % 3
    final = FinalRow(
        "noise", "lines", "lines-0-0-0-0", 0, "completed", test_accuracy=0.96,
        predictions=named.astype("<u2").tobytes(),
    )  # fmt: skip
    store.record_final(final)
    record_mistakes(store, dataset(), test)
    rows = store.rows("images")
    assert [row["position"] for row in rows] == [4, 40]
    assert (np.frombuffer(rows[1]["pixels"], "uint8") == test.x[40].ravel()).all()


def test_mistakes_are_drawn_over_all_classes(store):
    """A folder's images come class by class, and the first class may have mistakes enough."""
    labels = np.repeat([0, 1, 2], 40).astype("int32")
    pixels = np.zeros((120, 8, 8, 1), "uint8")
    final = FinalRow(
        "noise", "lines", "lines-0-0-0-0", 0, "completed", test_accuracy=0.0,
        predictions=((labels + 1) % 3).astype("<u2").tobytes(),
    )  # fmt: skip
    store.record_final(final)
    record_mistakes(store, dataset(), Images(pixels, labels))
    shown = [row["label"] for row in store.rows("images") if row["split"] == "test"]
    assert np.bincount(shown).tolist() == [8, 8, 8]
