"""The values of hyperparameters: which are allowed, and which is nearest."""

import keras_tuner
import pytest

from spaces import STRATEGIES, SequenceHyperModel
from spaces.values import complete, nearest


def branched():
    space = keras_tuner.HyperParameters()
    space.Choice("kind", ["plain", "deep"])
    with space.conditional_scope("kind", ["deep"]):
        space.Int("layers", 1, 9, step=2)
    space.Boolean("skip")
    space.Float("rate", 0.1, 0.5, step=0.1)
    return space


def test_a_branch_that_is_not_taken_has_no_values():
    assert complete(branched(), {"layers": 3}) == {"kind": "plain", "skip": False, "rate": 0.1}
    assert complete(branched(), {"kind": "deep", "layers": 3})["layers"] == 3


def sizes(height, width, strategy):
    """A strategy's space for images of a size."""
    space = keras_tuner.HyperParameters()
    SequenceHyperModel((height, width, 1), 2, [strategy], decay_steps=1).build(space)
    return space


def test_the_nearest_value():
    space = keras_tuner.HyperParameters()
    space.Choice("number", [2, 4, 8])
    space.Choice("word", ["none", "shift"])
    space.Int("whole", 3, 9)
    space.Float("rate", 0.1, 0.5)
    space.Choice("new", ["a", "b"])
    here = nearest(space, {"number": 6, "word": "shift_flip", "whole": 1, "rate": 2, "gone": 1})
    assert here == {"number": 4, "word": "shift", "whole": 3, "rate": 0.5, "new": "a"}
    here = nearest(space, {"number": "x", "word": "positions", "whole": 40, "rate": None})
    assert here == {"number": 2, "word": "none", "whole": 9, "rate": 0.1, "new": "a"}


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_whatever_is_translated_is_allowed(strategy):
    """From a large image to a tiny one and back; what both allow stays as it is."""
    large, tiny = sizes(64, 48, strategy), sizes(4, 5, strategy)
    for source, target in ((large, tiny), (tiny, large)):
        for number in range(20):
            values = {p.name: p.random_sample(number) for p in source.space}
            here = nearest(target, values)
            assert complete(target, here) == here
            again = nearest(target, here)
            assert again == here
        assert nearest(source, complete(source, {})) == complete(source, {})
