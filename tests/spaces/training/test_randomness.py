"""What is random in an epoch follows from (seed, epoch) alone."""

from __future__ import annotations

import itertools

import keras
from keras import layers

from spaces.training import randomness
from tests.support.models import arrays, equal, train


def with_dropout():
    """A model of two layers that draw, and one that does not."""
    steps = [layers.Dropout(0.5), layers.Dense(2), layers.GaussianNoise(1.0)]
    return keras.Sequential([keras.Input((3,)), *steps])


def test_every_generator_of_the_layers_is_found():
    states = randomness.seed_states(with_dropout())
    assert [tuple(state.shape) for state in states] == [(2,), (2,)]


def test_states_follow_from_seed_and_epoch_whatever_was_before():
    def states(seed, epoch, before=()):
        model = with_dropout()
        for other in (*before, epoch):
            randomness.set_seed_states(model, seed, other)
        return arrays(randomness.seed_states(model))

    assert equal(states(3, 5), states(3, 5, before=(0, 7)))
    found = [states(seed, epoch) for seed in range(3) for epoch in range(3)]
    assert len({tuple(state.tolist()) for pair in found for state in pair}) == 18


def test_every_seed_epoch_and_batch_has_a_stream_of_its_own():
    numbers = range(4)
    orders = [randomness.order(*key, 40) for key in itertools.product(numbers, repeat=2)]
    streams = [
        randomness.augmentation_generator(*key).permutation(40)
        for key in itertools.product(numbers, repeat=3)
    ]
    assert len({tuple(order.tolist()) for order in orders}) == 16
    assert len({tuple(drawn.tolist()) for drawn in streams}) == 64


def test_without_the_assignment_at_each_epoch_they_would_differ(tmp_path, monkeypatch):
    # The training of test_loop.py, shorter: so the test of continuation there would notice.
    monkeypatch.setattr(randomness, "seed_states", lambda model: [])
    assert not equal(train("cnn_lines", [2], tmp_path)[0], train("cnn_lines", [1, 2], tmp_path)[0])
