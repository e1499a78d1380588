"""`sweeps`: patches, swept in both directions along the lines, then across them; stackable.

The sequence is what the last sweep reads, across the lines of the last layer: a timestep is a
line of patches, with all its features (they run side by side, each place in the line for itself).
"""

from __future__ import annotations

import math
from typing import Any

from keras import layers

from spaces.blocks import (
    across,
    along,
    dropout_choice,
    halvings,
    lines_as_sequence,
    lines_first,
    lstm,
    patch_sizes,
    patches,
)
from spaces.strategy import Strategy


def build(images: Any, hp: Any) -> Any:
    """After a layer's two sweeps, every place has seen the whole image.

    Later layers take 2×2 places as their patches. `axis` is the lines that are swept along first;
    `columns` is ReNet's order.
    """
    height, width = images.shape[1:3]
    sizes = patch_sizes(height, width, least=16, most=256)
    smallest = math.ceil(min(height, width) / sizes[-1])
    axis = hp.Choice("axis", ["rows", "columns"])
    size = hp.Choice("patch", sizes, ordered=True)
    depth = hp.Int("depth", 1, 1 + min(2, halvings(smallest)))
    units = hp.Choice("lstm_units", [16, 32, 64], ordered=True)
    read = hp.Choice("readout", ["mean", "flatten"])
    rate = dropout_choice(hp)

    x = lines_first(images, axis)
    for layer in range(depth):
        x = patches(x, size if layer == 0 else 2, 2 * units, name=f"patches_{layer}")
        x = along(x, lstm(units, "both", return_sequences=True, name=f"along_{layer}"))
        if layer == depth - 1:
            x = lines_as_sequence(x)
        x = across(x, lstm(units, "both", return_sequences=True, name=f"across_{layer}"))
    pool = layers.GlobalAveragePooling2D if read == "mean" else layers.Flatten
    features = pool(name="readout")(x)
    return layers.Dropout(rate, name="dropout")(features)


STRATEGY = Strategy(
    name="sweeps",
    summary="patches, swept both ways along the lines, then both ways across them; stackable",
    reference="Visin et al. 2015, ReNet (arXiv:1505.00393)",
    build=build,
)
