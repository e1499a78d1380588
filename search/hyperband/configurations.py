"""Which configurations an arm tries: functions of the seed and the place in the plan alone."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import keras_tuner

from search.experiment import derive_seed
from spaces.values import Values, active, options

# This many known configurations in a row, and the space may be used up: then list it.
ATTEMPTS = 50
# What cannot be listed has no end, and is searched this long for a branch that is seldom taken.
MORE_ATTEMPTS = 10_000
# This many in a row that may not be tried, and hardly any may: one in a hundred would be found in
# nine cases of ten.
FORBIDDEN = 200


class NothingAllowedError(ValueError):
    """Hardly a configuration may be tried."""


def draw_all(
    space: keras_tuner.HyperParameters,
    preset: Mapping[str, Any],
    places: Sequence[tuple[int, int, int]],
    key: Sequence[object],
    initial: Sequence[Mapping[str, Any]] = (),
    allowed: Callable[[Values], bool] = lambda values: True,
) -> dict[tuple[int, int, int], Values]:
    """Draws a configuration for every place (iteration, bracket, slot) of rung 0, none twice.

    A draw follows from the key (seed, data set, strategy), its place and the places before it,
    which follow likewise: so it is the same whoever asks, and in whatever order.

    >>> space = keras_tuner.HyperParameters()
    >>> units = space.Choice("lstm_units", [32, 64, 128])
    >>> drawn = draw_all(space, {}, [(0, 0, slot) for slot in range(5)], key=(0, "digits", "lines"))
    >>> list(drawn)  # the space has three configurations
    [(0, 0, 0), (0, 0, 1), (0, 0, 2)]
    >>> sorted(values["lstm_units"] for values in drawn.values())
    [32, 64, 128]

    Args:
        space: the hyperparameters; those whose conditions do not hold get no value.
        preset: values that are given, such as the strategy in a space of several.
        places: in the order in which brackets open.
        key: what sets one arm of one experiment apart from another.
        initial: configurations that take the first places. The other places keep what they draw
            without them.
        allowed: whether a configuration that is drawn may be tried; if not, another is drawn.

    Returns:
        Place to values. Where the space has fewer configurations than there are places, each
        stands at one place and the last places have none.

    Raises:
        NothingAllowedError: hardly a configuration is allowed.
        ValueError: an initial one is given twice, or in a continuous space none new was found.
    """
    drawn: dict[tuple[int, int, int], Values] = {}
    known: set[str] = set()
    for place in places:
        values = _new_values(space, preset, known, (*key, *place), allowed)
        if values is None:
            break
        known.add(_identity(values))
        drawn[place] = values
    if not initial:
        return drawn
    return _with_initial(drawn, places, [{**preset, **values} for values in initial])


def _with_initial(
    drawn: Mapping[tuple[int, int, int], Values],
    places: Sequence[tuple[int, int, int]],
    initial: Sequence[Values],
) -> dict[tuple[int, int, int], Values]:
    """Puts these in the first places; one that was drawn for another place changes with it."""
    result = dict(drawn)
    identities = [_identity(values) for values in initial]
    if len(set(identities)) < len(identities):
        raise ValueError("an initial configuration is given twice")
    for place, given, identity in zip(places, initial, identities, strict=False):
        for other, values in result.items():
            if _identity(values) == identity:
                result[other] = result[place]
        result[place] = given
    return result


def _new_values(
    space: keras_tuner.HyperParameters,
    preset: Mapping[str, Any],
    known: set[str],
    key: Sequence[object],
    allowed: Callable[[Values], bool],
) -> Values | None:
    forbidden = 0
    for attempt in range(MORE_ATTEMPTS):
        values = _sample(space, preset, (*key, attempt))
        if _identity(values) not in known:
            if allowed(values):
                return values
            forbidden += 1
            if forbidden == FORBIDDEN:
                raise NothingAllowedError(f"of {attempt + 1} configurations none may be tried")
        if attempt == ATTEMPTS:
            with contextlib.suppress(ValueError):  # continuous: there is another somewhere
                everything = enumerate_space(space, preset)
                new = [values for values in everything if _identity(values) not in known]
                left = [values for values in new if allowed(values)]
                return left[derive_seed(*key, "left") % len(left)] if left else None
    raise ValueError("no new configuration found in a continuous space: widen its ranges")


def _sample(
    space: keras_tuner.HyperParameters, preset: Mapping[str, Any], key: Sequence[object]
) -> Values:
    values = dict(preset)
    for parameter in space.space:
        if parameter.name not in values and active(parameter, values):
            # A stream of its own for every name: a parameter more or less leaves the others alone.
            values[parameter.name] = parameter.random_sample(derive_seed(*key, parameter.name))
    return values


def enumerate_space(
    space: keras_tuner.HyperParameters, preset: Mapping[str, Any]
) -> Iterator[Values]:
    """Yields every configuration of a space of choices and steps, each once.

    >>> space = keras_tuner.HyperParameters()
    >>> layers = space.Int("lstm_layers", 1, 2)
    >>> with space.conditional_scope("lstm_layers", [2]):
    ...     dropout = space.Choice("dropout", [0.0, 0.5])
    >>> for values in enumerate_space(space, {}):
    ...     print(values)
    {'lstm_layers': 1}
    {'lstm_layers': 2, 'dropout': 0.0}
    {'lstm_layers': 2, 'dropout': 0.5}

    Args:
        space: what has effect only under a condition has a value only there.
        preset: values that are given, the same in each configuration.

    Raises:
        ValueError: a parameter is continuous.
    """
    return _complete(space.space, dict(preset))


def _complete(parameters: Sequence[Any], values: Values) -> Iterator[Values]:
    """Yields all that these values can become, by these parameters in their order."""
    if not parameters:
        yield values
        return
    parameter, *others = parameters
    if parameter.name in values or not active(parameter, values):
        yield from _complete(others, values)
        return
    for option in options(parameter):
        yield from _complete(others, {**values, parameter.name: option})


def _identity(values: Values) -> str:
    return json.dumps(values, sort_keys=True)
