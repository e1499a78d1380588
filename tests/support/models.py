"""Small images and models of every strategy, and how they are compared and trained."""

from __future__ import annotations

import functools

import keras
import keras_tuner
import numpy as np

from spaces import STRATEGIES, SequenceHyperModel

SHAPE, CLASSES = (6, 6, 1), 3
ALL = list(STRATEGIES)

# So that a model has as many parts as it can.
FULL = {"lstm_layers": 2, "direction": "both", "readout": "first_last"}

# So that everything random in a training is there.
CONFIGURATION = {
    "dropout": 0.3,
    "augmentation": "shift_flip",
    "label_smoothing": 0.1,
    "schedule": "cosine",
    "direction": "both",
}


@functools.cache
def images(count=60, shape=SHAPE):
    """Random images, brighter with their label, so that there is something to learn."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, CLASSES, count)
    return (rng.integers(0, 86, (count, *shape)) + 85 * labels[:, None, None, None]).astype(
        "uint8"
    ), labels


def with_values(**values):
    """Returns hyperparameters with these values; all others are at their default."""
    hp = keras_tuner.HyperParameters()
    hp.values.update(values)
    return hp


def arrays(variables):
    """Returns Keras variables or tensors as arrays."""
    return [keras.ops.convert_to_numpy(variable) for variable in variables]


def equal(some, others):
    """Whether two lists of arrays are equal bit for bit."""
    return len(some) == len(others) and all(map(np.array_equal, some, others))


def accuracy(model, x, y):
    """Returns the share of images that a model classifies correctly."""
    logits = keras.ops.convert_to_numpy(model(x.astype("float32")))
    return np.mean(logits.argmax(axis=1) == y)


def hypermodel_of(strategies, shape):
    """Returns the hypermodel with all that it may offer."""
    return SequenceHyperModel(shape, CLASSES, strategies, mirror=True, decay_steps=36)


def train(strategy, pieces, directory):
    """Trains in pieces, each from the `.keras` file of the one before, as in another process.

    Returns:
        all weights and all variables of the optimizer.
    """
    x, y = images(44, (8, 8, 1))
    hypermodel = SequenceHyperModel(
        (8, 8, 1), CLASSES, [strategy], mirror=True, decay_steps=27, seed=7
    )
    hp = with_values(**CONFIGURATION)
    file, begin = directory / "model.keras", 0
    for end in pieces:
        model = keras.models.load_model(file) if begin else hypermodel.build(hp)
        # Another process knows nothing of this one's generators.
        keras.utils.set_random_seed(1000 + begin)
        hypermodel.fit(hp, model, x, y, initial_epoch=begin, epochs=end, batch_size=16)
        model.save(file)
        begin = end
    return arrays(model.weights), arrays(model.optimizer.variables)
