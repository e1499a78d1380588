"""What a model predicts, and how far that is from what is so."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops
from scipy import special

from spaces.training.program import Program, program_of
from spaces.training.state import flat, on_device, pixels_of

# Images a call where nothing is learned: as many as memory always holds, for speed.
PREDICTION_BATCH = 256


def predict(model: keras.Model, images: Any) -> np.ndarray:
    """Returns the logits (n, classes) of images (n, height, width, channels)."""
    prediction = Prediction.by(model, images)
    return np.concatenate([prediction.batch(number) for number in range(len(prediction))])


class Prediction:
    """The logits of images, a batch at a time.

    Args:
        program: of the model's architecture.
        weights: the trainable variables, one after the other, float32 (weights,).
        others: the variables that are not trained.
        images: (n, height, width, channels), on the device.
    """

    def __init__(self, program: Program, weights: Any, others: list[Any], images: Any):
        self.program, self.weights, self.others, self.images = program, weights, others, images

    @classmethod
    def by(cls, model: keras.Model, images: Any) -> Prediction:
        """Returns a model's prediction of images, an array or a tensor that is on the device."""
        images = on_device(images)
        others = [*map(on_device, model.non_trainable_variables)]
        program = program_of(model, pixels_of(images))
        return cls(program, flat(model.trainable_variables), others, images)

    def __len__(self) -> int:
        """How many batches there are."""
        return -(-len(self.images) // PREDICTION_BATCH)

    def batch(self, number: int) -> np.ndarray:
        """Returns the logits of a batch of images, (batch, classes)."""
        # The last batch is as large as the others, which JAX has compiled; some images come twice.
        first = number * PREDICTION_BATCH
        start = max(0, min(first, len(self.images) - PREDICTION_BATCH))
        images = self.images[start : start + PREDICTION_BATCH]
        logits = self.program.predict(self.weights, self.others, images)
        return ops.convert_to_numpy(logits)[first - start :]


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Returns each image's loss (n,): the log of the sum of exponentials less the class's logit.

    >>> cross_entropy(np.zeros((1, 4)), np.array([2])).round(4).tolist()
    [1.3863]

    Args:
        logits: (n, classes).
        labels: integers (n,).
    """
    logits = logits.astype("float64")
    return special.logsumexp(logits, axis=1) - logits[np.arange(len(labels)), labels]
