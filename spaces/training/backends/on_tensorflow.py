"""The loop's few functions that `keras.ops` does not have, by TensorFlow."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from spaces.training.backends.fused_layers import fused_layers

# Two passes of TensorFlow's graph optimizer that find nothing here: without them a model is
# compiled in 8 to 14 % less, and its steps take as long (docs/benchmarks.md).
tf.config.optimizer.set_experimental_options({"remapping": False, "constant_folding": False})


def with_gradient(function: Callable[[Any], tuple[Any, Any]], point: Any) -> tuple[Any, Any, Any]:
    """Returns a function's value, what else it returns, and the value's gradient.

    Args:
        function: from the point to (value, anything).
        point: a float tensor.
    """
    with tf.GradientTape() as tape:
        tape.watch(point)
        value, more = function(point)
    return value, more, tape.gradient(value, point)


def compiled(function: Callable[..., Any], *arguments: Any) -> Callable[..., Any]:
    """Compiles a function of tensors when it is first called.

    Without AutoGraph, which would read all of Keras's source for loops that are not there.

    Args:
        function: of tensors, and of lists and tuples of them.
        arguments: what it is called with, as `keras.KerasTensor`s; a dimension that is None may
            change from call to call.
    """
    signature = tf.nest.map_structure(lambda each: tf.TensorSpec(each.shape, each.dtype), arguments)
    return tf.function(function, input_signature=signature, autograph=False)


def forget() -> None:
    """Called when a program is kept no longer; what TensorFlow has of it goes with it."""


def batch(order: Any, number: Any, size: Any, images: Any) -> tuple[Any, Any]:
    """Returns the places of a batch's images in the data, and what each counts.

    Args:
        order: int32 (images,), in which an epoch takes them.
        number: of the batch, from 0.
        size: images a batch; the last one may have fewer.
        images: how many there are.

    Returns:
        int32 (batch,), and float32 (batch,): 1, or 0 for one that only fills the batch.
    """
    chosen = order[number * size : tf.minimum((number + 1) * size, images)]
    return chosen, tf.ones_like(chosen, "float32")


def layers_for(model: keras.Model) -> contextlib.AbstractContextManager[None]:
    """Within the block, calls of the model compute its layers in the way that suits the device."""
    return (
        contextlib.nullcontext() if tf.config.list_physical_devices("GPU") else fused_layers(model)
    )
