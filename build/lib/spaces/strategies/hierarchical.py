"""`hierarchical`: an LSTM along each line, a second across the lines' summaries.

The sequence is what the second one reads: (lines, features of a line's summary).
"""

from __future__ import annotations

from typing import Any

from spaces.blocks import along, lines_first, lstm, recurrent_stack, sequence
from spaces.strategy import Strategy


def build(images: Any, hp: Any) -> Any:
    """The first LSTM reads every line alone, pixel by pixel; its last output is the line."""
    axis = hp.Choice("axis", ["rows", "columns"])
    units = hp.Choice("line_units", [8, 16, 32], ordered=True)
    direction = hp.Choice("line_direction", ["forward", "both"])
    image = lines_first(images, axis)
    summaries = along(image, lstm(units, direction, whole=False, name="line_lstm"))
    _, lines, features = summaries.shape
    steps = sequence(summaries, lines, features)
    return recurrent_stack(steps, hp)


STRATEGY = Strategy(
    name="hierarchical",
    summary="an LSTM along each row or column, a second across their summaries",
    reference="Li, Luong and Jurafsky 2015 (arXiv:1506.01057); Keras mnist_hierarchical_rnn",
    build=build,
)
