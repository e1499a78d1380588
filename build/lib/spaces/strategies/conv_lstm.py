"""`conv_lstm`: a convolutional LSTM reads the image line by line.

The sequence is (lines, pixels · channels). Its state is a line too, and a convolution along the
line takes the place of the matrix product, so neighbours stay neighbours.
"""

from __future__ import annotations

import functools
import math
from typing import Any

from keras import layers

from spaces.blocks import lines_as_sequence, lines_first, patches, recurrent_stack
from spaces.strategy import Strategy


def build(images: Any, hp: Any) -> Any:
    """Lines of pixels, or of patches with all their numbers, as in the paper (`patch`)."""
    _, height, width, channels = images.shape
    sizes = [size for size in (1, 2, 4) if math.ceil(min(height, width) / size) >= 4]
    axis = hp.Choice("axis", ["rows", "columns"])
    size = hp.Choice("patch", sizes or [1], ordered=True)
    kernel = hp.Choice("kernel", [3, 5], ordered=True)

    x = lines_first(images, axis)
    if size > 1:
        x = patches(x, size, size * size * channels)
    x = lines_as_sequence(x)
    cell = functools.partial(layers.ConvLSTM1D, kernel_size=kernel, padding="same")
    x = recurrent_stack(x, hp, units=(8, 16, 32), kind=cell)
    return layers.Flatten(name="features")(x)


STRATEGY = Strategy(
    name="conv_lstm",
    summary="a convolutional LSTM that reads the image line by line",
    reference="Shi et al. 2015, ConvLSTM (arXiv:1506.04214)",
    build=build,
)
