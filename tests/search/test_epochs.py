"""How long a full training is."""

import math

import pytest

from search.epochs import MOST, STEPS, full_training


@pytest.mark.parametrize("images", [1, 64, 1150, 3200, 8000, 40_000, 10**6])
def test_a_full_training_has_some_1500_steps_between_9_and_81_epochs(images):
    epochs = full_training(images, batch_size=64)
    steps = epochs * math.ceil(images / 64)
    assert 9 <= epochs <= 81 == 9 * MOST
    assert steps >= STEPS or epochs == 81
    assert steps < 2 * STEPS or epochs == 9


def test_larger_batches_make_fewer_steps_and_so_more_epochs():
    assert full_training(8000, 256) > full_training(8000, 64)
