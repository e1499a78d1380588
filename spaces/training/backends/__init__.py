"""What the loop needs of a backend that `keras.ops` does not have: TensorFlow's or JAX's."""

from __future__ import annotations

from typing import Any

import keras

if keras.backend.backend() == "tensorflow":
    from spaces.training.backends.on_tensorflow import (
        batch,
        compiled,
        forget,
        layers_for,
        with_gradient,
    )
elif keras.backend.backend() == "jax":
    from spaces.training.backends.on_jax import batch, compiled, forget, layers_for, with_gradient
else:

    def __getattr__(name: str) -> Any:
        """Models are built with any backend; only training needs one of the two."""
        raise AttributeError(f"{name}: KERAS_BACKEND has to be tensorflow or jax to train")


__all__ = ["batch", "compiled", "forget", "layers_for", "with_gradient"]
