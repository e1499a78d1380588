"""What the loop needs of a backend that `keras.ops` does not have: TensorFlow's or JAX's."""

from __future__ import annotations

import keras

if keras.backend.backend() == "tensorflow":
    from spaces.training.backends.on_tensorflow import batch, compiled, layers_for, with_gradient
elif keras.backend.backend() == "jax":
    from spaces.training.backends.on_jax import batch, compiled, layers_for, with_gradient
else:
    raise ImportError("the environment variable KERAS_BACKEND is to be tensorflow or jax")

__all__ = ["batch", "compiled", "layers_for", "with_gradient"]
