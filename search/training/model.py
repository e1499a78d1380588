"""A training's model: built, taken up again, trained, saved and asked."""

from __future__ import annotations

import tempfile
from collections.abc import MutableMapping, Sequence
from pathlib import Path
from typing import NamedTuple

import keras
import keras_tuner
import numpy as np

from search.data.datasets import Images
from search.metric import ACCURACY, METRICS, probabilities
from search.training.spec import TrialSpec
from spaces import SequenceHyperModel
from spaces.training.loop import steps_of_epoch


class CachedModel(NamedTuple):
    """A compiled model that a worker still holds, and the epochs that it has been trained."""

    epoch: int
    model: keras.Model


def prepare(
    spec: TrialSpec,
    train: Images,
    content: bytes | None,
    cached: MutableMapping[str, CachedModel],
) -> tuple[keras.Model, bool]:
    """Returns a training's model where its first epoch begins, from wherever that is quickest.

    Args:
        spec: what to train.
        train: images to learn from: (n, height, width, channels).
        content: the model after `first_epoch` epochs, as the bytes of a `.keras` file; None for a
            training from scratch, and where it was lost.
        cached: the models that this process holds, by name; the one that is used is taken out.

    Returns:
        The model, and whether it has to be trained from epoch 0.

    Raises:
        ValueError: the configuration cannot be built, or the bytes are no model.
    """
    going_on = cached.pop(spec.continues, None) if spec.continues else None
    if going_on is not None and going_on.epoch == spec.first_epoch:
        return going_on.model, False
    if content is not None:
        return from_bytes(content), False
    hypermodel, values = hypermodel_of(spec, train)
    return hypermodel.build(values), True


def hypermodel_of(
    spec: TrialSpec, train: Images
) -> tuple[SequenceHyperModel, keras_tuner.HyperParameters]:
    """What builds and trains a trial's model, and the configuration for it."""
    hypermodel = SequenceHyperModel(
        train.x.shape[1:],
        spec.classes,
        [spec.strategy],
        mirror=spec.mirror,
        decay_steps=spec.max_epochs
        * steps_of_epoch(len(train.x), spec.batch_size, spec.steps_per_epoch),
        seed=spec.seed,
    )
    values = keras_tuner.HyperParameters()
    values.values = dict(spec.hyperparameters)
    return hypermodel, values


def fit(
    spec: TrialSpec,
    model: keras.Model,
    train: Images,
    validation: Images | None,
    callbacks: Sequence[keras.callbacks.Callback],
    fresh: bool,
) -> None:
    """Trains a prepared model to the end of the trial's rung."""
    hypermodel, values = hypermodel_of(spec, train)
    metric = METRICS[spec.metric]
    balanced = spec.class_weight == "balanced"
    hypermodel.fit(
        values,
        model,
        train.x,
        train.y,
        initial_epoch=0 if fresh else spec.first_epoch,
        epochs=spec.last_epoch,
        batch_size=spec.batch_size,
        steps_per_epoch=spec.steps_per_epoch,
        class_weight=balanced_weights(train.y) if balanced else None,
        validation_data=(validation.x, validation.y) if validation else None,
        validation_measures=None
        if metric is ACCURACY  # which is measured anyway
        else {"score": lambda logits, labels: metric.measure(probabilities(logits), labels)},
        callbacks=callbacks,
    )


def balanced_weights(labels: np.ndarray) -> dict[int, float]:
    """Returns how much an image of each class counts, so that all classes count alike.

    As scikit-learn's `balanced` (King and Zeng, Political Analysis 9, 2001): the number of images
    by that of the classes and of the class's images, so that images count 1 on average.

    Args:
        labels: classes, integers (n,).

    >>> balanced_weights(np.array([0, 0, 0, 2]))
    {0: 0.6666666666666666, 2: 2.0}
    """
    classes, counts = np.unique(labels, return_counts=True)
    weights = len(labels) / (len(classes) * counts)
    return dict(zip(classes.tolist(), weights.tolist(), strict=True))


def to_bytes(model: keras.Model) -> bytes:
    """A model and its optimizer as the bytes of a `.keras` file."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "model.keras"
        model.save(file)
        return file.read_bytes()


def from_bytes(content: bytes) -> keras.Model:
    """The model that `to_bytes` took."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "model.keras"
        file.write_bytes(content)
        return keras.models.load_model(file, safe_mode=True)
