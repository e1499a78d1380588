"""A design: the values of one model and what they are for, as JSON types; and its model.

docs/library.md lists the keys. Here these are read:

    scanline_design  the version of the format: 1
    strategy         a name from `STRATEGIES`
    image_shape      [height, width, channels]
    classes          how many
    values           hyperparameter to value; one that is missing takes its default
    training         decay_steps (of the learning rate), mirror, seed; any may be missing
"""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from typing import Any

import keras
import keras_tuner

from spaces.hypermodel import SequenceHyperModel
from spaces.strategies import STRATEGIES
from spaces.values import Values, complete, unknown

FORMAT = 1


def build_design(design: Mapping[str, Any]) -> keras.Model:
    """Returns a design's model, compiled as the search compiled it, untrained.

    As every build of the search it seeds Keras, with the design's seed.

    Args:
        design: a `.json` that a search exported, read with `json.loads`. To use it for other
            images, replace `image_shape` or `classes`.

    Raises:
        ValueError: something in the design is wrong; one line that says what is allowed.
    """
    hp = keras_tuner.HyperParameters()
    hp.values = design_values(design)
    return _hypermodel(design).build(hp)


def design_values(design: Mapping[str, Any]) -> Values:
    """Returns the value of every hyperparameter of a design.

    Raises:
        ValueError: something in the design is wrong; one line that says what is allowed.
    """
    if not isinstance(design, Mapping) or "scanline_design" not in design:
        raise ValueError("it is no design: the key scanline_design is missing")
    if design["scanline_design"] != FORMAT:
        version = reprlib.repr(design["scanline_design"])
        raise ValueError(f"it is a design of format {version}: this version reads {FORMAT}")
    strategy = design.get("strategy")
    if not isinstance(strategy, str) or strategy not in STRATEGIES:
        raise ValueError(unknown("strategy", strategy, STRATEGIES))
    shape = design.get("image_shape")
    if not (isinstance(shape, list | tuple) and len(shape) == 3 and all(map(_counts, shape))):
        raise ValueError(
            f"image_shape cannot be {reprlib.repr(shape)}: it is [height, width, channels]"
        )
    if not _counts(design.get("classes")):
        classes = reprlib.repr(design.get("classes"))
        raise ValueError(f"classes cannot be {classes}: it is a whole number from 1 up")
    values = design.get("values")
    if not isinstance(values, Mapping):
        raise ValueError(f"values cannot be {reprlib.repr(values)}: it maps names to values")
    _training(design)
    space = keras_tuner.HyperParameters()
    _hypermodel(design, steps=1).build(space)
    return complete(space, values)


def _training(design: Mapping[str, Any]) -> tuple[int | None, bool, int]:
    """Returns steps over which the learning rate decays, whether images are mirrored, the seed."""
    training = design.get("training", {})
    if not isinstance(training, Mapping):
        raise ValueError(f"training cannot be {reprlib.repr(training)}: it maps names to values")
    steps, seed = training.get("decay_steps"), training.get("seed", 0)
    if steps is not None and not _counts(steps):
        raise ValueError(
            f"decay_steps cannot be {reprlib.repr(steps)}: it is a whole number from 1 up"
        )
    if seed != 0 and not _counts(seed):
        raise ValueError(f"seed cannot be {reprlib.repr(seed)}: it is a whole number from 0 up")
    return steps, bool(training.get("mirror", True)), int(seed)


def _hypermodel(design: Mapping[str, Any], steps: int | None = None) -> SequenceHyperModel:
    """Returns what builds a design; without `steps` the learning rate decays over its own."""
    own, mirror, seed = _training(design)
    return SequenceHyperModel(
        tuple(design["image_shape"]),
        design["classes"],
        [design["strategy"]],
        mirror=mirror,
        decay_steps=steps or own,
        seed=seed,
    )


def _counts(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value < 2**31
