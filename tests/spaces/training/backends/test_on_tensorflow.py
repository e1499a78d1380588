"""What TensorFlow does for the loop."""

from __future__ import annotations

import keras
import numpy as np
import pytest

if keras.backend.backend() != "tensorflow":
    pytest.skip("TensorFlow's functions", allow_module_level=True)

import tensorflow as tf

from spaces.training.backends.on_tensorflow import batch, compiled, layers_for, with_gradient
from tests.support.models import SHAPE, hypermodel_of, with_values


def test_batches_are_the_order_cut_in_pieces():
    order = tf.constant(np.random.default_rng(0).permutation(10), tf.int32)
    parts = [batch(order, number, 4, 10) for number in range(3)]
    assert [len(chosen) for chosen, _ in parts] == [4, 4, 2]
    assert np.array_equal(np.concatenate([chosen for chosen, _ in parts]), order)
    assert all(np.array_equal(counts, np.ones(len(chosen))) for chosen, counts in parts)


def test_value_more_and_gradient():
    point = tf.constant([1.0, 2.0])
    value, more, gradient = with_gradient(lambda at: (tf.reduce_sum(at**2), at + 1), point)
    assert (float(value), more.numpy().tolist()) == (5, [2, 3])
    assert gradient.numpy().tolist() == [2, 4]


def test_a_function_is_compiled_once_for_every_length():
    traced = []

    def summed(pair, others):
        traced.append(1)
        return pair[0] + pair[1], [each * 2 for each in others]

    number = keras.KerasTensor((None,), "float32")
    make = compiled(summed, (number, number), [number])
    for length in (3, 1, 7):
        ones = tf.ones(length)
        both, others = make((ones, ones), [ones])
        assert both.numpy().tolist() == others[0].numpy().tolist() == [2] * length
    assert len(traced) == 1


def test_layers_are_changed_within_the_block_alone():
    model = hypermodel_of(["lines"], SHAPE).build(with_values())
    lstm = next(each for each in model.layers if isinstance(each, keras.layers.LSTM))
    with layers_for(model):
        on_processor = not tf.config.list_physical_devices("GPU")
        assert ("inner_loop" in vars(lstm)) == on_processor
    assert "inner_loop" not in vars(lstm)
