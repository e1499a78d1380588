"""The loop's few functions that `keras.ops` does not have, by JAX; see those `on_tensorflow`."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable
from typing import Any

import jax
import keras
from keras import ops

from spaces.training.backends.matrix_convolution import matrix_convolutions


def with_gradient(function: Callable[[Any], tuple[Any, Any]], point: Any) -> tuple[Any, Any, Any]:
    """Returns a function's value, what else it returns, and the value's gradient."""
    (value, more), gradient = jax.value_and_grad(function, has_aux=True)(point)
    return value, more, gradient


def compiled(function: Callable[..., Any], *arguments: Any) -> Callable[..., Any]:
    """Compiles a function when it is first called, and again for another number of images."""
    return jax.jit(function)


FORGET_AFTER = 32
_forgotten = itertools.count(1)


def forget() -> None:
    """Called when a program is kept no longer: now and then JAX is made to forget it, too.

    Tables of its own keep something of every program that was ever compiled, a megabyte a model.
    What is still used is compiled again, from the cache on disk: so not every time.
    """
    if next(_forgotten) % FORGET_AFTER == 0:
        jax.clear_caches()


def batch(order: Any, number: Any, size: int, images: int) -> tuple[Any, Any]:
    """Returns the places of a batch's images in the data, and what each counts.

    XLA compiles for one size of batch. So the epoch's last is filled up with its first images,
    which count nothing. (Where a layer looks at the whole batch, as batch normalization does, it
    sees those, too.)
    """
    places = number * size + ops.arange(size, dtype="int32")
    return ops.take(order, places % images, axis=0), ops.cast(places < images, "float32")


def layers_for(model: keras.Model) -> contextlib.AbstractContextManager[None]:
    """Within the block, calls of the model compute its layers in the way that suits the device."""
    on_processor = jax.default_backend() == "cpu"
    return matrix_convolutions(model) if on_processor else contextlib.nullcontext()
