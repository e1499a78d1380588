"""What a data set is read from: labels at once, images a part at a time, the test split last."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from search.experiment import ExperimentError


@dataclasses.dataclass(frozen=True)
class Source:
    """Images that can be read a part at a time.

    Attributes:
        labels: (N,) of the official training images: whole numbers or text.
        read: indices (n,) of training images -> uint8 (n, H, W, C).
        test_count: how many test images there are.
        read_test: -> uint8 (M, H, W, C) and labels (M,). Nothing reads them before.
    """

    labels: np.ndarray
    read: Callable[[np.ndarray], np.ndarray]
    test_count: int
    read_test: Callable[[], tuple[np.ndarray, np.ndarray]]


def one_line(text: str) -> str:
    """Returns text that prints on one line of any terminal: odd characters become escapes."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text
    )


def bad_data(message: str) -> ExperimentError:
    """Returns the error to raise; names from outside may hold anything."""
    return ExperimentError(one_line(message))


def as_images(where: str, name: str, array: np.ndarray) -> np.ndarray:
    """Returns uint8 (N, H, W, C) of whole numbers (N, H, W) or (N, H, W, C).

    Raises:
        ExperimentError: a number is no uint8.
    """
    if array.dtype != np.uint8:
        low, high = int(array.min()), int(array.max())
        if low < 0 or high > 255:
            raise bad_data(
                f"{name} of {where} has values from {low} to {high}: scale them to 0..255 "
                "and save them with .astype('uint8')"
            )
    images = array.astype(np.uint8, copy=False)
    return images[..., np.newaxis] if images.ndim == 3 else images


def as_labels(array: np.ndarray) -> np.ndarray:
    """Returns labels (N,) as int64 or text of labels (N,) or (N, 1)."""
    flat = array.reshape(-1)
    if flat.dtype.kind == "S":
        return np.array([label.decode("utf-8", "replace") for label in flat.tolist()], dtype=str)
    return flat if flat.dtype.kind == "U" else flat.astype(np.int64)
