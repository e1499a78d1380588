"""`cnn_control`: the CNN and global pooling alone. The control: it has no recurrence."""

from __future__ import annotations

from typing import Any

from keras import layers

from spaces.blocks import convolution_stack, depths, dropout_choice
from spaces.strategy import Strategy


def build(images: Any, hp: Any) -> Any:
    """The convolutions of `cnn_lines`, and the mean over positions in place of the LSTM.

        (batch, H, W, C)
        → convolutions     (batch, ⌈H / 2^depth⌉, ⌈W / 2^depth⌉, filters · 2^(depth - 1))
        → mean             (batch, filters · 2^(depth - 1))

    What an LSTM is worth is what it classifies correctly beyond this.
    """
    height, width = images.shape[1:3]
    depth = hp.Choice("depth", depths(height, width), ordered=True)
    first = hp.Choice("filters", [8, 16, 32], ordered=True)
    filters = [first * 2**block for block in range(depth)]
    feature_map = convolution_stack(images, hp, filters)
    features = layers.GlobalAveragePooling2D(name="readout")(feature_map)
    return layers.Dropout(dropout_choice(hp), name="dropout")(features)


STRATEGY = Strategy(
    name="cnn_control",
    summary="the control: a CNN and global pooling alone, no recurrence",
    reference="Lin, Chen and Yan 2013, global average pooling (arXiv:1312.4400)",
    build=build,
    recurrent=False,
)
