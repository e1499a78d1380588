"""`cnn_flat`: a CNN, flattened, one number a timestep."""

from __future__ import annotations

from typing import Any

from spaces.blocks import (
    MAX_TIMESTEPS,
    convolution_stack,
    depths,
    pooled_positions,
    recurrent_stack,
    sequence,
)
from spaces.strategy import Strategy

# Final filters. More would only make the sequence longer: each filter is a timestep a position.
FILTERS = (4, 8, 16)


def build(images: Any, hp: Any) -> Any:
    """Convolutions, then (H'·W'·C', 1), at most 1,024 timesteps.

    Slow, and taught as "most efficient". What it costs is in the report. A flattened output has
    lost its rows: neighbours in a column stand W'·C' timesteps apart.
    """
    height, width = images.shape[1:3]
    most_positions = MAX_TIMESTEPS // FILTERS[-1]
    allowed = depths(height, width, most_positions)
    if pooled_positions(height, width, allowed[0]) > most_positions:
        raise ValueError(f"a {height}x{width} image gives cnn_flat over {MAX_TIMESTEPS} timesteps")
    depth = hp.Choice("depth", allowed, ordered=True)
    last = hp.Choice("last_filters", list(FILTERS), ordered=True)
    # The blocks before keep all their filters: normalized over one channel, nothing is left.
    filters = [FILTERS[-1]] * (depth - 1) + [last]
    feature_map = convolution_stack(images, hp, filters)
    _, down, across, channels = feature_map.shape
    steps = sequence(feature_map, down * across * channels, 1)
    return recurrent_stack(steps, hp, units=(16, 32, 64))


STRATEGY = Strategy(
    name="cnn_flat",
    summary="a CNN, flattened, one number a timestep (slow; kept because it is taught)",
    reference="tutorials that reshape a flattened CNN to (n, 1)",
    build=build,
)
