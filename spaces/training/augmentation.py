"""How training images are varied: moved by a few pixels, mirrored; scaled by nobody.

What happens to each image is drawn for a whole epoch at once (`draw`); the images are varied a
batch at a time, on the device (`apply`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

AUGMENTATIONS = ("none", "shift", "shift_flip")


def draw(kind: str, shape: tuple[int, int], images: int, rng: np.random.Generator) -> np.ndarray:
    """Draws how each image of an epoch is varied.

    An image moves by up to an eighth of each side (at least a pixel), and for `shift_flip` it is
    mirrored, left to right, with probability one half. A side of one pixel stays where it is:
    moved, nothing of the image would be left.

    Args:
        kind: one of `AUGMENTATIONS`.
        shape: (height, width) of the images, in pixels.
        images: how many.
        rng: the only source of chance.

    Returns:
        int32 (images, 3): pixels up, pixels to the left, and 1 where it is mirrored.

    Raises:
        ValueError: there is no such augmentation.
    """
    if kind not in AUGMENTATIONS:
        raise ValueError(f"no augmentation {kind!r}: choose from {', '.join(AUGMENTATIONS)}")
    drawn = np.zeros((images, 3), "int32")
    if kind != "none":
        for axis, side in enumerate(shape):
            most = min(side - 1, max(1, side // 8))
            drawn[:, axis] = rng.integers(-most, most, images, endpoint=True)
    if kind == "shift_flip":
        drawn[:, 2] = rng.random(images) < 0.5
    return drawn


def apply(images: Any, drawn: Any) -> Any:
    """Varies images as drawn; what an image leaves behind is zero.

    As a function rather than as layers: Keras's layers for it switch off compilation under JAX,
    and a design should open as a plain model.

    Args:
        images: (batch, height, width, channels).
        drawn: (batch, 3), rows of what `draw` returns.

    Returns:
        As many images of the same shape and type.
    """
    _, height, width, channels = images.shape
    up, left, mirrored = (drawn[:, column, None] for column in range(3))
    rows = ops.arange(height, dtype="int32") + up
    columns = ops.arange(width, dtype="int32")
    columns = ops.where(mirrored > 0, width - 1 - columns, columns) + left
    # Where each pixel comes from, as its place in the batch: one gather for all of it.
    first = ops.arange(ops.shape(images)[0], dtype="int32")[:, None, None] * (height * width)
    row = ops.clip(rows, 0, height - 1)[:, :, None]
    column = ops.clip(columns, 0, width - 1)[:, None, :]
    pixels = ops.take(ops.reshape(images, (-1, channels)), first + row * width + column, axis=0)
    inside = ((rows >= 0) & (rows < height))[:, :, None] & ((columns >= 0) & (columns < width))[
        :, None, :
    ]
    return ops.where(inside[..., None], pixels, ops.zeros_like(pixels))
