"""LSTMs in one operation of TensorFlow for all timesteps.

There Keras makes a loop over the timesteps, a dozen operations each, and traces another such loop
for the gradient.
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf
from keras import layers


def can_be_fused(layer: layers.LSTM) -> bool:
    """Whether a layer is the plain LSTM that the operation computes."""
    return has_plain_gates(layer.cell) and not layer.stateful


def has_plain_gates(cell: Any) -> bool:
    """Whether a recurrent layer's cell has the gates of the operation, and no dropout."""
    return (
        cell.activation is keras.activations.tanh
        and cell.recurrent_activation is keras.activations.sigmoid
        and cell.use_bias
        and not cell.dropout
        and not cell.recurrent_dropout
    )


def inner_loop_of(layer: layers.LSTM) -> Any:
    """Returns what stands in for `keras.layers.LSTM.inner_loop`."""

    def inner_loop(sequences: Any, initial_state: Any, mask: Any, training: bool = False) -> Any:
        if mask is not None:
            return layers.LSTM.inner_loop(layer, sequences, initial_state, mask, training)
        cell = layer.cell
        steps = tf.transpose(sequences, (1, 0, 2))
        steps = tf.reverse(steps, (0,)) if layer.go_backwards else steps
        kernel = tf.concat([cell.kernel, cell.recurrent_kernel], axis=0)
        h, c = initial_state
        outputs, cells = lstm(steps, h, c, kernel, tf.convert_to_tensor(cell.bias))
        last = outputs[-1]
        # Where the last output alone is wanted, the others are not turned round.
        every = tf.transpose(outputs, (1, 0, 2)) if layer.return_sequences else last[:, None]
        return last, every, [last, cells[-1]]

    return inner_loop


def lstm(x: Any, h: Any, c: Any, kernel: Any, bias: Any) -> tuple[Any, Any]:
    """An LSTM over all timesteps at once, with the gates in Keras's order.

    There is a newer operation, whose gates stand in Keras's order, too; but the gradient that
    TensorFlow has for it is that of this one, and so it is wrong (2.21). A gradient given by
    `tf.custom_gradient` would be right, and TensorFlow would never forget it, nor its graph.

    Args:
        x: float32 (timesteps, batch, features).
        h: the output before the first timestep, float32 (batch, units).
        c: the cell before it, float32 (batch, units).
        kernel: of the input above that of the output, float32 (features + units, 4 · units).
        bias: float32 (4 · units,).

    Returns:
        Outputs and cells after each timestep, both (timesteps, batch, units).
    """
    return block_lstm(x, h, c, cell_before_forget(kernel), cell_before_forget(bias))


def block_lstm(x: Any, h: Any, c: Any, kernel: Any, bias: Any) -> tuple[Any, Any]:
    """The same, with the gates in the operation's order."""
    unused = tf.zeros_like(h[0])  # the peepholes
    made = tf.raw_ops.BlockLSTM(
        seq_len_max=tf.shape(x, tf.int64)[0],
        x=x,
        cs_prev=c,
        h_prev=h,
        w=kernel,
        wci=unused,
        wcf=unused,
        wco=unused,
        b=bias,
        forget_bias=0.0,  # the bias has it
        cell_clip=-1.0,  # none
        use_peephole=False,
    )
    return made.h, made.cs


def cell_before_forget(gates: Any) -> Any:
    """Turns the gates i, f, c, o, along the last axis, into i, c, f, o."""
    i, f, c, o = tf.split(gates, 4, axis=-1)
    return tf.concat([i, c, f, o], axis=-1)
