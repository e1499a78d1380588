"""What a built model costs: parameters and multiply-adds for one image."""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Callable

import keras
from keras import layers


@dataclasses.dataclass(frozen=True)
class Cost:
    """A model's size, per image where it depends on the batch.

    Attributes:
        parameters: trainable numbers.
        multiply_adds: multiplications with an addition, in matrix products and convolutions.
            Element by element work (activations, normalization, pooling, gates) is left out, as
            is usual: it is a small share and no two counters agree on it.
        timesteps: of the layer `"sequence"`; None where there is no sequence.
        features: of each timestep.
    """

    parameters: int
    multiply_adds: int
    timesteps: int | None
    features: int | None


def cost(model: keras.Model) -> Cost:
    """Returns what a built model costs.

    Args:
        model: built for images (batch, height, width, channels).

    Raises:
        ValueError: it has a layer with weights of a kind that is not known here.
    """
    with weightless():
        one = keras.Input(batch_shape=(1, *model.input_shape[1:]))
        # The copy of a compiled one would have an optimizer.
        plain = keras.Model(model.input, model.output)
        return cost_of_one(keras.models.clone_model(plain, input_tensors=one))


def cost_of_one(model: keras.Model) -> Cost:
    """Returns what a model costs whose input says that it is one image: (1, height, width, …).

    Where lines or patches are folded into the batch, a layer's first axis then says how many of
    them an image has.
    """
    named = {layer.name: layer for layer in model.layers}
    shape = named["sequence"].output.shape if "sequence" in named else (None, None, None)
    return Cost(
        parameters=sum(math.prod(weight.shape) for weight in model.trainable_weights),
        multiply_adds=sum(multiply_adds(layer) for layer in model.layers if layer.weights),
        timesteps=shape[1],
        features=shape[2],
    )


def weightless() -> contextlib.AbstractContextManager[object]:
    """Within it, weights are made that have a shape and no value: a model takes no time to build.

    That is a tenth of what it takes otherwise, and enough to count, or to see what it declares.
    """
    return keras.StatelessScope(initialize_variables=False)


Shape = tuple[int, ...]


def multiply_adds(layer: keras.layers.Layer) -> int:
    """Multiply-adds of one layer, whose shapes are known from the batch on.

    An LSTM of 8 units that reads 28 timesteps of 5 features multiplies, for each of its 4 gates, by
    5 features and 8 outputs of the timestep before:

    >>> lstm = layers.LSTM(8)
    >>> _ = lstm(keras.Input(batch_shape=(1, 28, 5)))
    >>> multiply_adds(lstm), 28 * 4 * (5 + 8) * 8
    (11648, 11648)

    Raises:
        ValueError: it has weights and is of a kind that is not known here.
    """
    return _count(layer, layer.input.shape, layer.output.shape)


def _count(layer: keras.layers.Layer, read: Shape, given: Shape) -> int:
    """Multiply-adds of a layer that reads and gives tensors of these shapes."""
    for kind, count in COUNTS.items():
        if isinstance(layer, kind):
            return count(layer, read, given)
    if layer.trainable_weights and not isinstance(layer, layers.LayerNormalization):
        raise ValueError(f"no count of multiply-adds for a layer {type(layer).__name__}")
    return 0


def _product(layer: keras.layers.Layer, read: Shape, given: Shape) -> int:
    """Dense and convolutional: at every position of the output, the whole kernel once."""
    return math.prod(given[:-1]) * math.prod(layer.kernel.shape)


def _recurrent(layer: keras.layers.Layer, read: Shape, given: Shape) -> int:
    """Each timestep: the input times the kernel, the state times the recurrent kernel."""
    return math.prod(read[:2]) * _cell(layer)


def _convolutional_recurrent(layer: keras.layers.Layer, read: Shape, given: Shape) -> int:
    """The same at every position of the line that is the state."""
    return math.prod(read[:2]) * given[-2] * _cell(layer)


def _bidirectional(layer: keras.layers.Layer, read: Shape, given: Shape) -> int:
    """Two layers that read the same; what they give differs in its features alone."""
    return 2 * _count(layer.forward_layer, read, given)


def _cell(layer: keras.layers.Layer) -> int:
    cell = layer.cell
    return math.prod(cell.kernel.shape) + math.prod(cell.recurrent_kernel.shape)


COUNTS: dict[type, Callable[[keras.layers.Layer, Shape, Shape], int]] = {
    layers.Conv1D: _product,
    layers.Conv2D: _product,
    layers.DepthwiseConv2D: _product,
    layers.Dense: _product,
    layers.LSTM: _recurrent,
    layers.GRU: _recurrent,
    layers.ConvLSTM1D: _convolutional_recurrent,
    layers.Bidirectional: _bidirectional,
}
