"""What strategies share: lines, patches, the convolution stack, the recurrent stack, the readout.

Each block declares the hyperparameters that it reads, so a strategy's space is the sum of the
blocks it uses. Tensors are (batch, height, width, channels) before the sequence is made and
(batch, timesteps, features) after.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import layers

from spaces.scans import scan

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


def lines_as_sequence(x: Any) -> Any:
    """Takes (batch, lines, pixels, channels) through the layer `"sequence"`, a line a timestep.

    For recurrences that keep the pixels of a line apart: the tensor comes back as it was.
    """
    _, lines, pixels, channels = x.shape
    steps = sequence(x, lines, pixels * channels)
    return layers.Reshape((lines, pixels, channels), name="lines")(steps)


def scanned(x: Any, order: str) -> Any:
    """Makes every position of (batch, height, width, channels) a timestep, in a scan's order."""
    _, height, width, channels = x.shape
    if order != "raster":  # which is the order of memory
        positions = layers.Reshape((height * width, channels), name="positions")(x)
        x = keras.ops.take(positions, scan(order, height, width).tolist(), axis=1)
    return sequence(x, height * width, channels)


def patches(x: Any, size: int, features: int, name: str = "patches") -> Any:
    """Embeds patches of size × size pixels linearly; sides are padded to multiples of the size.

    A convolution whose kernel is as large as its stride: each patch is multiplied by one matrix.
    """
    return layers.Conv2D(features, size, strides=size, padding="same", name=name)(x)


def patch_sizes(height: int, width: int, least: int = 9, most: int = 128) -> list[int]:
    """Patch sides, powers of two, that leave between `least` and `most` patches; at most three.

    Single pixels are offered only where an image is too small for anything else.
    """
    sizes = [2**power for power in range(1, 16)]
    counts = {size: math.ceil(height / size) * math.ceil(width / size) for size in sizes}
    return [size for size in sizes if least <= counts[size] <= most][:3] or [1]


def along(x: Any, layer: Callable[[Any], Any]) -> Any:
    """Applies a recurrent layer along every line of (batch, lines, pixels, channels).

    The lines are folded into the batch: one call for all of them, where `TimeDistributed` would
    loop. What the layer returns, (batch · lines, …), comes back as (batch, lines, …).
    """
    _, lines, pixels, channels = x.shape
    x = layer(keras.ops.reshape(x, (-1, pixels, channels)))
    return keras.ops.reshape(x, (-1, lines, *x.shape[1:]))


def across(x: Any, layer: Callable[[Any], Any]) -> Any:
    """Applies a recurrent layer, one that returns all timesteps, across the lines."""
    turned = along(layers.Permute((2, 1, 3))(x), layer)
    return layers.Permute((2, 1, 3))(turned)


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
    pooling = pooling_choice(x, hp)
    for block, count in enumerate(filters):
        x = convolution_block(x, count, pooling, block, lines=lines, kernel=kernel)
    return x


def pooling_choice(x: Any, hp: Any) -> str:
    """Declares `pooling`, where both sides are large enough to be halved.

    Both count for lines, too: `pooling` would otherwise mean nothing for one of the axes of an
    image of 2×N pixels, and two sets of values would be the same model.
    """
    pooled = min(halvings(x.shape[1]), halvings(x.shape[2])) > 0
    return hp.Choice("pooling", ["max", "average", "stride"]) if pooled else "none"


def convolution_block(
    x: Any, filters: int, pooling: str, block: int, *, lines: bool = False, kernel: int = 3
) -> Any:
    """One block of a `convolution_stack`; `block` numbers its layers."""
    window = (1, 2) if lines else (2, 2)
    x = layers.Conv2D(
        filters,
        (1, kernel) if lines else (kernel, kernel),
        strides=window if pooling == "stride" else 1,
        padding="same",
        name=f"convolution_{block}",
    )(x)
    # padding="same": an odd side keeps its last line instead of dropping it.
    if pooling == "max":
        x = layers.MaxPooling2D(window, padding="same", name=f"pooling_{block}")(x)
    elif pooling == "average":
        x = layers.AveragePooling2D(window, padding="same", name=f"pooling_{block}")(x)
    # On a CPU this costs as much as a convolution, so it comes after the pooling, on a quarter of
    # the numbers.
    x = layers.LayerNormalization(name=f"normalization_{block}")(x)
    return layers.Activation("relu", name=f"relu_{block}")(x)


def lstm(
    units: int,
    direction: str,
    *,
    return_sequences: bool,
    name: str,
    layer: Callable[..., Any] = layers.LSTM,
) -> Any:
    """An LSTM layer that reads `forward`, `backward` or in `both` directions.

    In every timestep, with the state h (units,), the cell c (units,) and x (features,), σ the
    sigmoid and · element by element (Hochreiter and Schmidhuber 1997; the forget gate f of Gers,
    Schmidhuber and Cummins 2000):

        i, f, o = σ(W x + U h + b), each with its own W, U and b
        c = f · c + i · tanh(W x + U h + b)
        h = o · tanh(c)

    Args:
        units: of each direction.
        direction: `both` concatenates the two directions' outputs (Schuster and Paliwal 1997).
        return_sequences: return the outputs of all timesteps rather than the last (for `both`:
            each direction's own last).
        name: the layer's name.
        layer: makes the layer: `layers.LSTM`, or another that takes the same arguments.

    Returns:
        A layer from (batch, timesteps, features) to (batch, timesteps, outputs) or, of the last
        timestep alone, (batch, outputs); `outputs` is `units`, and twice that for `both`.
    """
    if direction == "both":
        return layers.Bidirectional(layer(units, return_sequences=return_sequences), name=name)
    backward = direction == "backward"
    return layer(units, return_sequences=return_sequences, go_backwards=backward, name=name)


def readout(x: Any, kind: str) -> Any:
    """Outputs over time (batch, timesteps, …) to one vector (batch, features).

    Args:
        x: the outputs of all timesteps; what follows the timesteps is flattened.
        kind: `mean`, the mean over time; `first_last`, the first and the last, concatenated.

    Raises:
        ValueError: there is no such readout. (`last` needs none: an LSTM returns it.)
    """
    if len(x.shape) > 3:
        x = layers.Reshape((x.shape[1], math.prod(x.shape[2:])), name="flat")(x)
    if kind == "mean":
        return layers.GlobalAveragePooling1D(name="readout")(x)
    if kind == "first_last":
        return layers.Concatenate(name="readout")([x[:, 0], x[:, -1]])
    raise ValueError(f"no readout {kind!r}")


def dropout_choice(hp: Any) -> float:
    """Declares `dropout`: the share of features that a training step zeroes, 0 to 1."""
    return hp.Choice("dropout", [0.0, 0.1, 0.2, 0.3, 0.5], ordered=True)


def recurrent_stack(
    x: Any,
    hp: Any,
    units: tuple[int, ...] = (32, 64, 128),
    layer: Callable[..., Any] = layers.LSTM,
) -> Any:
    """Stacked LSTMs over a sequence, read out to one vector.

    Declares `lstm_units`, `lstm_layers`, `direction`, `readout` and `dropout`. Reading backwards
    turns the order round once, in the first layer: a Keras LSTM with `go_backwards` hands its
    outputs on in the order in which it read.

    Args:
        x: (batch, timesteps, features), or what else `layer` reads.
        hp: gets the declarations.
        units: what `lstm_units` offers, of each direction.
        layer: makes the recurrent layers, as in `lstm`.

    Returns:
        (batch, outputs): units, twice that where both directions are read, twice again for
        `first_last`. Where a layer's output has more axes (a convolutional LSTM's) and the
        readout is `last`, those stay.
    """
    width = hp.Choice("lstm_units", list(units), ordered=True)
    count = hp.Int("lstm_layers", 1, 2)
    direction = hp.Choice("direction", ["forward", "backward", "both"])
    read = hp.Choice("readout", ["last", "mean", "first_last"])
    rate = dropout_choice(hp)
    for number in range(count):
        final = number == count - 1
        way = direction if number == 0 or direction == "both" else "forward"
        every = not final or read != "last"
        x = lstm(width, way, return_sequences=every, name=f"lstm_{number}", layer=layer)(x)
        if final and every:
            x = readout(x, read)
        x = layers.Dropout(rate, name=f"dropout_{number}")(x)
    return x
