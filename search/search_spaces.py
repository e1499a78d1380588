"""What each strategy's search chooses from, for these images; and who the strategies are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import keras_tuner

from search.data.datasets import Dataset
from search.experiment import Experiment, ExperimentError
from spaces import STRATEGIES, SequenceHyperModel


def search_spaces(
    experiment: Experiment, dataset: Dataset
) -> dict[str, keras_tuner.HyperParameters]:
    """Strategy to its search space for these images.

    Raises:
        ExperimentError: a strategy can make no sequence of images of this size.
    """
    spaces: dict[str, keras_tuner.HyperParameters] = {}
    for strategy in experiment.strategies:
        classes = len(dataset.class_names)
        hypermodel = SequenceHyperModel(
            dataset.image_shape, classes, [strategy], mirror=dataset.mirror, decay_steps=1
        )
        try:
            spaces[strategy] = hypermodel.space()
        except ValueError as error:
            height, width, channels = dataset.image_shape
            raise ExperimentError(
                f"{strategy} cannot read images of {height}x{width}x{channels} ({error}): "
                "leave it out with --strategies"
            ) from error
    return spaces


def strategy_rows(names: Iterable[str]) -> list[dict[str, Any]]:
    """Returns rows of the table `strategies`: what is known of those that compete.

    >>> strategy_rows(["cnn_control"])[0]["recurrent"]
    0
    """
    order = list(STRATEGIES)
    return [
        {
            "strategy": name,
            "position": order.index(name),
            "recurrent": int(STRATEGIES[name].recurrent),
            "summary": STRATEGIES[name].summary,
        }
        for name in names
    ]
