"""How images are varied: what is drawn stays in bounds, and is done as a loop over pixels does."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from spaces.training.augmentation import AUGMENTATIONS, apply, draw

SHAPES = [(1, 1), (1, 9), (7, 1), (2, 2), (8, 8), (5, 13), (16, 33)]


def distinct_images(count, shape, dtype="uint8"):
    """Images in which, a byte allowing, no two neighbouring values are equal and none is 0."""
    values = 1 + np.arange(count * np.prod(shape)) % 251
    return values.reshape(count, *shape).astype(dtype)


def varied(image, up, left, mirrored):
    """The image moved up and to the left, pixel by pixel, filled with zeros; then mirrored."""
    height, width, _ = image.shape
    moved = np.zeros_like(image)
    for row in range(height):
        for column in range(width):
            if 0 <= row + up < height and 0 <= column + left < width:
                moved[row, column] = image[row + up, column + left]
    return moved[:, ::-1] if mirrored else moved


def applied(images, drawn):
    return keras.ops.convert_to_numpy(apply(keras.ops.convert_to_tensor(images), drawn))


def reach(side):
    """How far a side may move: an eighth of it, at least a pixel, but never out of sight."""
    return 0 if side == 1 else max(1, side // 8)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_an_image_moves_by_at_most_an_eighth_and_every_way_comes(shape):
    drawn = draw("shift_flip", shape, 2000, np.random.default_rng(0))
    assert (drawn.shape, drawn.dtype) == ((2000, 3), np.int32)
    for column, side in enumerate(shape):
        assert set(drawn[:, column]) == set(range(-reach(side), reach(side) + 1))
    assert 900 < drawn[:, 2].sum() < 1100 and set(drawn[:, 2]) == {0, 1}
    ways = np.prod([2 * reach(side) + 1 for side in shape])
    assert len(np.unique(drawn, axis=0)) == 2 * ways, "each apart from the others"


def test_each_augmentation_does_what_its_name_says():
    none, shift, both = (
        draw(kind, (16, 8), 100, np.random.default_rng(1)) for kind in AUGMENTATIONS
    )
    assert AUGMENTATIONS == ("none", "shift", "shift_flip")
    assert not none.any()
    assert shift[:, 0].any() and shift[:, 1].any() and not shift[:, 2].any()
    assert np.array_equal(shift[:, :2], both[:, :2]) and both[:, 2].any()


def test_what_is_drawn_follows_from_the_generator_alone():
    def drawn(seed):
        return draw("shift_flip", (16, 8), 50, np.random.default_rng(seed))

    assert np.array_equal(drawn(3), drawn(3))
    assert not np.array_equal(drawn(3), drawn(4))


def test_an_unknown_augmentation_is_refused_with_the_list():
    with pytest.raises(ValueError, match="shfit") as refusal:
        draw("shfit", (4, 4), 1, np.random.default_rng(0))
    assert all(name in str(refusal.value) for name in AUGMENTATIONS)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_images_are_varied_as_drawn(shape, channels):
    images = distinct_images(24, (*shape, channels))
    drawn = draw("shift_flip", shape, 24, np.random.default_rng(2))
    found = applied(images, drawn)
    assert found.dtype == images.dtype
    expected = [varied(image, *row) for image, row in zip(images, drawn, strict=True)]
    assert np.array_equal(found, expected)
    assert found.reshape(24, -1).any(axis=1).all(), "something of each image is left"


def test_images_of_floats_stay_floats():
    images = distinct_images(9, (5, 4, 2), "float32") / 7
    drawn = draw("shift_flip", (5, 4), 9, np.random.default_rng(3))
    expected = [varied(image, *row) for image, row in zip(images, drawn, strict=True)]
    found = applied(images, drawn)
    assert found.dtype == np.float32
    assert np.array_equal(found, expected)


def test_nothing_drawn_is_identity():
    images = distinct_images(5, (6, 4, 3))
    assert np.array_equal(applied(images, np.zeros((5, 3), "int32")), images)
