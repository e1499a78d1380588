"""What a model is fed: augmentation, targets, and an order that follows from (seed, epoch)."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from spaces.training.batches import AUGMENTATIONS, EpochBatches, augment, flip, shift, targets

SHAPES = [
    (1, 1, 1),
    (1, 9, 3),
    (7, 1, 4),
    (2, 2, 1),
    (8, 8, 1),
    (5, 13, 3),
    (16, 33, 1),
    (28, 28, 3),
]


def distinct_images(count, shape, dtype="uint8"):
    """Images in which, a byte allowing, no two neighbouring values are equal and none is 0."""
    values = 1 + np.arange(count * np.prod(shape)) % 251
    return values.reshape(count, *shape).astype(dtype)


def translated(image, down, across):
    """The image moved down and across, pixel by pixel, filled with zeros."""
    height, width, _ = image.shape
    moved = np.zeros_like(image)
    for row in range(height):
        for column in range(width):
            if 0 <= row - down < height and 0 <= column - across < width:
                moved[row, column] = image[row - down, column - across]
    return moved


def reach(side):
    """How far a side may move: an eighth of it, at least a pixel, but never out of sight."""
    return 0 if side == 1 else max(1, side // 8)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_shift_translates_each_image_by_at_most_an_eighth(shape, dtype):
    images = distinct_images(12, shape, dtype)
    original = images.copy()
    moved = shift(images, np.random.default_rng(3))
    assert moved.shape == images.shape
    assert moved.dtype == images.dtype
    assert np.array_equal(images, original), "the images handed in are left as they are"
    down, across = reach(shape[0]), reach(shape[1])
    ways = [(y, x) for y in range(-down, down + 1) for x in range(-across, across + 1)]
    for before, after in zip(images, moved, strict=True):
        assert any(np.array_equal(after, translated(before, *way)) for way in ways)
        assert after.any(), "something of the image is left"


def test_shift_reaches_every_offset_and_moves_images_apart():
    images = np.repeat(distinct_images(1, (16, 24, 1)), 400, axis=0)
    moved = shift(images, np.random.default_rng(0))
    # 2 pixels either way down, 3 across: 5 × 7 translations, each seen among 400 images.
    assert len({image.tobytes() for image in moved}) == 35


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_flip_gives_each_image_or_its_mirror(shape):
    images = distinct_images(64, shape)
    flipped = flip(images, np.random.default_rng(5))
    assert flipped.shape == images.shape
    assert flipped.dtype == images.dtype
    mirrored = np.array(
        [np.array_equal(a, b[:, ::-1]) for a, b in zip(flipped, images, strict=True)]
    )
    same = np.array([np.array_equal(a, b) for a, b in zip(flipped, images, strict=True)])
    assert (mirrored | same).all()
    if shape[1] > 1:
        assert 16 < mirrored.sum() < 48, "about half of them"
    # The same draw again undoes it.
    assert np.array_equal(flip(flipped, np.random.default_rng(5)), images)


def test_no_augmentation_is_identity():
    images = distinct_images(5, (6, 4, 3))
    assert np.array_equal(augment(images, "none", np.random.default_rng(0)), images)


def test_each_augmentation_does_what_its_name_says():
    images = np.repeat(distinct_images(1, (8, 8, 1)), 200, axis=0)
    image = images[0]
    moved = {translated(image, y, x).tobytes() for y in (-1, 0, 1) for x in (-1, 0, 1)}
    shifted = [a.tobytes() for a in augment(images, "shift", np.random.default_rng(1))]
    both = augment(images, "shift_flip", np.random.default_rng(1))
    assert set(shifted) == moved
    assert {a.tobytes() for a in both} > moved
    assert all(a.tobytes() in moved or a[:, ::-1].tobytes() in moved for a in both)


def test_unknown_augmentation_is_refused_with_the_list():
    with pytest.raises(ValueError, match="shfit") as refusal:
        augment(distinct_images(1, (4, 4, 1)), "shfit", np.random.default_rng(0))
    assert all(name in str(refusal.value) for name in AUGMENTATIONS)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("classes", [2, 3, 100])
def test_targets_are_distributions_that_peak_at_the_label(classes, smoothing):
    labels = np.random.default_rng(classes).integers(0, classes, 50)
    rows = targets(labels, classes, smoothing)
    assert rows.shape == (50, classes)
    assert rows.dtype == np.float32
    assert np.allclose(rows.sum(axis=1), 1, atol=1e-5)
    assert np.array_equal(rows.argmax(axis=1), labels)
    # Szegedy et al. 2016: (1 - ε) one-hot + ε / K.
    assert np.allclose(rows.max(axis=1), 1 - smoothing + smoothing / classes)
    assert np.allclose(rows.min(axis=1), smoothing / classes)


def test_targets_take_labels_in_a_column():
    labels = np.array([[2], [0], [1]], dtype="uint8")
    assert np.array_equal(targets(labels, 3), targets(labels[:, 0], 3))


def numbered(count, shape=(4, 4, 1)):
    """Images whose every pixel is their number, and targets that are their number."""
    numbers = np.arange(count)
    images = np.broadcast_to(numbers[:, None, None, None], (count, *shape)).astype("uint8")
    return images, numbers[:, None].astype("float32")


def epoch_of(batches, epoch):
    batches.start_epoch(epoch)
    return [batches[index] for index in range(len(batches))]


@pytest.mark.parametrize(("count", "size"), [(50, 16), (48, 16), (5, 16), (1, 1), (7, 3)])
def test_every_image_comes_once_an_epoch_with_its_own_target(count, size):
    images, labels = numbered(count)
    batches = EpochBatches(images, labels, size, seed=0)
    for epoch in range(3):
        parts = epoch_of(batches, epoch)
        sizes = [len(x) for x, _ in parts]
        assert sizes[:-1] == [size] * (len(sizes) - 1)
        assert sizes[-1] == (count - 1) % size + 1, "the last batch is what is left"
        seen = np.concatenate([x[:, 0, 0, 0] for x, _ in parts])
        assert sorted(seen) == list(range(count))
        assert np.array_equal(seen, np.concatenate([y[:, 0] for _, y in parts]))


def test_order_is_a_function_of_seed_and_epoch_alone():
    def order(seed, epoch, before=()):
        batches = EpochBatches(*numbered(40), 8, seed)
        for other in before:
            epoch_of(batches, other)
        return tuple(np.concatenate([y[:, 0] for _, y in epoch_of(batches, epoch)]))

    assert order(3, 5) == order(3, 5, before=(0, 1, 2, 3, 4)) == order(3, 5, before=(9, 5))
    orders = [order(seed, epoch) for seed in range(4) for epoch in range(4)]
    assert len(set(orders)) == 16


def test_a_batch_is_a_function_of_seed_epoch_and_index():
    images = np.random.default_rng(0).integers(0, 256, (40, 9, 9, 1), dtype=np.uint8)

    def batch(seed, epoch, index):
        batches = EpochBatches(images, numbered(40)[1], 8, seed, "shift_flip")
        batches.start_epoch(epoch)
        return batches, batches[index][0]

    batches, first = batch(1, 2, 3)
    for other in (0, 4):
        batches[other]
    assert np.array_equal(batches[3][0], first), "batches asked for in between change nothing"
    keras.utils.set_random_seed(99)
    assert np.array_equal(batch(1, 2, 3)[1], first), "nor does any generator outside"
    others = [batch(1, 2, 2), batch(1, 3, 3), batch(2, 2, 3)]
    assert not any(np.array_equal(other, first) for _, other in others)


def test_augmentation_differs_between_batches_and_epochs():
    # One and the same image 40 times: what differs is the augmentation alone.
    images = np.repeat(distinct_images(1, (16, 16, 1)), 40, axis=0)
    batches = EpochBatches(images, numbered(40)[1], 8, seed=0, augmentation="shift_flip")
    seen = [x.tobytes() for epoch in range(3) for x, _ in epoch_of(batches, epoch)]
    assert len(set(seen)) == 15


def test_the_images_handed_in_are_never_changed():
    images = distinct_images(20, (6, 6, 1))
    original = images.copy()
    epoch_of(EpochBatches(images, numbered(20)[1], 8, 0, "shift_flip"), 0)
    assert np.array_equal(images, original)
