"""The values of hyperparameters: which are allowed, what is wrong with one, which is nearest."""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Iterable, Mapping
from typing import Any, TypeGuard

import keras_tuner
from keras_tuner.engine import hyperparameters as kinds

Values = dict[str, Any]


def options(parameter: Any) -> list[Any]:
    """Returns the values that a parameter can take, each once.

    Raises:
        ValueError: it is continuous.
    """
    if _continuous(parameter):
        if parameter.min_value == parameter.max_value:
            return [parameter.min_value]
        raise ValueError(f"{parameter.name} is continuous: its values cannot be listed")
    values = parameter.values
    if isinstance(parameter, kinds.Int):
        # KerasTuner's list holds ten of them where there is no step, and floats where it is log.
        every = range(parameter.min_value, parameter.max_value + 1)
        values = every if parameter.step is None else map(int, values)
    return list(dict.fromkeys(values))


def _continuous(parameter: Any) -> bool:
    return isinstance(parameter, kinds.Float) and parameter.step is None


def _number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def active(parameter: Any, values: Mapping[str, Any]) -> bool:
    """Whether a parameter has effect with these values of others."""
    return all(condition.is_active(values) for condition in parameter.conditions)


def complete(space: keras_tuner.HyperParameters, values: Mapping[str, Any]) -> Values:
    """Returns a value for every parameter of a space: the one given, or else its default.

    Numbers come back as the space writes them: 64 for 64.0. What has no effect is left out.

    Raises:
        ValueError: a name or a value is not in the space; one line that says what is.
    """
    names = [parameter.name for parameter in space.space]
    for name in values:
        if name not in names:
            raise ValueError(unknown("hyperparameter", name, names))
    whole: Values = {}
    for parameter in space.space:
        if active(parameter, whole):
            name = parameter.name
            whole[name] = _checked(parameter, values[name]) if name in values else parameter.default
    return whole


def nearest(space: keras_tuner.HyperParameters, values: Mapping[str, Any]) -> Values:
    """Returns values of another space as this one allows them.

    A number becomes the nearest one (of two, the lower), a word the longest one that it begins
    with (`shift_flip`: `shift`), and everything else the default. Parameters that this space has
    not are left out.
    """
    moved: Values = {}
    for parameter in space.space:
        if active(parameter, moved):
            given = parameter.name in values
            value = _nearest(parameter, values[parameter.name]) if given else parameter.default
            moved[parameter.name] = value
    return moved


def unknown(what: str, name: object, known: Iterable[str]) -> str:
    """Returns one line that says which names there are, and which may have been meant."""
    known = list(known)
    hint = did_you_mean(str(name), known)
    return f"no {what} {reprlib.repr(name)}: {hint}There are {', '.join(known)}"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Returns a question that names the likely ones; empty where none is like it."""
    near = difflib.get_close_matches(name[:100], list(known), n=3, cutoff=0.4)
    return f"did you mean {' or '.join(near)}? " if near else ""


def _checked(parameter: Any, value: Any) -> Any:
    """Returns the allowed value that equals this one."""
    if _continuous(parameter):
        if _number(value) and parameter.min_value <= value <= parameter.max_value:
            return float(value)
        allowed = f"from {parameter.min_value} to {parameter.max_value}"
    else:
        for option in options(parameter):
            if option == value and isinstance(option, bool) == isinstance(value, bool):
                return option
        allowed = ", ".join(map(str, options(parameter)))
    raise ValueError(f"{parameter.name} cannot be {reprlib.repr(value)}: it can be {allowed}")


def _nearest(parameter: Any, value: Any) -> Any:
    try:
        return _checked(parameter, value)
    except ValueError:
        pass
    if _continuous(parameter):
        if _number(value):
            return min(max(value, parameter.min_value), parameter.max_value)
        return parameter.default
    allowed = options(parameter)
    if _number(value) and not any(isinstance(option, str | bool) for option in allowed):
        return min(allowed, key=lambda option: (abs(option - value), option))
    beginnings = [word for word in allowed if isinstance(word, str) and str(value).startswith(word)]
    return max(beginnings, key=len, default=parameter.default)
