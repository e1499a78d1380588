"""What a configuration costs, counted without building it."""

import keras_tuner
import numpy as np
import pytest

from search.costs import multiply_adds
from search.data.datasets import Dataset, Images
from spaces import SequenceHyperModel
from spaces.cost import cost


@pytest.mark.parametrize("strategy", ["lines", "conv_sweeps", "cnn_control"])
def test_it_is_what_the_built_model_says(strategy):
    images = Images(np.zeros((6, 8, 8, 1), "uint8"), np.arange(6, dtype="int32") % 3)
    names = ("a", "b", "c")
    dataset = Dataset("noise", images, images, names, False, False, 6, lambda: images)
    hypermodel = SequenceHyperModel((8, 8, 1), 3, [strategy])
    drawn = {each.name: each.random_sample(3) for each in hypermodel.space().space}
    configuration = keras_tuner.HyperParameters()
    configuration.values = dict(drawn)
    built = cost(hypermodel.build(configuration)).multiply_adds
    assert multiply_adds(dataset, strategy, drawn) == built
    assert multiply_adds(dataset, strategy, dict(reversed(drawn.items()))) == built
