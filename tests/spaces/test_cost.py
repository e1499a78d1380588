"""Multiply-adds against examples worked by hand, one for every kind of layer that occurs."""

import keras
import keras_tuner
import pytest
from keras import layers

from spaces import STRATEGIES
from spaces.blocks import across, along
from spaces.cost import Cost, cost


def count(shape: tuple[int, ...], *stack: keras.layers.Layer) -> int:
    """Multiply-adds of layers one after the other."""
    images = keras.Input(shape)
    x = images
    for layer in stack:
        x = layer(x)
    return cost(keras.Model(images, x)).multiply_adds


def test_dense():
    assert count((5,), layers.Dense(3)) == 5 * 3


def test_dense_at_every_position():
    assert count((2, 4, 5), layers.Dense(3)) == (2 * 4) * (5 * 3)


def test_convolution():
    # 4×6 outputs, each 3·3·2 numbers times 8 filters; zeros of the padding count.
    assert count((4, 6, 2), layers.Conv2D(8, 3, padding="same")) == (4 * 6) * (3 * 3 * 2 * 8)


def test_convolution_with_stride():
    # 5×7 padded to 6×8: 3×4 patches of 2·2·3 numbers.
    assert count((5, 7, 3), layers.Conv2D(8, 2, 2, padding="same")) == (3 * 4) * (2 * 2 * 3 * 8)


def test_convolution_without_padding():
    assert count((5, 7, 3), layers.Conv2D(8, (1, 3))) == (5 * 5) * (1 * 3 * 3 * 8)


def test_one_dimensional_convolution():
    assert count((10, 4), layers.Conv1D(6, 3, padding="same")) == 10 * (3 * 4 * 6)


def test_depthwise_convolution():
    assert count((4, 4, 5), layers.DepthwiseConv2D(3, padding="same")) == (4 * 4) * (3 * 3 * 5)


def test_lstm():
    # 7 timesteps; four gates of 3 units, each from 2 features and 3 states.
    assert count((7, 2), layers.LSTM(3)) == 7 * 4 * 3 * (2 + 3)


def test_gru():
    assert count((7, 2), layers.GRU(3)) == 7 * 3 * 3 * (2 + 3)


@pytest.mark.parametrize("whole", [False, True])
def test_bidirectional_lstm(whole):
    layer = layers.Bidirectional(layers.LSTM(3, return_sequences=whole))
    assert count((7, 2), layer) == 2 * 7 * 4 * 3 * (2 + 3)


@pytest.mark.parametrize("whole", [False, True])
def test_convolutional_lstm(whole):
    # 7 lines of 10 positions; four gates of 3 filters, kernels of 5 over 2 channels and 3 states.
    layer = layers.ConvLSTM1D(3, 5, padding="same", return_sequences=whole)
    assert count((7, 10, 2), layer) == 7 * 10 * 4 * 3 * 5 * (2 + 3)


def test_bidirectional_convolutional_lstm():
    layer = layers.Bidirectional(layers.ConvLSTM1D(3, 5, padding="same"))
    assert count((7, 10, 2), layer) == 2 * 7 * 10 * 4 * 3 * 5 * (2 + 3)


def test_lines_folded_into_the_batch_count_each():
    images = keras.Input((6, 9, 2))
    model = keras.Model(images, along(images, layers.LSTM(3)))
    assert cost(model).multiply_adds == 6 * (9 * 4 * 3 * (2 + 3))


def test_columns_folded_into_the_batch_count_each():
    images = keras.Input((6, 9, 2))
    model = keras.Model(images, across(images, layers.LSTM(3, return_sequences=True)))
    assert cost(model).multiply_adds == 9 * (6 * 4 * 3 * (2 + 3))


def test_what_has_no_product_is_free():
    free = [layers.Rescaling(2.0), layers.LayerNormalization(), layers.MaxPooling2D()]
    assert count((4, 4, 2), *free, layers.Activation("relu"), layers.Flatten()) == 0


def test_an_unknown_layer_with_weights_is_refused():
    with pytest.raises(ValueError, match="EinsumDense"):
        count((4,), layers.EinsumDense("ab,bc->ac", output_shape=3))


def test_hierarchical_by_hand():
    # 5 rows of 6 pixels, 3 channels: an LSTM of 8 along each row, one of 32 over 5 summaries.
    images = keras.Input((5, 6, 3))
    features = STRATEGIES["hierarchical"].build(images, keras_tuner.HyperParameters())
    lines, summaries = 5 * (6 * 4 * 8 * (3 + 8)), 5 * 4 * 32 * (8 + 32)
    biases = 4 * 8 + 4 * 32
    assert cost(keras.Model(images, features)) == Cost(
        parameters=4 * 8 * (3 + 8) + 4 * 32 * (8 + 32) + biases,
        multiply_adds=lines + summaries,
        timesteps=5,
        features=8,
    )


def test_a_control_has_no_sequence():
    images = keras.Input((8, 8, 1))
    features = STRATEGIES["cnn_control"].build(images, keras_tuner.HyperParameters())
    found = cost(keras.Model(images, features))
    assert (found.timesteps, found.features) == (None, None)
    assert found.multiply_adds == (8 * 8) * (3 * 3 * 1 * 8)


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_layer_of_every_strategy_is_counted(name):
    images = keras.Input((28, 28, 1))
    features = STRATEGIES[name].build(images, keras_tuner.HyperParameters())
    assert cost(keras.Model(images, features)).multiply_adds > 0
