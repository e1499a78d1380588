"""Colour that is none, ranges that are short, images with nothing to see."""

import numpy as np
import pytest

from search.data.values import adjustment
from tests.support.images import arrays, load, npz, numbered, refusal


@pytest.mark.parametrize("most", [1, 7, 100])
def test_bytes_that_use_a_part_of_their_range_are_multiplied_and_it_is_said(tmp_path, most):
    rng = np.random.default_rng(0)
    x, test = rng.integers(0, most + 1, (74, 4, 6)), rng.integers(0, most + 1, (8, 4, 6))
    short = load(npz(tmp_path / "a.npz", x_train=x.astype("u1"), x_test=test.astype("u1")))
    assert short.train.x.max() == 255 and f"no further than {most}" in short.notes[0]
    assert ("save them undivided" in short.notes[0]) == (most == 1)
    expected = np.rint(test * 255 / most)
    assert np.array_equal(short.open_test().x[..., 0], expected)


def test_images_of_the_whole_range_are_left_alone():
    x = np.random.default_rng(0).integers(0, 256, (9, 4, 4, 3), dtype=np.uint8)
    found = adjustment("a", x)
    assert found.notes == () and found(x) is x


def test_alpha_is_not_multiplied():
    x = np.random.default_rng(0).integers(0, 9, (9, 4, 4, 4), dtype=np.uint8)
    done = adjustment("a", x)(x)
    assert done[..., :3].max() == 255 and np.array_equal(done[..., 3], x[..., 3])


def test_grey_in_three_channels_is_read_as_grey(tmp_path):
    x = numbered(74)[..., None]
    data = load(npz(tmp_path / "a.npz", x_train=np.repeat(x, 3, -1), x_test=numbered(8, (4, 6, 3))))
    assert data.image_shape == (4, 6, 1) and "in three equal channels" in data.notes[0]
    assert data.open_test().x.shape == (8, 4, 6, 1)


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (np.full((74, 4, 6), 9, "u1"), "have one colour"),
        (np.tile(np.arange(24, dtype="u1").reshape(4, 6), (74, 1, 1)), "are all the same"),
    ],
)
def test_images_in_which_nothing_is_to_be_seen_are_refused(tmp_path, x, words):
    assert words in refusal(npz(tmp_path / "a.npz", x_train=x))


@pytest.mark.parametrize("split", ["test", "val"])
@pytest.mark.parametrize(("training", "other"), [(255, 1), (255, 15), (1, 200)])
def test_a_split_of_another_range_than_the_training_images_is_refused(
    tmp_path, split, training, other
):
    rng = np.random.default_rng(0)
    images = {"x_train": (74, training), "x_test": (8, training), "x_val": (8, training)}
    images[f"x_{split}"] = (8, other)
    made = {
        name: rng.integers(0, most + 1, (count, 4, 6), dtype=np.uint8)
        for name, (count, most) in images.items()
    }
    said = refusal(npz(tmp_path / "a.npz", y_val=np.arange(8) % 4, **made))
    name = {"val": "validation"}.get(split, split)
    assert f"the {name} images of" in said and "the training images up to" in said


def test_splits_of_other_shares_of_dark_images_are_no_other_range(tmp_path):
    rng = np.random.default_rng(0)
    x, test = (rng.integers(0, 256, (n, 4, 6), dtype=np.uint8) for n in (74, 8))
    x[:50] //= 16
    data = load(npz(tmp_path / "a.npz", x_train=x, x_test=test))
    assert data.test_count == 8


def test_one_dark_image_is_no_other_range(tmp_path):
    held = np.full((1, 4, 6), 9, "u1")
    assert load(npz(tmp_path / "a.npz", x_val=held, y_val=np.zeros(1, int))).own_validation


def test_classes_that_were_saved_in_two_ways_are_said(tmp_path):
    y = arrays()["y_train"]
    x = np.random.default_rng(0).integers(0, 2, (74, 4, 6), dtype=np.uint8) * 255
    x[y == 2] //= 255
    said = "images of 2 have values up to 1, of 0 up to 255: if they were not saved alike"
    assert any(said in note for note in load(npz(tmp_path / "a.npz", x_train=x)).notes)


def test_what_own_validation_images_lose_is_said_and_their_range_decides_nothing(tmp_path):
    x, held = numbered(74) // 4, numbered(8) // 3
    data = load(npz(tmp_path / "a.npz", x_train=x, x_val=held, y_val=np.arange(8) % 4))
    assert "8 validation images have values above 63, which are cut" in data.notes
    assert data.train.x.max() == 255


def test_a_split_of_one_image_again_and_again_is_said(tmp_path):
    data = load(npz(tmp_path / "a.npz", x_test=np.zeros((8, 4, 6), "u1")))
    assert "the test images are all the same" in data.notes


def test_what_the_test_loses_by_it_is_said(tmp_path):
    x = np.repeat(numbered(74)[..., None] // 4, 3, -1)
    test = np.full((8, 4, 6, 3), 200, "u1")
    test[0, 0, 0] = (9, 0, 0)
    data = load(npz(tmp_path / "a.npz", x_train=x, x_test=test))
    assert data.notes[-2:] == (
        "1 test images are in colour, and are made grey",
        "8 test images have values above 63, which are cut",
    )
    assert data.open_test().x[0, 0, 0] == round(255 * (9 * 299 // 1000) / 63)
