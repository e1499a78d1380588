"""`line_cnn`: the same one-dimensional CNN on every row or column, then the LSTM across them."""

from __future__ import annotations

from typing import Any

from spaces.blocks import convolution_stack, halvings, lines_first, recurrent_stack, sequence
from spaces.strategy import Strategy


def build(images: Any, hp: Any) -> Any:
    """A kernel of height 1 reads every line alone: (H, W'·C') for rows, (W, H'·C') for columns.

    It is what `TimeDistributed(Conv1D)` computes, whose inner model takes one timestep (a line of
    pixels and channels), without its loop over timesteps.
    """
    axis = hp.Choice("axis", ["rows", "columns"])
    shorter = min(images.shape[1:3])
    depth = hp.Int("depth", 1, min(3, max(1, halvings(shorter))))
    first = hp.Choice("filters", [8, 16, 32], ordered=True)
    filters = [first * 2**block for block in range(depth)]
    feature_map = convolution_stack(lines_first(images, axis), hp, filters, lines=True)
    _, lines, across, channels = feature_map.shape
    steps = sequence(feature_map, lines, across * channels)
    return recurrent_stack(steps, hp)


STRATEGY = Strategy(
    name="line_cnn",
    summary="the same one-dimensional CNN on every row or column, then the LSTM across them",
    reference="what TimeDistributed is taught for; Keras documentation",
    build=build,
)
