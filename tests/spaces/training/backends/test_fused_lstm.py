"""An LSTM as one operation: what the stock layer computes, and the layer is left as it was."""

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

from spaces.training.backends.fused_layers import fused_layers
from spaces.training.backends.fused_lstm import can_be_fused
from tests.support import recurrent
from tests.support.recurrent import made_up

STEPS, FEATURES, UNITS = 5, 3, 4


def lstm(**options):
    return recurrent.with_weights(layers.LSTM(UNITS, **options), STEPS, FEATURES)


computed = functools.partial(recurrent.computed, sequence=(6, STEPS, FEATURES), state=(6, UNITS))
close = functools.partial(recurrent.close, atol=1e-6)


@pytest.mark.parametrize(
    ("sequences", "states", "backwards"), itertools.product([False, True], repeat=3)
)
def test_outputs_states_and_gradients_are_the_stock_layer_s(sequences, states, backwards):
    layer = lstm(return_sequences=sequences, return_state=states, go_backwards=backwards)
    expected = computed(layer)
    with fused_layers(layer):
        assert "inner_loop" in vars(layer)
        found = computed(layer)
    close(found[0], expected[0])
    close(found[1], expected[1])


def test_without_states_given_and_in_a_graph_of_any_length():
    layer = lstm(return_sequences=True)
    x = made_up(2, 7, FEATURES)

    @tf.function(input_signature=[tf.TensorSpec((None, None, FEATURES))], autograph=False)
    def called(x):
        with fused_layers(layer):
            return layer(x)

    close([called(x)], [layer(x)])
    names = {each.type for each in called.get_concrete_function().graph.get_operations()}
    assert any(name.startswith("BlockLSTM") for name in names)
    assert not {"While", "StatelessWhile"} & names


@pytest.mark.parametrize("mode", ["concat", "sum"])
def test_both_directions_of_a_layer_are_computed_so(mode):
    both = layers.Bidirectional(lstm(return_sequences=True), merge_mode=mode)
    x = made_up(6, STEPS, FEATURES)
    expected = both(x)
    with fused_layers(both):
        assert all("inner_loop" in vars(one) for one in (both.forward_layer, both.backward_layer))
        close([both(x)], [expected])
    assert not any("inner_loop" in vars(one) for one in (both.forward_layer, both.backward_layer))


def test_a_mask_is_left_to_keras():
    layer = lstm(return_sequences=True)
    mask = tf.constant(np.random.default_rng(0).random((6, STEPS)) < 0.6)
    expected = computed(layer, mask=mask)
    with fused_layers(layer):
        found = computed(layer, mask=mask)
    close(found[0], expected[0])
    close(found[1], expected[1])
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
    ],
    ids=str,
)
def test_another_kind_of_lstm_is_left_alone(options):
    layer = layers.LSTM(UNITS, **options)
    assert not can_be_fused(layer)
    with fused_layers(layer):
        assert "inner_loop" not in vars(layer)
