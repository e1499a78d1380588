"""`lines`: each row, or each column, is a timestep, as it is."""

from __future__ import annotations

from typing import Any

from spaces.blocks import lines_first, recurrent_stack, sequence
from spaces.strategy import Strategy


def build(images: Any, hp: Any) -> Any:
    """Rows give (height, width · channels), columns (width, height · channels).

    A 28×28×3 image is 28 timesteps of 84 features, not of 784: a line keeps its own pixels only.
    """
    axis = hp.Choice("axis", ["rows", "columns"])
    image = lines_first(images, axis)
    _, lines, pixels, channels = image.shape
    steps = sequence(image, lines, pixels * channels)
    return recurrent_stack(steps, hp)


STRATEGY = Strategy(
    name="lines",
    summary="each row or column of pixels is a timestep",
    reference="Le, Jaitly and Hinton 2015 (arXiv:1504.00941) and every tutorial on MNIST",
    build=build,
)
