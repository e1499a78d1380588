"""`pixels`: one pixel a timestep, in a scan order.

The sequence is (pixels, channels), at most 1,024 pixels.
"""

from __future__ import annotations

import math
from typing import Any

from keras import layers

from spaces import blocks, scans
from spaces.strategy import Strategy


def stride(height: int, width: int) -> int:
    """The smallest stride that leaves at most `MAX_TIMESTEPS` positions."""
    size = 1
    while math.ceil(height / size) * math.ceil(width / size) > blocks.MAX_TIMESTEPS:
        size += 1
    return size


def build(images: Any, hp: Any) -> Any:
    """(H·W, C): the classic test of an LSTM's memory, and slow: every pixel waits for the last.

    A larger image is averaged down, so that every pixel still counts.
    """
    height, width = images.shape[1:3]
    size = stride(height, width)
    if size > 1:
        images = layers.AveragePooling2D(size, padding="same", name="pooling")(images)
    order = hp.Choice("scan", scans.distinct([images.shape[1:3]]))
    steps = blocks.scanned(images, order)
    return blocks.recurrent_stack(steps, hp, units=(16, 32))


STRATEGY = Strategy(
    name="pixels",
    summary="one pixel a timestep, in a scan order (slow; a test of memory)",
    reference="Le, Jaitly and Hinton 2015 (arXiv:1504.00941): sequential MNIST",
    build=build,
)
