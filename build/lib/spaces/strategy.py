"""The contract: what a strategy is."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any


@dataclasses.dataclass(frozen=True)
class Strategy:
    """A way of turning an image into a sequence and reading it with recurrent layers.

    Attributes:
        name: the strategy's file, its key in `STRATEGIES` and its value in every table.
        summary: one line for people who choose.
        reference: where it comes from.
        build: (images, hp) -> features. `images` is a Keras tensor (batch, height, width, channels)
            with values around zero, `hp` a `keras_tuner.HyperParameters`; the result is a Keras
            tensor (batch, features). Made of stock Keras layers and `keras.ops` alone, with the
            sequence itself (batch, timesteps, features) as a layer named `"sequence"`. It raises
            ValueError where no sequence can be made of images of this size.
        recurrent: False for a control, which has no recurrence and no sequence.
    """

    name: str
    summary: str
    reference: str
    build: Callable[[Any, Any], Any]
    recurrent: bool = True
