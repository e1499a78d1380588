"""What JAX does for the loop; run by test_loop.py, in a process of its own."""

from __future__ import annotations

import keras
import numpy as np
import pytest

if keras.backend.backend() != "jax":
    pytest.skip("JAX's functions", allow_module_level=True)

import jax

from spaces.training.backends.on_jax import batch, compiled, layers_for, with_gradient
from tests.support.models import SHAPE, hypermodel_of, with_values


def test_batches_are_the_order_cut_in_pieces_and_the_last_is_filled_up():
    order = np.random.default_rng(0).permutation(10).astype("int32")
    parts = [batch(order, number, 4, 10) for number in range(3)]
    assert [len(chosen) for chosen, _ in parts] == [4, 4, 4]
    assert np.array_equal(np.concatenate([chosen for chosen, _ in parts]), [*order, *order[:2]])
    counts = np.concatenate([counts for _, counts in parts])
    assert counts.tolist() == [1] * 10 + [0] * 2


def test_more_places_than_images_are_filled_up_as_well():
    chosen, counts = batch(np.array([1, 0], "int32"), 0, 5, 2)
    assert chosen.tolist() == [1, 0, 1, 0, 1] and counts.tolist() == [1, 1, 0, 0, 0]


def test_value_more_and_gradient():
    point = jax.numpy.array([1.0, 2.0])
    value, more, gradient = with_gradient(lambda at: ((at**2).sum(), at + 1), point)
    assert (float(value), more.tolist(), gradient.tolist()) == (5, [2, 3], [2, 4])


def test_a_function_is_compiled_once_for_a_length():
    traced = []

    def doubled(x):
        traced.append(1)
        return 2 * x

    make = compiled(doubled, keras.KerasTensor((None,), "float32"))
    for length in (3, 3, 7, 3):
        assert make(jax.numpy.ones(length)).tolist() == [2] * length
    assert len(traced) == 2


def test_convolutions_are_changed_within_the_block_alone():
    model = hypermodel_of(["cnn_lines"], SHAPE).build(with_values())
    layer = next(each for each in model.layers if isinstance(each, keras.layers.Conv2D))
    with layers_for(model):
        assert ("convolution_op" in vars(layer)) == (jax.default_backend() == "cpu")
    assert "convolution_op" not in vars(layer)
