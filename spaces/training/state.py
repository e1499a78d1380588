"""A model's variables as a program's state, and back."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from spaces.training import randomness
from spaces.training.adamw import Moments
from spaces.training.program import State

on_device = ops.convert_to_tensor


def state_of(model: keras.Model) -> State:
    """Returns the state of a model and its optimizer."""
    zero, moments = on_device(np.float32(0)), map(flat, moments_of(model.optimizer))
    steps = on_device(np.int32(int(model.optimizer.iterations)))
    others = [*map(on_device, model.non_trainable_variables)]
    return State(flat(model.trainable_variables), Moments(*moments), others, steps, zero, zero)


def as_it_begins(state: State, model: keras.Model, seed: int, epoch: int) -> State:
    """Returns a state as it is when an epoch begins: with the generators' and the sums of then."""
    generators, others, zero = itertools.count(), [], on_device(np.float32(0))
    for variable, value in zip(model.non_trainable_variables, state.others, strict=True):
        if randomness.is_generator_state(variable):
            drawn = randomness.generator_state(seed, epoch, next(generators))
            value = ops.convert_to_tensor(drawn, variable.dtype)
        others.append(value)
    return state._replace(others=others, loss=zero, correct=zero)


def give_back(state: State, model: keras.Model) -> None:
    """Assigns a program's state to the model and its optimizer."""
    first, second = moments_of(model.optimizer)
    for variables, numbers in (
        (model.trainable_variables, state.weights),
        (first, state.moments.first),
        (second, state.moments.second),
    ):
        numbers, done = ops.convert_to_numpy(numbers), 0
        for variable in variables:
            size = math.prod(variable.shape)
            variable.assign(numbers[done : done + size].reshape(variable.shape))
            done += size
    for variable, value in zip(model.non_trainable_variables, state.others, strict=True):
        variable.assign(value)
    model.optimizer.iterations.assign(int(state.steps))


def moments_of(optimizer: keras.optimizers.Optimizer) -> list[list[keras.Variable]]:
    """Returns an optimizer's variables of each moment, in the order of the trainable variables."""
    return [
        [variable for variable in optimizer.variables if variable.path.endswith(kind)]
        for kind in ("momentum", "velocity")
    ]


def flat(variables: Sequence[keras.Variable]) -> Any:
    """Returns the numbers of variables one after the other, float32 (numbers,)."""
    arrays = [ops.convert_to_numpy(on_device(each)).ravel() for each in variables]
    return on_device(np.concatenate(arrays))


def pixels_of(images: Any) -> str:
    """Returns the type of images on the device."""
    return keras.backend.standardize_dtype(images.dtype)
