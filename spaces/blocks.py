"""What strategies share: lines, the convolution stack, the recurrent stack and its readout.

Each block declares the hyperparameters that it reads, so a strategy's space is the sum of the
blocks it uses. Tensors are (batch, height, width, channels) before the sequence is made and
(batch, timesteps, features) after.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from keras import layers

# Beyond this an LSTM on a CPU takes minutes an epoch, and backpropagation through it is in vain.
MAX_TIMESTEPS = 1024


def lines_first(images: Any, axis: str) -> Any:
    """Turns images so that the lines to be read stand in axis 1.

    Columns are the rows of the transposed image, for everything that follows, convolutions
    included: so with the same weights columns of an image equal rows of its transpose.
    """
    return layers.Permute((2, 1, 3), name="transpose")(images) if axis == "columns" else images


def sequence(x: Any, timesteps: int, features: int) -> Any:
    """Reshapes to (batch, timesteps, features) in the layer that every table looks up."""
    return layers.Reshape((timesteps, features), name="sequence")(x)


def halvings(length: int) -> int:
    """How often a side can be halved (rounding up) without going below 2 pixels."""
    count = 0
    while math.ceil(length / 2) >= 2:
        length = math.ceil(length / 2)
        count += 1
    return count


def pooled_positions(height: int, width: int, depth: int) -> int:
    """Positions in the feature map of a convolution stack of this depth."""
    times = depth if min(halvings(height), halvings(width)) else 0
    return math.ceil(height / 2**times) * math.ceil(width / 2**times)


def depths(height: int, width: int, most_positions: int = MAX_TIMESTEPS) -> list[int]:
    """Depths of a convolution stack that an image of this size allows, at most three.

    Every block halves the image, so the lowest depth is the first that leaves at most
    `most_positions` positions and the highest the last that leaves 2×2. Images with a
    side of one or two pixels are not pooled; they take one block or two.
    """
    most = min(halvings(height), halvings(width))
    if most == 0:
        return [1, 2]
    least = 1
    while least < most and pooled_positions(height, width, least) > most_positions:
        least += 1
    return list(range(least, min(most, least + 2) + 1))


def convolution_stack(
    x: Any, hp: Any, filters: Sequence[int], *, lines: bool = False, kernel: int = 3
) -> Any:
    """Blocks of convolution, pooling, layer normalization and ReLU.

    Layer normalization over the channels, not batch normalization: the latter's running averages
    lag for hundreds of steps, so validation accuracy is too low just when Hyperband decides.

    Args:
        x: (batch, height, width, channels).
        hp: gets `pooling`, where the image is large enough to be pooled.
        filters: of each block; a block halves the pooled sides, rounding up.
        lines: convolve and pool along axis 2 alone, with the same kernel on every line: what
            `TimeDistributed(Conv1D)` computes, without its loop over timesteps.
        kernel: the convolutions' side in pixels.
    """
    height, width = x.shape[1], x.shape[2]
    # Both sides count for lines, too: `pooling` would otherwise mean nothing for one of the axes of
    # an image of 2×N pixels, and two sets of values would be the same model.
    pooled = min(halvings(height), halvings(width)) > 0
    pooling = hp.Choice("pooling", ["max", "average", "stride"]) if pooled else "none"
    window = (1, 2) if lines else (2, 2)
    size = (1, kernel) if lines else (kernel, kernel)
    for block, count in enumerate(filters):
        x = layers.Conv2D(
            count,
            size,
            strides=window if pooling == "stride" else 1,
            padding="same",
            name=f"convolution_{block}",
        )(x)
        # padding="same": an odd side keeps its last line instead of dropping it.
        if pooling == "max":
            x = layers.MaxPooling2D(window, padding="same", name=f"pooling_{block}")(x)
        elif pooling == "average":
            x = layers.AveragePooling2D(window, padding="same", name=f"pooling_{block}")(x)
        # On a CPU this costs as much as a convolution, so it comes after the pooling, on a quarter
        # of the numbers.
        x = layers.LayerNormalization(name=f"normalization_{block}")(x)
        x = layers.Activation("relu", name=f"relu_{block}")(x)
    return x


def lstm(units: int, direction: str, *, whole: bool, name: str) -> Any:
    """An LSTM layer that reads `forward`, `backward` or in `both` directions.

    Args:
        units: of each direction.
        direction: `both` concatenates the two directions' outputs.
        whole: return the outputs of all timesteps rather than the last (for `both`: each
            direction's own last).
        name: the layer's name.
    """
    if direction == "both":
        return layers.Bidirectional(layers.LSTM(units, return_sequences=whole), name=name)
    return layers.LSTM(
        units, return_sequences=whole, go_backwards=direction == "backward", name=name
    )


def readout(x: Any, kind: str) -> Any:
    """Outputs over time (batch, timesteps, features) to one vector (batch, features)."""
    if kind == "mean":
        return layers.GlobalAveragePooling1D(name="readout")(x)
    if kind == "first_last":
        return layers.Concatenate(name="readout")([x[:, 0], x[:, -1]])
    raise ValueError(f"no readout {kind!r}")


def recurrent_stack(x: Any, hp: Any, units: tuple[int, ...] = (32, 64, 128)) -> Any:
    """Stacked LSTMs over (batch, timesteps, features), read out to (batch, features).

    Declares `lstm_units`, `lstm_layers`, `direction`, `readout` and `dropout`. Reading backwards
    turns the order round once, in the first layer: a Keras LSTM with `go_backwards` hands its
    outputs on in the order in which it read.
    """
    width = hp.Choice("lstm_units", list(units), ordered=True)
    count = hp.Int("lstm_layers", 1, 2)
    direction = hp.Choice("direction", ["forward", "backward", "both"])
    kind = hp.Choice("readout", ["last", "mean", "first_last"])
    rate = hp.Choice("dropout", [0.0, 0.1, 0.2, 0.3, 0.5], ordered=True)
    for layer in range(count):
        final = layer == count - 1
        way = direction if layer == 0 or direction == "both" else "forward"
        x = lstm(width, way, whole=not final or kind != "last", name=f"lstm_{layer}")(x)
        if final and kind != "last":
            x = readout(x, kind)
        x = layers.Dropout(rate, name=f"dropout_{layer}")(x)
    return x
