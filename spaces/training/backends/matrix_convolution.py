"""Convolutions as matrix products, for XLA on processors: the same function as the stock layer's.

Within a loop, XLA's convolutions take a slow path there: an epoch of 4,000 images of CIFAR-10 took
8.7 s where TensorFlow takes 1.3. The same as one matrix product of shifted slices takes 1.7.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from typing import Any

import keras
from keras import layers, ops

from spaces.training.backends.walk import every_layer


@contextlib.contextmanager
def matrix_convolutions(model: keras.Model) -> Iterator[None]:
    """Within the block, calls of a model's convolutions are computed by `convolution`."""
    changed: list[tuple[Any, str]] = []
    for layer in every_layer(model):
        if isinstance(layer, layers.Conv1D | layers.Conv2D) and is_plain(layer):
            layer.convolution_op = _convolution_op(layer)
            changed.append((layer, "convolution_op"))
        if isinstance(layer, layers.ConvLSTM1D | layers.ConvLSTM2D) and is_plain(layer.cell):
            layer.cell.input_conv = _input_conv(layer.cell)
            layer.cell.recurrent_conv = _recurrent_conv(layer.cell)
            changed += [(layer.cell, "input_conv"), (layer.cell, "recurrent_conv")]
    try:
        yield
    finally:
        for layer, name in changed:
            delattr(layer, name)


def is_plain(layer: Any) -> bool:
    """Whether a layer, or a recurrent layer's cell, is a convolution that `convolution` knows."""
    return (
        layer.data_format == "channels_last"
        and layer.padding in ("same", "valid")
        and getattr(layer, "groups", 1) == 1
        and set(layer.dilation_rate) == {1}
    )


def convolution(x: Any, kernel: Any, strides: Sequence[int], padding: str) -> Any:
    """Convolves images, or lines, with a kernel; as `keras.ops.conv` does.

    Args:
        x: (batch, *sides, channels), of one side or two.
        kernel: (*sides of the kernel, channels, filters).
        strides: one for each side.
        padding: `same` or `valid`.

    Returns:
        (batch, *sides of the result, filters).
    """
    x, kernel = ops.convert_to_tensor(x), ops.convert_to_tensor(kernel)
    sides, reach = x.shape[1:-1], kernel.shape[:-2]
    if padding == "same":
        counts = [math.ceil(side / stride) for side, stride in zip(sides, strides, strict=True)]
        missing = [
            max(0, (count - 1) * stride + size - side)
            for count, stride, size, side in zip(counts, strides, reach, sides, strict=True)
        ]
        around = [(most // 2, most - most // 2) for most in missing]
        x = ops.pad(x, [(0, 0), *around, (0, 0)])
    else:
        counts = [
            (side - size) // stride + 1
            for side, size, stride in zip(sides, reach, strides, strict=True)
        ]
    shifted = []
    for number in range(math.prod(reach)):
        corner: list[int] = []
        rest = number
        for size in reversed(reach):
            corner.insert(0, rest % size)
            rest //= size
        cut = [
            slice(start, start + (count - 1) * stride + 1, stride)
            for start, count, stride in zip(corner, counts, strides, strict=True)
        ]
        shifted.append(x[(slice(None), *cut)])
    matrix = ops.reshape(kernel, (-1, kernel.shape[-1]))
    return ops.matmul(ops.concatenate(shifted, axis=-1), matrix)


def _convolution_op(layer: Any) -> Any:
    return lambda inputs, kernel: convolution(inputs, kernel, layer.strides, layer.padding)


def _input_conv(cell: Any) -> Any:
    def input_conv(x: Any, w: Any, b: Any = None, padding: str = "valid") -> Any:
        convolved = convolution(x, w, cell.strides, padding)
        return convolved if b is None else convolved + ops.convert_to_tensor(b)

    return input_conv


def _recurrent_conv(cell: Any) -> Any:
    return lambda x, w: convolution(x, w, [1] * (len(x.shape) - 2), "same")
