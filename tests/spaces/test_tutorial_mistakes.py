"""The mistakes of the tutorials that this project answers, each shown on Keras itself."""

from __future__ import annotations

import keras
import keras_tuner
import numpy as np
import pytest
from keras import layers

from spaces import SequenceHyperModel


def built(strategy, shape, **values):
    hp = keras_tuner.HyperParameters()
    hp.values.update(values)
    return SequenceHyperModel(shape, 3, [strategy]).build(hp)


def before_reshape(model):
    """What the layer `sequence` is handed: (height, width, channels)."""
    return model.get_layer("sequence").input.shape[1:]


# 1. "28×28×3 gives (28, 784)". A line keeps its own pixels only: 28 · 3 = 84.


@pytest.mark.parametrize("axis", ["rows", "columns"])
def test_28x28x3_is_28_timesteps_of_84_features(axis):
    model = built("lines", (28, 28, 3), axis=axis)
    assert model.get_layer("sequence").output.shape == (None, 28, 84)


def test_a_timestep_is_one_line_of_the_image_pixel_by_pixel():
    image = np.random.default_rng(0).integers(0, 256, (1, 4, 6, 3)).astype("float32")
    for axis, lines in (("rows", image[0]), ("columns", image[0].transpose(1, 0, 2))):
        model = built("lines", (4, 6, 3), axis=axis)
        steps = keras.Model(model.input, model.get_layer("sequence").output)(image)
        assert steps.shape == (1, *lines.shape[:1], lines[0].size)
        expected = [line.reshape(-1) / 127.5 - 1 for line in lines]
        assert np.allclose(keras.ops.convert_to_numpy(steps)[0], expected, atol=1e-6)


def test_28_timesteps_of_784_features_are_refused():
    with pytest.raises(ValueError, match="784"):
        layers.Reshape((28, 784))(keras.Input((28, 28, 3)))
    with pytest.raises(ValueError, match="2352"):
        np.zeros((28, 28, 3)).reshape(28, 784)


# 2. An LSTM wants a batch axis, if there is but one image.


def test_an_lstm_refuses_an_image_without_a_batch_axis():
    image = np.zeros((28, 84), "float32")
    with pytest.raises(ValueError, match="expected ndim=3, found ndim=2"):
        layers.LSTM(8)(image)
    assert layers.LSTM(8)(image[None]).shape == (1, 8)


@pytest.mark.parametrize("strategy", ["lines", "cnn_lines", "cnn_flat", "line_cnn"])
def test_our_models_want_it_too_and_say_so(strategy):
    model = built(strategy, (6, 6, 1))
    image = np.zeros((6, 6, 1), "float32")
    with pytest.raises(ValueError, match="shape"):
        model(image)
    assert model(image[None]).shape == (1, 3)


# 3. A flattened CNN output has lost its rows.


def numbered(shape):
    """A feature map (1, height, width, channels) whose every value is its own number."""
    return np.arange(np.prod(shape), dtype="float32").reshape(1, *shape)


def places(model, feature_map):
    """For every value: in which timestep it stands, and at which feature."""
    steps = np.asarray(model.get_layer("sequence")(feature_map))[0].astype(int)
    timestep, feature = np.empty((2, steps.size), int)
    for t, values in enumerate(steps):
        for f, value in enumerate(values):
            timestep[value], feature[value] = t, f
    shape = feature_map.shape[1:]
    return timestep.reshape(shape), feature.reshape(shape)


def test_cnn_flat_parts_neighbours_in_a_column():
    model = built("cnn_flat", (8, 12, 1), depth=1, last_filters=4)
    height, width, channels = before_reshape(model)
    assert (height, width, channels) == (4, 6, 4)
    timestep, _ = places(model, numbered((height, width, channels)))
    assert (np.diff(timestep, axis=0) == width * channels).all()
    assert (np.diff(timestep, axis=1) == channels).all()
    # What keras.layers.Flatten does, and then one number a timestep.
    flat = np.asarray(layers.Flatten()(numbered((height, width, channels))))[0]
    assert np.array_equal(flat, np.arange(height * width * channels))
    assert np.array_equal(timestep.reshape(-1), flat)


def test_cnn_lines_keeps_a_row_together_and_columns_one_timestep_apart():
    model = built("cnn_lines", (8, 12, 1), axis="rows", depth=1, filters=8)
    height, width, channels = before_reshape(model)
    assert (height, width, channels) == (4, 6, 8)
    timestep, feature = places(model, numbered((height, width, channels)))
    for row in range(height):
        assert (timestep[row] == row).all()
    assert (np.diff(timestep, axis=0) == 1).all()
    assert (np.diff(feature, axis=0) == 0).all()


def test_cnn_lines_as_columns_keeps_a_column_together():
    model = built("cnn_lines", (8, 12, 1), axis="columns", depth=1, filters=8)
    # The image was transposed before the convolutions: here axis 0 is the image's columns.
    columns, rows, channels = before_reshape(model)
    assert (columns, rows, channels) == (6, 4, 8)
    timestep, _ = places(model, numbered((columns, rows, channels)))
    for column in range(columns):
        assert (timestep[column] == column).all()


# 4. TimeDistributed wants each timestep to be what the inner model takes.


def test_a_two_dimensional_convolution_cannot_read_a_line():
    # Of (28, 28, 3) each timestep is (28, 3): a line of pixels, no image.
    rows = keras.Input((28, 28, 3))
    with pytest.raises(ValueError, match=r"input of shape \(None, 28, 3\)"):
        layers.TimeDistributed(layers.Conv2D(4, 3))(rows)
    assert layers.TimeDistributed(layers.Conv1D(4, 3))(rows).shape == (None, 28, 26, 4)
    # Where each timestep is an image, it can.
    frames = keras.Input((5, 28, 28, 3))
    assert layers.TimeDistributed(layers.Conv2D(4, 3))(frames).shape == (None, 5, 26, 26, 4)


POOLING = {"max": layers.MaxPooling1D, "average": layers.AveragePooling1D}


def line_by_line(model, depth, pooling):
    """The one-dimensional CNN of a `line_cnn`, with its weights, as a tutorial would write it."""
    pixels, channels = model.get_layer("convolution_0").input.shape[2:]
    cnn = keras.Sequential([keras.Input((pixels, channels))])
    for block in range(depth):
        ours = model.get_layer(f"convolution_{block}")
        kernel, bias = ours.get_weights()
        strides = 2 if pooling == "stride" else 1
        convolution = layers.Conv1D(ours.filters, 3, strides=strides, padding="same")
        normalization = layers.LayerNormalization()
        pool = [POOLING[pooling](2, padding="same")] if pooling in POOLING else []
        for layer in (convolution, *pool, normalization, layers.Activation("relu")):
            cnn.add(layer)
        assert kernel.shape[0] == 1, "our kernel is one line high"
        convolution.set_weights([kernel[0], bias])
        normalization.set_weights(model.get_layer(f"normalization_{block}").get_weights())
    cnn.add(layers.Flatten())
    return cnn


@pytest.mark.parametrize("axis", ["rows", "columns"])
@pytest.mark.parametrize("pooling", ["max", "average", "stride"])
def test_time_distributed_over_lines_equals_a_kernel_of_height_1(axis, pooling):
    depth = 2
    model = built("line_cnn", (7, 10, 3), axis=axis, pooling=pooling, depth=depth, filters=8)
    rng = np.random.default_rng(1)
    for weight in model.weights:  # biases and gains start at 0 and 1, where a mix-up is not seen
        weight.assign(rng.normal(0, 0.3, weight.shape))
    images = rng.integers(0, 256, (5, 7, 10, 3)).astype("float32")
    ours = keras.Model(model.input, model.get_layer("sequence").output)(images)
    scaled = images / 127.5 - 1
    lines = scaled if axis == "rows" else scaled.transpose(0, 2, 1, 3)
    theirs = layers.TimeDistributed(line_by_line(model, depth, pooling))(lines)
    assert ours.shape == theirs.shape
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert np.abs(theirs).max() > 0.1, "the comparison is not between zeros"
    assert np.allclose(ours, theirs, atol=1e-5)
