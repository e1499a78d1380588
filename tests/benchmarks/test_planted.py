"""The planted information is where it is said to be, and nowhere else."""

import itertools

import keras
import keras_tuner
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from benchmarks import planted, planted_truth
from benchmarks.planted import EVENTS, FLANK, PLANTED, images_of
from benchmarks.searches import complete
from search.data.datasets import load_dataset
from spaces import SequenceHyperModel

MANY = 30_000


@pytest.mark.parametrize("name", PLANTED)
def test_no_pixel_tells_anything_alone(name):
    x, y = images_of(name, 6000, seed=1)
    x = x.reshape(len(x), -1) / 255
    linear = LogisticRegression(C=0.01, max_iter=200).fit(x[:3000], y[:3000])
    assert abs(linear.score(x[3000:], y[3000:]) - 0.5) < 4 * 0.5 / np.sqrt(3000)
    assert abs(y.mean() - 0.5) < 4 * 0.5 / np.sqrt(6000)


def related(name, shape):
    """Returns the pairs of pixels (row, column, channel) that are planted, first one first."""
    pixels = list(itertools.product(*map(range, shape)))
    for one, other in itertools.combinations(pixels, 2):
        (i, j, c), (k, m, d) = one, other
        if name == "columns":
            i, j, k, m = j, i, m, k
        if name in ("rows", "columns"):
            length = max(shape)
            found = i == k and min(j, m) < FLANK and max(j, m) >= length - FLANK
        elif name == "texture":
            found = k == i + 1 and abs(m - j) == 1
        else:
            # One colour after another, one step or two steps on; three steps on it is the same one.
            lines = [EVENTS.index(line) if line in EVENTS else None for line in (i, k)]
            found = None not in lines and abs(lines[1] - lines[0]) in (1, 2) and c != d
        if found:
            yield one, other


@pytest.mark.parametrize("name", PLANTED)
def test_pairs_of_pixels_differ_between_the_classes_where_planted_and_nowhere_else(name):
    """The mean of the product of any two pixels, in one class and in the other."""
    x, y = images_of(name, MANY, seed=2)
    shape = x.shape[1:]
    x = (x.reshape(MANY, -1) - 127.5).astype("float32") / planted.LEVEL
    scale = (x**2).mean(0)
    products = [x[y == c].T @ x[y == c] / (y == c).sum() for c in (0, 1)]
    gap = np.abs(products[1] - products[0])
    error = np.sqrt(np.outer(scale, scale)) * np.sqrt(4 / MANY)
    apart = np.triu(gap > 6 * error, k=1)
    found = {
        (np.unravel_index(one, shape), np.unravel_index(other, shape))
        for one, other in np.argwhere(apart)
    }
    assert {tuple(tuple(map(int, place)) for place in pair) for pair in found} == set(
        related(name, shape)
    )


def test_columns_are_the_transposed_rows():
    y = np.arange(50) % 2
    upright = planted.rows(y, np.random.default_rng(3))
    turned = planted.columns(y, np.random.default_rng(3))
    assert np.array_equal(turned, upright.swapaxes(1, 2))


def test_every_row_by_itself_tells_the_class():
    x, y = images_of("rows", 4000, seed=4)
    x = (x[..., 0] - 127.5) / planted.LEVEL
    of_rows = x[:, :, :FLANK].sum(2) * x[:, :, -FLANK:].sum(2)
    assert ((of_rows > 0) == y[:, None]).mean(0).min() > 0.95
    # Right halves of other rows: each column holds what it held before, and nothing is left.
    mixed = x[:, :, :FLANK].sum(2) * np.roll(x[:, :, -FLANK:].sum(2), 1, axis=1)
    assert abs(np.corrcoef(mixed.mean(1), y)[0, 1]) < 4 / np.sqrt(4000)


def test_all_that_differs_is_which_colour_follows_which():
    """The same colours are there in both classes, in every line as often."""
    x, y = images_of("order", 8000, seed=5)
    colours = x[:, EVENTS].mean(2).argmax(-1)  # which colour each coloured line has
    steps = np.diff(colours, axis=1) % 3
    assert ((steps == np.where(y == 0, 1, 2)[:, None]).mean(0) > 0.95).all()
    for colour in range(3):
        shares = [(colours[y == c] == colour).mean(0) for c in (0, 1)]
        assert np.abs(shares[0] - shares[1]).max() < 4 * np.sqrt(2 / 9 * 2 / 4000)
        assert np.abs(shares[0] - 1 / 3).max() < 0.05


@pytest.mark.parametrize("pooling", ["max", "average", "stride"])
@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("rows", [np.s_[:, :, :FLANK], np.s_[:, :, -FLANK:]]),
        ("columns", [np.s_[:, :FLANK], np.s_[:, -FLANK:]]),
        ("order", [np.s_[:, line] for line in EVENTS]),
    ],
)
def test_no_window_of_the_blind_contestant_holds_two_related_parts(name, parts, pooling):
    """Its score is a mean over windows: where each sees one part, the parts are never compared."""
    rng = np.random.default_rng(6)
    x, _ = images_of(name, 20, seed=6)
    hp = keras_tuner.HyperParameters()
    hypermodel = SequenceHyperModel(x.shape[1:], 2, ["cnn_control"], decay_steps=1)
    hypermodel.build(hp)
    hp.values["pooling"] = pooling
    (depths,) = [parameter.values for parameter in hp.space if parameter.name == "depth"]
    for depth in depths:
        hp.values["depth"] = depth
        model = hypermodel.build(hp)
        windows = keras.Model(model.input, model.get_layer("readout").input)
        before = keras.ops.convert_to_numpy(windows(x.astype("float32")))
        seen = np.zeros(before.shape[1:3], dtype=int)
        for part in parts:
            other = x.astype("float32")
            other[part] = rng.uniform(0, 255, other[part].shape)
            changed = keras.ops.convert_to_numpy(windows(other)) != before
            assert changed.any()
            seen += changed.any(axis=(0, 3))
        assert seen.max() == 1


def test_the_program_takes_the_images(tmp_path):
    for name, truth in PLANTED.items():
        experiment = planted_truth.experiment(tmp_path, name, seed=7)
        dataset = load_dataset(experiment)
        x, y = images_of(name, truth.train + planted.TEST, seed=7)
        test = dataset.open_test()
        assert np.array_equal(test.x, x[truth.train :])
        assert np.array_equal(test.y, y[truth.train :])
        assert len(dataset.train.y) + len(dataset.validation.y) == truth.train
        assert not dataset.mirror
        assert -(-len(dataset.train.y) // experiment.batch_size) == pytest.approx(
            planted_truth.STEPS,
            abs=8,  # a step has a whole number of images
        )
        assert truth.winner in truth.contestants


@pytest.mark.slow
@pytest.mark.parametrize("name", PLANTED)
def test_the_planted_winner_is_named(name, tmp_path):
    experiment = planted_truth.experiment(tmp_path, name, seed=1000)
    complete(tmp_path / f"{name}-1000", experiment, "a test")
    found = planted_truth.outcomes(tmp_path)
    assert len(found) == 1 and found.named.all(), found.to_dict("records")
    (count,) = planted_truth.counts(found).to_dict("records")
    assert (count["named"], count["searches"]) == (1, 1)
    assert (
        count["low"] == pytest.approx(0.025) and count["high"] == 1
    )  # one of one: Clopper-Pearson
    assert f"| {name} |" in planted_truth.table(found)
