"""The sequence that each strategy makes of the same images."""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
import numpy as np

from analysis import formatting
from analysis.report.elements import Reading, Readings, Section, Tile, colours
from analysis.report.findings import Findings

SHOWN = 3  # images
CAPTION = (
    "Left, the image in the colours of its timesteps, dark for the first and light for the last. "
    "Beside it each image as the sequence that the LSTM reads: time runs from left to right, and "
    "a column holds the pixels that one timestep stands for (striped where others have more). "
    "Measured on the untrained model of the best configuration: a pixel counts for the timestep "
    "that it changes most. Where convolutions or sweeps come first, a timestep also sees the "
    "pixels around."
)


def section(found: Findings) -> Section | None:
    """Returns a row a strategy, or nothing where the run keeps no images or no maps of them."""
    images = [row["pixels"] for row in found.images("train")[:SHOWN]]
    kept = found.run.sequences
    maps = dict(zip(kept.strategy, kept.timesteps, strict=True))
    if not images or not maps:
        return None
    rows = []
    for strategy in [name for name in found.standing.index if name in maps]:
        standing: Any = found.standing.loc[strategy]
        timesteps = int(np.nan_to_num(standing.timesteps, nan=maps[strategy].max() + 1))
        steps = formatting.plural(timesteps, "timestep")
        shape = f"{steps}{formatting.TIMES}{standing.features:,.0f} features"
        times = fitted(maps[strategy], images[0].shape[:2])
        pairs = [(Tile(image), Tile(unrolled(image, times))) for image in images]
        places = Tile(painted(times, timesteps))
        rows.append(Reading(found.label(strategy), shape, timesteps, places, pairs))
    title = "What each strategy makes of an image"
    return Section("sequences", title, parts=[Readings("sequences", CAPTION, rows)])


def fitted(times: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Stretches a map of timesteps over an image.

    Args:
        times: integers (rows, columns) of a map that may be coarser than the image.
        shape: the image's height and width.

    Returns:
        Integers (height, width).
    """
    rows, columns = (
        np.arange(side) * of // side for side, of in zip(shape, times.shape, strict=True)
    )
    return times[np.ix_(rows, columns)]


def painted(times: np.ndarray, timesteps: int) -> np.ndarray:
    """Paints a map of timesteps, dark for the first and light for the last.

    Args:
        times: integers (height, width), 0 for the first timestep.
        timesteps: how many there are.

    Returns:
        uint8, (height, width, 4).
    """
    shades = mpl.colormaps["viridis"](times / max(1, timesteps - 1), bytes=True)
    return np.asarray(shades, dtype=np.uint8)


def unrolled(image: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Returns an image's pixels by the timestep that they reach: one column a timestep.

    Args:
        image: uint8, (height, width, channels).
        times: integers (height, width).

    Returns:
        uint8, (most pixels of a timestep, timesteps that have pixels, 4). A column holds its
        timestep's pixels in reading order, and is clear below the last.
    """
    pixels = colours(image).reshape(-1, 4)
    order = np.argsort(times.ravel(), kind="stable")
    _, starts, counts = np.unique(times.ravel()[order], return_index=True, return_counts=True)
    column = np.repeat(np.arange(len(counts)), counts)
    row = np.arange(len(order)) - np.repeat(starts, counts)
    strip = np.zeros((counts.max(), len(counts), 4), np.uint8)
    strip[row, column] = pixels[order]
    return strip
