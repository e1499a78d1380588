"""Which configurations an arm tries: functions of the seed and the place in the plan alone."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras_tuner
from keras_tuner.engine import hyperparameters as kinds

from search.experiment import derive_seed

Values = dict[str, Any]

# This many known configurations in a row, and the space is as good as used up: then list it.
ATTEMPTS = 50


def draw_all(
    space: keras_tuner.HyperParameters,
    preset: Mapping[str, Any],
    places: Sequence[tuple[int, int, int]],
    key: Sequence[object],
) -> dict[tuple[int, int, int], Values]:
    """Draws a configuration for every place (iteration, bracket, slot) of rung 0, none twice.

    A draw follows from the key (seed, data set, strategy), its place and the places before it,
    which follow likewise: so it is the same whoever asks, and in whatever order.

    Args:
        space: the hyperparameters; those whose conditions do not hold get no value.
        preset: values that are given, such as the strategy in a space of several.
        places: in the order in which brackets open.
        key: what sets one arm of one experiment apart from another.

    Returns:
        Place to values. Where the space has fewer configurations than there are places, each
        stands at one place and the last places have none.
    """
    drawn: dict[tuple[int, int, int], Values] = {}
    known: set[str] = set()
    for place in places:
        values = _new_values(space, preset, known, (*key, *place))
        if values is None:
            break
        known.add(_identity(values))
        drawn[place] = values
    return drawn


def _new_values(
    space: keras_tuner.HyperParameters,
    preset: Mapping[str, Any],
    known: set[str],
    key: Sequence[object],
) -> Values | None:
    for attempt in range(ATTEMPTS):
        values = _sample(space, preset, (*key, attempt))
        if _identity(values) not in known:
            return values
    left = [values for values in enumerate_space(space, preset) if _identity(values) not in known]
    return left[derive_seed(*key, "left") % len(left)] if left else None


def _sample(
    space: keras_tuner.HyperParameters, preset: Mapping[str, Any], key: Sequence[object]
) -> Values:
    values = dict(preset)
    for parameter in space.space:
        if parameter.name not in values and _active(parameter, values):
            # A stream of its own for every name: a parameter more or less leaves the others alone.
            values[parameter.name] = parameter.random_sample(derive_seed(*key, parameter.name))
    return values


def enumerate_space(
    space: keras_tuner.HyperParameters, preset: Mapping[str, Any]
) -> Iterator[Values]:
    """Yields every configuration of a space of choices and steps.

    Raises:
        ValueError: a parameter is continuous.
    """
    partial: list[Values] = [dict(preset)]
    for parameter in space.space:
        options = _options(parameter)
        partial = list(
            itertools.chain.from_iterable(
                [{**values, parameter.name: option} for option in options]
                if parameter.name not in values and _active(parameter, values)
                else [values]
                for values in partial
            )
        )
    yield from partial


def _options(parameter: Any) -> list[Any]:
    if isinstance(parameter, kinds.Float) and parameter.step is None:
        if parameter.min_value == parameter.max_value:
            return [parameter.min_value]
        raise ValueError(f"{parameter.name} is continuous: its values cannot be listed")
    return list(parameter.values)


def _active(parameter: Any, values: Values) -> bool:
    return all(condition.is_active(values) for condition in parameter.conditions)


def _identity(values: Values) -> str:
    return json.dumps(values, sort_keys=True)
