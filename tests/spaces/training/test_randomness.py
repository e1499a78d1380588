"""What is random in an epoch follows from (seed, epoch) alone, each thing by its own stream."""

from __future__ import annotations

import itertools

import keras
import numpy as np
import pytest
from keras import layers

from spaces.training import randomness
from tests.support.models import equal, train

KEYS = [*itertools.product(range(4), repeat=2)]


def test_every_generator_of_the_layers_is_found_and_nothing_else():
    steps = [layers.Dropout(0.5), layers.Dense(2), layers.BatchNormalization()]
    model = keras.Sequential([keras.Input((3,)), *steps, layers.GaussianNoise(1.0)])
    found = [each for each in model.non_trainable_variables if randomness.is_generator_state(each)]
    assert [tuple(state.shape) for state in found] == [(2,), (2,)]
    assert len(model.non_trainable_variables) == 4
    assert not any(map(randomness.is_generator_state, model.trainable_variables))


def test_an_order_is_a_permutation_of_its_own_for_every_seed_and_epoch():
    orders = [randomness.order(*key, 40) for key in KEYS]
    assert all(sorted(order) == [*range(40)] for order in orders)
    assert {order.dtype for order in orders} == {np.dtype("int32")}
    assert len({order.tobytes() for order in orders}) == 16
    assert randomness.order(0, 0, 1).tolist() == [0]


def test_generators_have_states_of_their_own_for_every_seed_and_epoch():
    states = [randomness.generator_state(*key, number) for key in KEYS for number in range(3)]
    assert {(state.shape, state.dtype) for state in states} == {((2,), np.dtype("uint32"))}
    assert len({state.tobytes() for state in states}) == 48


def test_order_augmentation_and_states_come_from_three_streams():
    """Seen in the same draw from each: whether an image is moved says nothing of its place."""
    for key in KEYS:
        permutation = randomness.augmentation_generator(*key).permutation(40)
        assert not np.array_equal(permutation, randomness.order(*key, 40))
        number = randomness.augmentation_generator(*key).integers(0, 2**32, 2, dtype=np.uint32)
        assert not np.array_equal(number, randomness.generator_state(*key, 0))
    drawn = {randomness.augmentation_generator(*key).bytes(8) for key in KEYS}
    assert len(drawn) == 16


def test_nothing_depends_on_what_was_drawn_before():
    def drawn():
        generator = randomness.augmentation_generator(3, 5)
        return [
            randomness.order(3, 5, 40),
            generator.random(7),
            randomness.generator_state(3, 5, 1),
        ]

    first = drawn()
    keras.utils.set_random_seed(99)
    randomness.order(3, 4, 40)
    assert equal(first, drawn())


def test_without_the_assignment_at_each_epoch_they_would_differ(tmp_path, monkeypatch):
    # The training of test_loop.py, shorter: so the test of continuation there would notice.
    monkeypatch.setattr(randomness, "is_generator_state", lambda variable: False)
    assert not equal(train("lines", [2], tmp_path)[0], train("lines", [1, 2], tmp_path)[0])


@pytest.mark.parametrize("count", [1, 3, 5, 7, 10])
def test_epochs_of_a_part_go_on_through_the_passes(count):
    """One after the other they are the passes, whatever a part's size: nothing twice in a pass."""
    epochs, images = 30, 10
    parts = np.concatenate([randomness.order(3, epoch, images, count) for epoch in range(epochs)])
    passes = np.concatenate([randomness.order(3, number, images) for number in range(epochs)])
    assert np.array_equal(parts, passes[: epochs * count])
