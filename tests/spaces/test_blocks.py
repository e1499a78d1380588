"""What strategies share: the ranges follow the image's size, and the arithmetic its shapes."""

from __future__ import annotations

import itertools

import keras
import keras_tuner
import pytest

from spaces import STRATEGIES
from spaces.blocks import MAX_TIMESTEPS, convolution_stack, depths, halvings, pooled_positions
from spaces.strategies.cnn_flat import FILTERS
from tests.support.models import (
    with_values,
)


def sides_after(length, blocks):
    """A side after each pooling by two; an odd one keeps its last pixel."""
    sides = []
    for _ in range(blocks):
        length = (length + 1) // 2
        sides.append(length)
    return sides


def test_no_depth_pools_below_2x2():
    for height, width in itertools.product(range(1, 65), repeat=2):
        allowed = depths(height, width)
        assert allowed == list(range(allowed[0], allowed[0] + len(allowed)))
        assert 1 <= len(allowed) <= 3
        if min(height, width) <= 2:  # cannot be pooled
            assert pooled_positions(height, width, allowed[-1]) == height * width
            continue
        for depth in allowed:
            down, across = sides_after(height, depth), sides_after(width, depth)
            assert min(down + across) >= 2
            assert pooled_positions(height, width, depth) == down[-1] * across[-1]
        # And none is kept back: one more would, or three are enough.
        more = allowed[-1] + 1
        assert len(allowed) == 3 or min(sides_after(min(height, width), more)) < 2
        assert pooled_positions(height, width, allowed[0]) <= MAX_TIMESTEPS
        assert allowed[0] == 1 or pooled_positions(height, width, allowed[0] - 1) > MAX_TIMESTEPS


SIZES = [
    (1, 1),
    (1, 9),
    (2, 2),
    (2, 30),
    (3, 3),
    (3, 4),
    (4, 4),
    (5, 5),
    (7, 50),
    (64, 3),
    (64, 64),
]


@pytest.mark.parametrize("pooling", ["max", "average", "stride"])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_feature_maps_are_as_large_as_the_arithmetic_says(size, pooling):
    for depth in depths(*size):
        hp = with_values(pooling=pooling)
        feature_map = convolution_stack(keras.Input((*size, 1)), hp, [1] * depth)
        _, down, across, _ = feature_map.shape
        assert down * across == pooled_positions(*size, depth)
        assert min(down, across) >= min(2, *size)
        assert ("pooling" in {parameter.name for parameter in hp.space}) == (min(size) > 2)


@pytest.mark.parametrize("axis", ["rows", "columns"])
@pytest.mark.parametrize(
    "size", [(1, 9), (9, 1), (2, 30), (3, 3), (4, 9), (30, 64), (64, 7)], ids=str
)
def test_line_cnn_keeps_every_line_and_two_pixels_of_each(size, axis):
    hp = keras_tuner.HyperParameters()
    STRATEGIES["line_cnn"].build(keras.Input((*size, 1)), hp)
    deepest = max(hp.space, key=lambda parameter: parameter.name == "depth").max_value
    assert 1 <= deepest <= 3
    images = keras.Input((*size, 1))
    features = STRATEGIES["line_cnn"].build(images, with_values(axis=axis, depth=deepest))
    _, lines, across, _ = keras.Model(images, features).get_layer("sequence").input.shape
    assert lines == size[axis == "columns"]
    pixels = size[axis == "rows"]
    assert min(2, pixels) <= across <= pixels
    assert deepest <= max(1, halvings(min(size)))


@pytest.mark.parametrize(
    "size", [(8, 8), (28, 28), (32, 32), (64, 64), (96, 64), (224, 224)], ids=str
)
def test_long_sequences_stay_within_the_bound(size):
    images = keras.Input((*size, 3))

    def timesteps(strategy, **values):
        features = STRATEGIES[strategy].build(images, with_values(**values))
        return keras.Model(images, features).get_layer("sequence").output.shape[1:]

    flat = []
    for depth in depths(*size, MAX_TIMESTEPS // max(FILTERS)):
        for filters in (min(FILTERS), max(FILTERS)):
            steps, features = timesteps("cnn_flat", depth=depth, last_filters=filters)
            assert features == 1
            assert steps == pooled_positions(*size, depth) * filters
            flat.append(steps)
    assert max(flat) <= MAX_TIMESTEPS
    for depth in depths(*size):
        steps, _ = timesteps("cnn_lines", axis="positions", depth=depth, filters=8)
        assert steps == pooled_positions(*size, depth) <= MAX_TIMESTEPS


def test_an_image_that_gives_too_long_a_sequence_is_refused_or_the_axis_not_offered():
    images = keras.Input((3, 4000, 1))
    with pytest.raises(ValueError, match="1024 timesteps"):
        STRATEGIES["cnn_flat"].build(images, keras_tuner.HyperParameters())
    hp = keras_tuner.HyperParameters()
    STRATEGIES["cnn_lines"].build(images, hp)
    assert {p.name: p for p in hp.space}["axis"].values == ["rows", "columns"]
