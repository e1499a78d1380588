"""AdamW on a flat vector: what Keras's computes, and refused where it would compute another."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from spaces.training.adamw import AdamW, Moments, learning_rates
from spaces.training.state import flat, moments_of

SHAPES = [(3, 4), (5,), (), (2, 1, 2)]


def made_up(seed, scale=1.0):
    """Numbers for variables of those shapes, of several magnitudes, some of them zero."""
    rng = np.random.default_rng(seed)
    each = [rng.normal(0, scale, shape) * 10.0 ** rng.integers(-6, 2, shape) for shape in SHAPES]
    each[1] = each[1] * [0, 1, 1, 1, 1]
    return [np.asarray(numbers, "float32") for numbers in each]


def as_one(numbers):
    return np.concatenate([np.ravel(each) for each in numbers])


@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("clip", [None, 1.0, 1e6], ids=str)
def test_a_step_is_keras_s(clip, decay):
    variables = [keras.Variable(start) for start in made_up(0)]
    other = {"beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-5}
    stock = keras.optimizers.AdamW(0.03, weight_decay=decay, global_clipnorm=clip, **other)
    stock.build(variables)
    ours = AdamW.of(stock)
    assert ours == AdamW(0.8, 0.95, 1e-5, clip)
    weights = flat(variables)
    moments = Moments(keras.ops.zeros_like(weights), keras.ops.zeros_like(weights))
    for step in range(6):
        gradients = made_up(step + 1, scale=1e-3 if step == 3 else 1.0)  # one below the clipping
        stock.apply([keras.ops.convert_to_tensor(each) for each in gradients])
        weights, moments = ours.step(weights, as_one(gradients), moments, step, 0.03, decay)
        np.testing.assert_allclose(weights, flat(variables), rtol=2e-6, atol=1e-8)
    for ours_of_kind, stock_of_kind in zip(moments, moments_of(stock), strict=True):
        np.testing.assert_allclose(ours_of_kind, flat(stock_of_kind), rtol=1e-5, atol=1e-12)


def test_a_gradient_that_is_no_number_makes_the_weights_none():
    weights = np.ones(3, "float32")
    moments = Moments(np.zeros(3, "float32"), np.zeros(3, "float32"))
    gradient = np.array([1.0, np.nan, 1.0], "float32")
    after, _ = AdamW(0.9, 0.999, 1e-7, 1.0).step(weights, gradient, moments, 0, 0.1, 0.0)
    assert np.isnan(keras.ops.convert_to_numpy(after)).all()


@pytest.mark.parametrize(
    ("optimizer", "said"),
    [
        (keras.optimizers.SGD(0.1), "SGD"),
        (keras.optimizers.Adam(0.1), "Adam"),
        (keras.optimizers.AdamW(0.1, amsgrad=True), "amsgrad"),
        (keras.optimizers.AdamW(0.1, use_ema=True), "use_ema"),
        (keras.optimizers.AdamW(0.1, clipnorm=1.0), "clipnorm"),
        (keras.optimizers.AdamW(0.1, clipvalue=1.0), "clipvalue"),
        (
            keras.optimizers.AdamW(0.1, gradient_accumulation_steps=2),
            "gradient_accumulation_steps",
        ),
        (keras.optimizers.AdamW(0.1, loss_scale_factor=2.0), "loss_scale_factor"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_it_cannot_do_is_refused_in_one_line(optimizer, said):
    with pytest.raises(ValueError, match=rf"\b{said}\b") as refusal:
        AdamW.of(optimizer)
    assert len(str(refusal.value).splitlines()) == 1


def test_learning_rates_are_the_schedule_s_step_by_step():
    decay = keras.optimizers.schedules.CosineDecay(0.02, 30, alpha=0.1)
    optimizer = keras.optimizers.AdamW(decay)
    expected = [float(decay(step)) for step in range(40)]  # beyond its end, too
    found = np.concatenate([learning_rates(optimizer, *piece) for piece in ((0, 7), (7, 33))])
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_a_learning_rate_that_was_set_is_obeyed():
    optimizer = keras.optimizers.AdamW(0.02)
    assert learning_rates(optimizer, 5, 3) == pytest.approx([0.02] * 3)
    optimizer.learning_rate = 0.5
    assert learning_rates(optimizer, 5, 2) == pytest.approx([0.5] * 2)
