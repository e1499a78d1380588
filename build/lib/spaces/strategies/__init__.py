"""What competes: one strategy a file. A new one is a file and a line of the registry."""

from spaces.strategies import (
    cnn_control,
    cnn_flat,
    cnn_lines,
    conv_lstm,
    conv_sweeps,
    hierarchical,
    line_cnn,
    lines,
    patches,
    pixels,
    sweeps,
)
from spaces.strategy import Strategy

STRATEGIES: dict[str, Strategy] = {
    "lines": lines.STRATEGY,
    "cnn_lines": cnn_lines.STRATEGY,
    "cnn_flat": cnn_flat.STRATEGY,
    "line_cnn": line_cnn.STRATEGY,
    "patches": patches.STRATEGY,
    "pixels": pixels.STRATEGY,
    "hierarchical": hierarchical.STRATEGY,
    "sweeps": sweeps.STRATEGY,
    "conv_sweeps": conv_sweeps.STRATEGY,
    "conv_lstm": conv_lstm.STRATEGY,
    "cnn_control": cnn_control.STRATEGY,
}
