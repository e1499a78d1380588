"""A convolutional LSTM as one operation a timestep: what the stock layer computes."""

from __future__ import annotations

import functools
import itertools

import keras
import numpy as np
import pytest
from keras import layers

if keras.backend.backend() != "tensorflow":
    pytest.skip("TensorFlow's operation", allow_module_level=True)

import tensorflow as tf

from spaces.training.backends.fused_conv_lstm import can_be_fused, neighbours
from spaces.training.backends.fused_layers import fused_layers
from tests.support import recurrent

STEPS, WIDTH, CHANNELS, FILTERS = 4, 5, 2, 3
PLAIN = {"kernel_size": 3, "padding": "same"}


def conv_lstm(**options):
    layer = layers.ConvLSTM1D(FILTERS, **{**PLAIN, **options})
    return recurrent.with_weights(layer, STEPS, WIDTH, CHANNELS)


computed = functools.partial(
    recurrent.computed, sequence=(6, STEPS, WIDTH, CHANNELS), state=(6, WIDTH, FILTERS)
)
close = functools.partial(recurrent.close, atol=1e-5)


@pytest.mark.parametrize(
    ("sequences", "states", "backwards"), itertools.product([False, True], repeat=3)
)
def test_outputs_states_and_gradients_are_the_stock_layer_s(sequences, states, backwards):
    layer = conv_lstm(return_sequences=sequences, return_state=states, go_backwards=backwards)
    expected = computed(layer)
    with fused_layers(layer):
        assert "inner_loop" in vars(layer)
        found = computed(layer)
    assert "inner_loop" not in vars(layer)
    close(found[0], expected[0])
    close(found[1], expected[1])


@pytest.mark.parametrize("reach", [2, 3, 4, 5, 7])
def test_kernels_of_any_reach(reach):
    """Even ones reach one further behind than before; the last is longer than the line."""
    layer = conv_lstm(kernel_size=reach)
    expected = computed(layer)
    with fused_layers(layer):
        found = computed(layer)
    close(found[0], expected[0])
    close(found[1], expected[1])


def test_neighbours_are_what_a_kernel_reads():
    line = tf.reshape(tf.range(1.0, 5.0), (1, 4, 1))
    assert neighbours(line, 3, [0, 1, 2]).numpy().tolist() == [
        [0, 1, 2],
        [1, 2, 3],
        [2, 3, 4],
        [3, 4, 0],
    ]
    assert neighbours(line, 3, [0, 2]).numpy().tolist() == [[0, 2], [1, 3], [2, 4], [3, 0]]


def test_a_mask_is_left_to_keras():
    layer = conv_lstm(return_sequences=True)
    mask = tf.constant(np.random.default_rng(0).random((6, STEPS)) < 0.6)
    expected = computed(layer, mask=mask)
    with fused_layers(layer):
        found = computed(layer, mask=mask)
    close(found[0], expected[0])
    assert not np.allclose(expected[0][0], computed(layer)[0][0]), "the mask does something"


@pytest.mark.parametrize(
    "options",
    [
        {"dropout": 0.1},
        {"recurrent_dropout": 0.1},
        {"activation": "relu"},
        {"recurrent_activation": "hard_sigmoid"},
        {"use_bias": False},
        {"stateful": True},
        {"padding": "valid"},
        {"strides": 2},
        {"dilation_rate": 2},
        {"kernel_size": 1},
        {"data_format": "channels_first"},
    ],
    ids=str,
)
def test_another_kind_of_layer_is_left_alone(options):
    layer = layers.ConvLSTM1D(FILTERS, **{**PLAIN, **options})
    assert not can_be_fused(layer)
    with fused_layers(layer):
        assert "inner_loop" not in vars(layer)
