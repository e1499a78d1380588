"""A convolution as one matrix product: what Keras computes, and the layer is left as it was."""

from __future__ import annotations

import itertools

import keras
import numpy as np
import pytest
from keras import layers, ops

from spaces.training import backends
from spaces.training.backends.matrix_convolution import convolution, matrix_convolutions


def made_up(*shape):
    return np.random.default_rng(sum(shape)).normal(size=shape).astype("float32")


def close(one, other):
    one, other = ops.convert_to_numpy(one), ops.convert_to_numpy(other)
    np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


LINES = [
    ((side,), (size,), (stride,))
    for side, size, stride in itertools.product([1, 4, 7], [1, 2, 3, 5], [1, 2, 3])
]
PLANES = [
    ((8, 5), (3, 3), (1, 1)),
    ((8, 5), (2, 4), (1, 1)),
    ((7, 9), (3, 2), (2, 1)),
    ((7, 9), (4, 5), (2, 3)),
    ((1, 6), (1, 3), (1, 2)),
    ((3, 3), (5, 5), (1, 1)),
    ((6, 6), (2, 2), (2, 2)),
    ((6, 6), (1, 1), (3, 3)),
]


CASES = [(*case, "same") for case in [*LINES, *PLANES]]
CASES += [  # where something is left
    (sides, reach, strides, "valid")
    for sides, reach, strides in [*LINES, *PLANES]
    if all(side >= size for side, size in zip(sides, reach, strict=True))
]


@pytest.mark.parametrize(("sides", "reach", "strides", "padding"), CASES, ids=str)
def test_a_convolution_is_keras_s(sides, reach, strides, padding):
    x, kernel = made_up(2, *sides, 3), made_up(*reach, 3, 4)
    close(
        convolution(x, kernel, strides, padding),
        ops.conv(x, kernel, strides, padding, data_format="channels_last"),
    )


def test_its_gradient_is_keras_s():
    x = made_up(2, 6, 5, 3)

    def gradient(convolve):
        return backends.with_gradient(
            lambda kernel: (ops.sum(ops.square(convolve(kernel))), None),
            ops.convert_to_tensor(made_up(3, 2, 3, 4)),
        )[2]

    close(
        gradient(lambda kernel: convolution(x, kernel, (2, 1), "same")),
        gradient(lambda kernel: ops.conv(x, kernel, (2, 1), "same", data_format="channels_last")),
    )


LAYERS = {
    "line": (layers.Conv1D(4, 3, padding="same", activation="relu"), (9, 2)),
    "line with strides": (layers.Conv1D(4, 2, strides=2, use_bias=False), (9, 2)),
    "plane": (layers.Conv2D(4, 3, padding="same"), (6, 5, 2)),
    "plane with strides": (layers.Conv2D(4, (2, 3), strides=2), (6, 5, 2)),
    "ConvLSTM": (layers.ConvLSTM2D(3, 3, padding="same", return_sequences=True), (4, 5, 6, 2)),
    "ConvLSTM with strides": (layers.ConvLSTM2D(3, (2, 3), strides=(2, 1)), (4, 7, 6, 2)),
    "ConvLSTM without bias": (layers.ConvLSTM2D(3, 3, use_bias=False), (4, 7, 6, 2)),
    "ConvLSTM of lines": (layers.ConvLSTM1D(3, 3, padding="same"), (4, 6, 2)),
    "folded": (layers.TimeDistributed(layers.Conv1D(3, 3)), (4, 6, 2)),
    "both directions": (
        layers.Bidirectional(layers.ConvLSTM1D(3, 3, padding="same", seed=1)),
        (4, 6, 2),
    ),
}


def changes(layer):
    """The names of what is set on a layer and on what it consists of."""
    parts = [layer, *layer._flatten_layers()]
    names = ("convolution_op", "input_conv", "recurrent_conv")
    return {name for part in parts for name in names if name in vars(part)}


@pytest.mark.parametrize(("layer", "shape"), LAYERS.values(), ids=LAYERS)
def test_a_layer_computes_the_same(layer, shape):
    x = made_up(2, *shape)
    layer(x)
    for variable in layer.trainable_variables:
        variable.assign(made_up(*variable.shape) / 3)  # the biases, too
    expected = layer(x)
    with matrix_convolutions(layer):
        assert changes(layer)
        close(layer(x), expected)
    assert not changes(layer)
    assert np.ptp(ops.convert_to_numpy(expected)) > 0


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (layers.Conv1D(4, 3, padding="causal"), (9, 2)),
        (layers.Conv1D(4, 3, dilation_rate=2), (9, 2)),
        (layers.Conv2D(4, 3, groups=2), (6, 5, 2)),
        (layers.DepthwiseConv2D(3), (6, 5, 2)),
        (layers.Conv2DTranspose(2, 3), (6, 5, 2)),
        (layers.ConvLSTM1D(3, 3, dilation_rate=2), (4, 6, 2)),
    ],
    ids=lambda each: type(each).__name__ if isinstance(each, keras.Layer) else "",
)
def test_another_kind_is_left_alone(layer, shape):
    layer.build((None, *shape))
    with matrix_convolutions(layer):
        assert not changes(layer)


def test_afterwards_the_layer_is_as_it_was_even_after_an_error():
    layer = layers.Conv2D(4, 3)
    layer.build((None, 6, 5, 2))
    before = dict(vars(layer))
    with pytest.raises(ZeroDivisionError), matrix_convolutions(layer):
        assert changes(layer) == {"convolution_op"}
        raise ZeroDivisionError
    assert vars(layer) == before
