"""How long a full training is."""

import math

import pytest

from search.epochs import BATCH_SIZES, MOST, STEPS, affordable, batch_size, costly, full_training


@pytest.mark.parametrize("images", [1, 64, 1150, 3200, 8000, 40_000, 10**6])
def test_a_full_training_has_some_1500_steps_between_9_and_81_epochs(images):
    epochs = full_training(images, batch_size=64)
    steps = epochs * math.ceil(images / 64)
    assert 9 <= epochs <= 81 == 9 * MOST
    assert steps >= STEPS or epochs == 81
    assert steps < 2 * STEPS or epochs == 9


def test_larger_batches_make_fewer_steps_and_so_more_epochs():
    assert full_training(8000, 256) > full_training(8000, 64)


@pytest.mark.parametrize("images", [1, 100, 1000, 10_000, 10**6])
@pytest.mark.parametrize("pixels", [1, 64, 784, 224 * 224])
def test_a_batch_is_no_smaller_than_some_1500_steps_ask_for(images, pixels):
    def steps(size):
        epochs = min(full_training(images, size), affordable(images, pixels))
        return epochs * math.ceil(images / size)

    chosen = batch_size(images, pixels)
    assert steps(chosen) >= 0.9 * STEPS or chosen == BATCH_SIZES[-1]
    assert all(steps(size) < 0.9 * STEPS for size in BATCH_SIZES if size > chosen)


def test_larger_images_are_seen_less_often_and_cost_more():
    seen = [affordable(1000, pixels) for pixels in (64, 784, 2352, 50_000)]
    assert seen == sorted(seen, reverse=True) and (seen[0], seen[-1]) == (81, 9)
    assert [costly(1000, pixels, 64) for pixels in (64, 784, 2352)] == [False, True, True]
