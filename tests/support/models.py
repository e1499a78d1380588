"""Small images and models of every strategy, and how they are compared and trained."""

from __future__ import annotations

import functools

import keras
import keras_tuner
import numpy as np
from keras import layers

from spaces import STRATEGIES, SequenceHyperModel
from spaces.runtime_patches import initial_weights_from
from spaces.training import randomness

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


def dense(units=4, seed=0, rate=0.0, normalized=False, **options):
    """A model that is compiled in a blink: one hidden layer, dropout, and batch normalization.

    Args:
        units: of the hidden layer.
        seed: of the weights.
        rate: of dropout.
        normalized: whether there is a layer with variables that are not trained.
        options: of AdamW.
    """
    with initial_weights_from(seed):
        given = keras.Input(SHAPE)
        hidden = layers.Flatten()(layers.Rescaling(1 / 127.5, offset=-1.0)(given))
        hidden = layers.Dense(units, activation="tanh")(hidden)
        hidden = layers.BatchNormalization()(hidden) if normalized else hidden
        model = keras.Model(given, layers.Dense(CLASSES)(layers.Dropout(rate)(hidden)))
    options = {"learning_rate": 0.01, "weight_decay": 0.01, "global_clipnorm": 1.0, **options}
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.AdamW(**options), loss, metrics=["accuracy"])
    model.optimizer.build(model.trainable_variables)
    return model


def train_by_keras(model, x, y, seed, batch_size, smoothing=0.0, epochs=1, class_weight=None):
    """Trains with `train_on_batch` alone, in the order of the loop."""
    targets = np.eye(CLASSES, dtype="float32")[y] * (1 - smoothing) + smoothing / CLASSES
    # Tracing takes longer than these few steps; JAX's do not end without being compiled.
    model.run_eagerly = keras.backend.backend() == "tensorflow"
    for epoch in range(epochs):
        order = randomness.order(seed, epoch, len(x))
        for first in range(0, len(x), batch_size):
            chosen = order[first : first + batch_size]
            model.train_on_batch(x[chosen], targets[chosen], class_weight=class_weight)


def distance(some, others):
    """How far lists of arrays are from others, relative to these."""
    some, others = (np.concatenate([np.ravel(each) for each in every]) for every in (some, others))
    return np.linalg.norm(some - others) / np.linalg.norm(others)
