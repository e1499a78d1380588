"""A model's variables as one vector and back: nothing is lost, and nothing changes places."""

from __future__ import annotations

import keras
import numpy as np

from spaces.training import randomness
from spaces.training.program import State
from spaces.training.state import (
    as_it_begins,
    flat,
    give_back,
    moments_of,
    on_device,
    pixels_of,
    state_of,
)
from tests.support.models import arrays, dense, equal, images


def numbered():
    """A model in which every number of every variable, of the optimizer's too, is another."""
    model, count = dense(rate=0.5, normalized=True), 0
    for variable in (*model.trainable_variables, *model.optimizer.variables):
        if not variable.path.endswith(("iteration", "learning_rate")):
            size = int(np.prod(variable.shape))
            variable.assign(np.arange(count, count + size, dtype="float32").reshape(variable.shape))
            count += size
    model.optimizer.iterations.assign(12)
    return model


def states(model):
    return [each for each in model.non_trainable_variables if randomness.is_generator_state(each)]


def test_there_and_back_is_the_model_with_the_epoch_s_generators():
    model = numbered()
    before = arrays([*model.weights, *model.optimizer.variables])
    give_back(as_it_begins(state_of(model), model, seed=3, epoch=5), model)
    assert equal(arrays([*model.weights, *model.optimizer.variables]), before)
    (state,) = arrays(states(model))
    assert np.array_equal(state, randomness.generator_state(3, 5, 0))


def test_the_vectors_have_the_variables_in_order():
    model = numbered()
    state = state_of(model)
    weights = keras.ops.convert_to_numpy(state.weights)
    assert np.array_equal(weights, np.arange(len(weights)))
    for moment, variables in zip(state.moments, moments_of(model.optimizer), strict=True):
        assert [tuple(each.shape) for each in variables] == [
            tuple(each.shape) for each in model.trainable_variables
        ]
        assert np.array_equal(moment, flat(variables))
    assert int(state.steps) == 12
    assert (float(state.loss), float(state.correct)) == (0, 0)


def test_what_a_program_has_changed_arrives():
    model, other = numbered(), numbered()
    state = state_of(model)
    changed = State(
        state.weights + 1,
        type(state.moments)(state.moments.first * 2, state.moments.second * 3),
        [each + 1 for each in state.others],
        state.steps + 4,
        state.loss,
        state.correct,
    )
    give_back(changed, model)
    again = state_of(model)
    assert np.array_equal(again.weights, changed.weights)
    assert all(map(np.array_equal, again.moments, changed.moments))
    assert int(model.optimizer.iterations) == 16
    for after, before in zip(
        arrays(model.non_trainable_variables), arrays(other.non_trainable_variables), strict=True
    ):
        if after.dtype == np.float32:
            assert np.array_equal(after, before + 1)


def test_images_on_the_device_are_not_put_there_again():
    there = on_device(images()[0])
    assert on_device(there) is there
    assert pixels_of(there) == pixels_of(images()[0]) == "uint8"
