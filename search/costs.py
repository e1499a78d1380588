"""What configurations cost, counted without making their weights, each once."""

from __future__ import annotations

import functools
import json

import keras_tuner

from search.data.datasets import Dataset
from spaces import SequenceHyperModel
from spaces.values import Values


def multiply_adds(dataset: Dataset, strategy: str, values: Values) -> int:
    """Returns what a strategy's configuration takes for one image: some 10 ms of counting.

    Raises:
        ValueError: it cannot be built.
    """
    text = json.dumps(values, sort_keys=True)
    return _counted(dataset.image_shape, len(dataset.class_names), strategy, text)


@functools.cache
def _counted(image_shape: tuple[int, int, int], classes: int, strategy: str, values: str) -> int:
    configuration = keras_tuner.HyperParameters()
    configuration.values = json.loads(values)
    hypermodel = SequenceHyperModel(image_shape, classes, [strategy])
    return hypermodel.cost(configuration).multiply_adds
