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

import dataclasses
import reprlib
from collections.abc import Mapping
from typing import Annotated, Any

import keras
import keras_tuner
import msgspec

from spaces.hypermodel import SequenceHyperModel
from spaces.strategies import STRATEGIES
from spaces.values import Values, complete, unknown

FORMAT = 1

_Count = Annotated[int, msgspec.Meta(ge=1, lt=2**31)]
_Number = Annotated[int, msgspec.Meta(ge=0, lt=2**31)]


@dataclasses.dataclass(frozen=True)
class _Training:
    decay_steps: _Count | None = None
    mirror: bool = True
    seed: _Number = 0


@dataclasses.dataclass(frozen=True)
class _Design:
    strategy: str
    image_shape: tuple[_Count, _Count, _Count]
    classes: _Count
    values: dict[str, Any]
    training: _Training = _Training()


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
    return _hypermodel(_checked(design)).build(hp)


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
    found = _checked(design)
    return complete(_hypermodel(found, steps=1).space(), found.values)


def _checked(design: Mapping[str, Any]) -> _Design:
    """Returns what is read of a design, by its types."""
    try:
        found = msgspec.convert(dict(design), _Design)
    except msgspec.ValidationError as error:
        reason, _, place = str(error).replace("`", "").partition(" - at $.")
        raise ValueError(f"{reason[:1].lower()}{reason[1:]}, at {place or 'its top'}") from error
    if found.strategy not in STRATEGIES:
        raise ValueError(unknown("strategy", found.strategy, STRATEGIES))
    return found


def _hypermodel(found: _Design, steps: int | None = None) -> SequenceHyperModel:
    """Returns what builds a design; without `steps` the learning rate decays over its own."""
    return SequenceHyperModel(
        found.image_shape,
        found.classes,
        [found.strategy],
        mirror=found.training.mirror,
        decay_steps=steps or found.training.decay_steps,
        seed=found.training.seed,
    )
