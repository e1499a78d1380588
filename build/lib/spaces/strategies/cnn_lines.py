"""`cnn_lines`: a CNN first; the feature map's rows, columns or positions are the timesteps."""

from __future__ import annotations

from typing import Any

from spaces.blocks import (
    MAX_TIMESTEPS,
    convolution_stack,
    depths,
    lines_first,
    pooled_positions,
    recurrent_stack,
    sequence,
)
from spaces.strategy import Strategy


def build(images: Any, hp: Any) -> Any:
    """Convolutions, then (H', W'·C') for rows, (W', H'·C') for columns, (H'·W', C') for positions.

    The feature map is four-dimensional until the reshape: flattening it first, as is often shown,
    loses the rows (see `cnn_flat`).
    """
    height, width = images.shape[1:3]
    allowed = depths(height, width)
    axes = ["rows", "columns"]
    # On an image one pixel wide the positions are the rows.
    if min(height, width) > 1 and pooled_positions(height, width, allowed[0]) <= MAX_TIMESTEPS:
        axes.append("positions")
    axis = hp.Choice("axis", axes)
    depth = hp.Choice("depth", allowed, ordered=True)
    first = hp.Choice("filters", [8, 16, 32], ordered=True)
    filters = [first * 2**block for block in range(depth)]
    feature_map = convolution_stack(lines_first(images, axis), hp, filters)
    _, lines, across, channels = feature_map.shape
    if axis == "positions":
        steps = sequence(feature_map, lines * across, channels)
    else:
        steps = sequence(feature_map, lines, across * channels)
    return recurrent_stack(steps, hp)


STRATEGY = Strategy(
    name="cnn_lines",
    summary="a CNN, then the feature map's rows, columns or positions are the timesteps",
    reference="Shi, Bai and Yao 2015, CRNN (arXiv:1507.05717)",
    build=build,
)
