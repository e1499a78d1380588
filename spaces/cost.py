"""What a built model costs: parameters and multiply-adds for one image."""

from __future__ import annotations

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

    Raises:
        ValueError: it has a layer with weights of a kind that is not known here.
    """
    named = {layer.name: layer for layer in model.layers}
    shape = named["sequence"].output.shape if "sequence" in named else (None, None, None)
    return Cost(
        parameters=sum(math.prod(weight.shape) for weight in model.trainable_weights),
        multiply_adds=sum(multiply_adds(layer) for layer in model.layers),
        timesteps=shape[1],
        features=shape[2],
    )


def multiply_adds(layer: keras.layers.Layer) -> int:
    """Multiply-adds of one layer for one image."""
    for kind, count in COUNTS.items():
        if isinstance(layer, kind):
            return count(layer)
    if layer.trainable_weights and not isinstance(layer, layers.LayerNormalization):
        raise ValueError(f"no count of multiply-adds for a layer {type(layer).__name__}")
    return 0


def _convolution(layer: keras.layers.Layer) -> int:
    """Every output number is one product with the kernel's numbers that lead to it."""
    positions = math.prod(layer.output.shape[1:-1])
    return positions * math.prod(layer.kernel.shape)


def _dense(layer: keras.layers.Layer) -> int:
    return math.prod(layer.output.shape[1:-1]) * math.prod(layer.kernel.shape)


def _recurrent(layer: keras.layers.Layer) -> int:
    """Each timestep: the input times the kernel, the state times the recurrent kernel."""
    timesteps = layer.input.shape[1]
    cell = layer.cell
    return timesteps * (math.prod(cell.kernel.shape) + math.prod(cell.recurrent_kernel.shape))


def _bidirectional(layer: keras.layers.Layer) -> int:
    forward = layer.forward_layer.cell
    one_way = math.prod(forward.kernel.shape) + math.prod(forward.recurrent_kernel.shape)
    return 2 * layer.input.shape[1] * one_way


COUNTS: dict[type, Callable[[keras.layers.Layer], int]] = {
    layers.Conv2D: _convolution,
    layers.Dense: _dense,
    layers.LSTM: _recurrent,
    layers.Bidirectional: _bidirectional,
}
