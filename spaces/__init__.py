"""What can be built: strategies, and the hypermodel that searches them."""

from spaces import cnn_flat, cnn_lines, line_cnn, lines
from spaces.strategy import Strategy

STRATEGIES: dict[str, Strategy] = {
    "lines": lines.STRATEGY,
    "cnn_lines": cnn_lines.STRATEGY,
    "cnn_flat": cnn_flat.STRATEGY,
    "line_cnn": line_cnn.STRATEGY,
}

# After the registry, which it reads.
from spaces.hypermodel import SequenceHyperModel  # noqa: E402

__all__ = ["STRATEGIES", "SequenceHyperModel", "Strategy"]
