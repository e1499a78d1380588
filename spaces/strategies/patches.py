"""`patches`: square patches, embedded linearly, in a scan order.

The sequence is (patches, embedding): a patch a timestep.
"""

from __future__ import annotations

import math
from typing import Any

from spaces import blocks, scans
from spaces.strategy import Strategy


def build(images: Any, hp: Any) -> Any:
    """A patch of p×p pixels is a timestep; the scan says which comes next.

        (batch, H, W, C)
        → patches          (batch, H', W', embedding), H' = ⌈H / p⌉, W' = ⌈W / p⌉
        → sequence         (batch, H'·W', embedding), in the scan's order
        → LSTM, readout    (batch, outputs)

    Sides that p does not divide are padded.
    """
    height, width = images.shape[1:3]
    sizes = blocks.patch_sizes(height, width)
    grids = [(math.ceil(height / size), math.ceil(width / size)) for size in sizes]
    size = hp.Choice("patch", sizes, ordered=True)
    features = hp.Choice("embedding", [16, 32, 64], ordered=True)
    order = hp.Choice("scan", scans.distinct(grids))
    embedded = blocks.patches(images, size, features)
    steps = blocks.scanned(embedded, order)
    return blocks.recurrent_stack(steps, hp)


STRATEGY = Strategy(
    name="patches",
    summary="square patches, embedded linearly, in a scan order",
    reference="Alkin et al. 2024, Vision-LSTM (arXiv:2406.04303)",
    build=build,
)
