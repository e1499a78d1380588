"""`conv_sweeps`: convolutions, and between them LSTMs that read rows and columns at once.

The sequence is what the last vertical LSTM reads: a timestep is a row of the feature map, with
all its features (each column is read for itself). The horizontal one reads the same map turned.
"""

from __future__ import annotations

from typing import Any

from keras import layers

from spaces.blocks import (
    across,
    along,
    convolution_block,
    depths,
    dropout_choice,
    lines_as_sequence,
    lstm,
    pooling_choice,
)
from spaces.strategy import Strategy

# Below this many positions of the feature map, sweeping it is cheap enough.
MOST_POSITIONS = 256


def build(images: Any, hp: Any) -> Any:
    """Stem of convolutions, then blocks of sweeps and convolutions in turn, then the mean.

    It has no axis: it reads along both at once, with weights of their own, so turning the image
    would change nothing but the weights' names.
    """
    height, width = images.shape[1:3]
    allowed = depths(height, width, MOST_POSITIONS)
    depth = hp.Choice("depth", allowed, ordered=True)
    first = hp.Choice("filters", [16, 32], ordered=True)
    units = hp.Choice("lstm_units", [16, 32, 64], ordered=True)
    pooling = pooling_choice(images, hp)
    rate = dropout_choice(hp)

    x = images
    for block in range(depth):
        x = convolution_block(x, first * 2**block, pooling, block)
        if block >= allowed[0] - 1:  # the blocks before are the stem
            x = sweep_block(x, units, block, final=block == depth - 1)
    x = layers.LayerNormalization(name="normalization")(x)
    features = layers.GlobalAveragePooling2D(name="readout")(x)
    return layers.Dropout(rate, name="dropout")(features)


def sweep_block(x: Any, units: int, block: int, *, final: bool) -> Any:
    """Sequencer's block: x + sweeps(x), then x + MLP(x), on (batch, height, width, channels)."""
    channels = x.shape[-1]
    y = layers.LayerNormalization(name=f"sweeps_normalization_{block}")(x)
    if final:
        y = lines_as_sequence(y)
    vertical = across(y, lstm(units, "both", whole=True, name=f"vertical_{block}"))
    horizontal = along(y, lstm(units, "both", whole=True, name=f"horizontal_{block}"))
    y = layers.Concatenate(name=f"sweeps_{block}")([vertical, horizontal])
    y = layers.Dense(channels, name=f"merge_{block}")(y)
    x = layers.Add(name=f"sweeps_residual_{block}")([x, y])

    y = layers.LayerNormalization(name=f"mlp_normalization_{block}")(x)
    y = layers.Dense(3 * channels, activation="gelu", name=f"mlp_wide_{block}")(y)
    y = layers.Dense(channels, name=f"mlp_narrow_{block}")(y)
    return layers.Add(name=f"mlp_residual_{block}")([x, y])


STRATEGY = Strategy(
    name="conv_sweeps",
    summary="convolutions in turn with vertical and horizontal LSTMs over the feature map",
    reference="Xie et al. 2016, L-RNN; Tatsunami and Taki 2022, Sequencer (arXiv:2205.01972)",
    build=build,
)
