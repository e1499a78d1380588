"""Layers computed in fewer operations than Keras takes, on processors: the same function.

TensorFlow has a whole LSTM as one operation. It is traced in a fifth of the time of Keras's loop,
and is faster. Weights, outputs and gradients are those of the stock layers (to rounding), and the
model itself stays as it is: only what is compiled from it differs.

On a graphics card nothing is changed: there Keras calls cuDNN.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import keras
from keras import layers

from spaces.training.backends import fused_conv_lstm, fused_lstm
from spaces.training.backends.walk import every_layer

FUSED = {layers.LSTM: fused_lstm, layers.ConvLSTM1D: fused_conv_lstm}


@contextlib.contextmanager
def fused_layers(model: keras.Model) -> Iterator[None]:
    """Within the block, calls of a model's recurrent layers are computed by the modules above."""
    changed = []
    for layer in every_layer(model):
        fused = FUSED.get(type(layer))
        if fused is not None and fused.can_be_fused(layer):
            layer.inner_loop = fused.inner_loop_of(layer)
            changed.append(layer)
    try:
        yield
    finally:
        for layer in changed:
            del layer.inner_loop
