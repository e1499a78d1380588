"""How a built model is trained: a model, arrays, a seed, epochs and callbacks in; a history out.

It knows no hyperparameters, no strategy and no tuner. Whoever trains goes through `fit`: trials,
finals, and stock tuners by way of the hypermodel.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from spaces.runtime_patches import step_without_a_trace
from spaces.training.batches import EpochBatches, targets
from spaces.training.randomness import EpochRandomness

# Images a step where nothing is learned: as many as memory always holds, for speed.
VALIDATION_BATCH = 256


def fit(
    model: keras.Model,
    x: np.ndarray,
    y: np.ndarray,
    *,
    seed: int,
    epochs: int,
    initial_epoch: int = 0,
    batch_size: int = 64,
    augmentation: str = "none",
    label_smoothing: float = 0.0,
    validation_data: tuple[np.ndarray, np.ndarray] | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    verbose: Any = 0,
    **options: Any,
) -> keras.callbacks.History:
    """Trains a compiled model; every epoch follows from the seed and the epoch's number.

    So epochs 0 to a and a to b give the weights of 0 to b, bit for bit on one CPU thread, whatever
    process each part ran in.

    Args:
        model: takes images (batch, height, width, channels) to logits (batch, classes); compiled,
            with a loss of one-hot targets. It is trained in place.
        x: images, uint8 (n, height, width, channels).
        y: labels, integers (n,), 0 to classes - 1.
        seed: what the order, the augmentation and the layers' generators follow from.
        epochs: the number of epochs that the model has been trained when it ends.
        initial_epoch: the same when it begins.
        batch_size: images a step; the last step of an epoch may have fewer.
        augmentation: of the training images, one of `AUGMENTATIONS`.
        label_smoothing: the share of a training target that is spread over all classes, 0 to 1.
        validation_data: (images, labels), measured after every epoch, as they are.
        callbacks: as in `keras.Model.fit`; they run after the epoch's randomness is set.
        verbose: as in `keras.Model.fit`.
        **options: passed on to `keras.Model.fit`; `shuffle` is not heeded, every epoch is.

    Returns:
        Keras's history: of each epoch the loss, the accuracy, and `val_` of both.

    Raises:
        ValueError: there is no such augmentation.
    """
    classes = model.output_shape[-1]
    if validation_data is not None:
        images, labels = validation_data
        validation_data = (images, targets(labels, classes))
    batches = EpochBatches(x, targets(y, classes, label_smoothing), batch_size, seed, augmentation)
    # Every epoch is shuffled, from the seed. Keras, whose default is True, would shuffle the
    # batches once more, from Python's global generator, which no checkpoint keeps.
    options["shuffle"] = False
    # Makes the metrics' variables, which a loaded model has not either: made in the first step,
    # they would have TensorFlow trace it twice, a third of a short trial's time.
    nothing = np.zeros((1, classes), "float32")
    model.compute_metrics(None, nothing, nothing)
    model.reset_metrics()
    step_without_a_trace(model.optimizer)
    return model.fit(
        batches,
        validation_data=validation_data,
        validation_batch_size=VALIDATION_BATCH,
        epochs=epochs,
        initial_epoch=initial_epoch,
        callbacks=[EpochRandomness(batches, seed), *callbacks],
        verbose=verbose,
        **options,
    )
