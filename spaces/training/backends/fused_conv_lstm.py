"""Convolutional LSTMs in one operation of TensorFlow a timestep, and what gathers its input.

Keras makes eight convolutions and a dozen small operations of every timestep. At each position of
the line a timestep is that of a plain LSTM: what it reads are the inputs at the position and beside
it and the outputs beside it, and its own output is the one before. So TensorFlow's operation for an
LSTM computes all positions at once.

An epoch of the smallest design took a third of the time, on digits, and 70 % on CIFAR-10. The
timesteps are written out one after the other: a loop is traced sooner, and a sixth slower.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from keras import layers

from spaces.training.backends.fused_lstm import block_lstm, cell_before_forget, has_plain_gates


def can_be_fused(layer: layers.ConvLSTM1D) -> bool:
    """Whether a layer is one that `conv_lstm` computes."""
    cell = layer.cell
    return (
        has_plain_gates(cell)
        and cell.data_format == "channels_last"
        and cell.padding == "same"
        and {*cell.strides, *cell.dilation_rate} == {1}
        and cell.kernel_size[0] > 1  # something is beside a position
        and not layer.stateful
    )


def inner_loop_of(layer: layers.ConvLSTM1D) -> Any:
    """Returns what stands in for the layer's `inner_loop`."""

    def inner_loop(sequences: Any, initial_state: Any, mask: Any, training: bool = False) -> Any:
        if mask is not None:
            return type(layer).inner_loop(layer, sequences, initial_state, mask, training)
        cell = layer.cell
        lines = tf.transpose(sequences, (1, 0, 2, 3))
        lines = tf.reverse(lines, (0,)) if layer.go_backwards else lines
        weights = map(tf.convert_to_tensor, (cell.kernel, cell.recurrent_kernel, cell.bias))
        outputs, last = conv_lstm(lines, *initial_state, *weights)
        every = tf.stack(outputs, axis=1) if layer.return_sequences else outputs[-1][:, None]
        return outputs[-1], every, [outputs[-1], last]

    return inner_loop


def conv_lstm(
    lines: Any, h: Any, c: Any, kernel: Any, recurrent_kernel: Any, bias: Any
) -> tuple[list[Any], Any]:
    """A convolutional LSTM over lines, with the gates in Keras's order.

    Args:
        lines: float32 (timesteps, batch, width, channels); all but the batch known.
        h: the output before the first timestep, float32 (batch, width, filters).
        c: the cell before it, float32 (batch, width, filters).
        kernel: of the input, float32 (reach, channels, 4 · filters).
        recurrent_kernel: of the output, float32 (reach, filters, 4 · filters).
        bias: float32 (4 · filters,).

    Returns:
        The output after each timestep and the last cell, all (batch, width, filters).
    """
    timesteps, _, width, channels = lines.shape
    reach, filters, gates = recurrent_kernel.shape
    here = (reach - 1) // 2  # of a kernel's taps, the one at the position itself
    beside = [tap for tap in range(reach) if tap != here]
    kernel, recurrent_kernel, bias = map(cell_before_forget, (kernel, recurrent_kernel, bias))
    weights = [
        tf.reshape(kernel, (reach * channels, gates)),
        tf.reshape(tf.gather(recurrent_kernel, beside), (len(beside) * filters, gates)),
        recurrent_kernel[here],
    ]
    weights = tf.concat(weights, axis=0)
    inputs = neighbours(tf.reshape(lines, (-1, width, channels)), reach, range(reach))
    whole = tf.shape(h)
    h, c = (tf.reshape(state, (-1, filters)) for state in (h, c))
    outputs = []
    for read in tf.unstack(tf.reshape(inputs, (timesteps, -1, reach * channels))):
        around = neighbours(tf.reshape(h, whole), reach, beside)
        x = tf.concat([read, around], axis=-1)
        hs, cs = block_lstm(x[None], h, c, weights, bias)
        h, c = hs[0], cs[0]
        outputs.append(tf.reshape(h, whole))
    return outputs, tf.reshape(c, whole)


def neighbours(lines: Any, reach: int, taps: Any) -> Any:
    """Returns what a kernel reads at each position, zeros beyond the ends.

    Args:
        lines: float32 (batch, width, channels).
        reach: of the kernel.
        taps: which of its places are wanted, from 0.

    Returns:
        float32 (batch · width, taps · channels).
    """
    width, channels = lines.shape[1:]
    before = (reach - 1) // 2
    padded = tf.pad(lines, ((0, 0), (before, reach - 1 - before), (0, 0)))
    read = tf.concat([padded[:, tap : tap + width] for tap in taps], axis=-1)
    return tf.reshape(read, (-1, len(taps) * channels))
