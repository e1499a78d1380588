"""What can be built: strategies, and the hypermodel that searches them."""

from spaces.design import build_design
from spaces.hypermodel import SequenceHyperModel
from spaces.strategies import STRATEGIES
from spaces.strategy import Strategy

__all__ = ["STRATEGIES", "SequenceHyperModel", "Strategy", "build_design"]
