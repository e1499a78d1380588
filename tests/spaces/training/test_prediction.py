"""What a model predicts is what Keras says, however many images there are."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from spaces.training import prediction
from spaces.training.prediction import Prediction, cross_entropy, predict
from spaces.training.state import on_device
from tests.support.models import CLASSES, SHAPE, dense, hypermodel_of, images, with_values

COUNTS = [1, 255, 256, 257, 600]


@pytest.fixture(scope="module")
def stock():
    """A model, and its predictions by Keras."""
    model = hypermodel_of(["lines"], SHAPE).build(with_values(dropout=0.5))
    return model, model.predict(images(600)[0], batch_size=200, verbose=0)


@pytest.mark.parametrize("count", COUNTS)
def test_logits_are_those_of_keras(count, stock):
    model, expected = stock
    found = predict(model, images(600)[0][:count])
    assert (found.shape, found.dtype) == ((count, CLASSES), np.float32)
    np.testing.assert_allclose(found, expected[:count], rtol=1e-5, atol=1e-6)


def test_every_image_is_in_one_batch_and_in_order(stock):
    model, expected = stock
    batches = Prediction.by(model, images(600)[0])
    assert [len(batches.batch(number)) for number in range(len(batches))] == [256, 256, 88]
    np.testing.assert_allclose(batches.batch(2), expected[512:], rtol=1e-5, atol=1e-6)


def test_images_on_the_device_and_of_floats_give_the_same(stock):
    model, x = stock[0], images(600)[0][:9]
    assert np.array_equal(predict(model, on_device(x)), predict(model, x))
    np.testing.assert_allclose(predict(model, x.astype("float32")), predict(model, x), rtol=1e-6)


def test_variables_that_are_not_trained_count():
    model = dense(normalized=True)
    for variable in model.non_trainable_variables:
        if variable.dtype == "float32":
            variable.assign(np.linspace(0.5, 2, 4))
    x = images()[0]
    expected = keras.ops.convert_to_numpy(model(x, training=False))
    np.testing.assert_allclose(predict(model, x), expected, rtol=1e-5, atol=1e-6)


def test_what_changed_since_is_seen(stock, monkeypatch):
    model, x = dense(), images()[0]
    before = predict(model, x)
    model.trainable_variables[0].assign(model.trainable_variables[0] * 2)
    assert not np.array_equal(predict(model, x), before)
    assert prediction.PREDICTION_BATCH == 256


def test_cross_entropy_is_keras_s():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 20, (50, 7)).astype("float32")
    labels = rng.integers(0, 7, 50)
    expected = keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
    np.testing.assert_allclose(cross_entropy(logits, labels), expected, rtol=1e-5, atol=1e-6)


def test_cross_entropy_of_what_no_exponential_holds():
    assert cross_entropy(np.array([[1e4, 0.0]], "float32"), np.array([1])) == pytest.approx(1e4)
    assert np.isnan(cross_entropy(np.array([[np.nan, 0.0]]), np.array([1]))).all()
