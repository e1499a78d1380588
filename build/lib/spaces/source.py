"""A built model -> readable source that imports Keras alone.

It is written from the model's own config, which Keras promises to be able to build the model
from. What is written for a layer is built on the spot and its config compared with the layer's:
so an argument is left out only where its default is the value, and nothing is lost on the way.
"""

from __future__ import annotations

import functools
import inspect
import keyword
import re
from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import layers, ops

from spaces.python_code import Call, assigned, docstring, literal, permutation

TAKEN = {"build", "keras", "layer", "layers", "ops"}


def source(
    model: keras.Model, description: str = "", constants: Mapping[str, Any] | None = None
) -> str:
    """Returns Python source with a function `build()` that makes the same model, untrained.

    Args:
        model: functional, of stock layers and `keras.ops`, each called once.
        description: the module's docstring; whatever it holds stays within it.
        constants: name to a value of JSON types, written above the function.

    Raises:
        ValueError: the model has a part that cannot be written.
    """
    config = model.get_config()
    orders: dict[str, str] = {}
    lines, variables = _body(config["layers"], orders)
    last = _tensor(config["output_layers"], variables)
    images = _tensor(config["input_layers"], variables)
    whole = Call("keras.Model", [images, last, f"name={literal(model.name)}"])
    uses = [name for name in ("layers", "ops") if any(f"{name}." in line for line in lines)]
    parts = [
        docstring(description) if description else "",
        "import keras\n" + (f"from keras import {', '.join(uses)}\n" if uses else ""),
        "".join(assigned(name, value) for name, value in (constants or {}).items()),
        "".join(orders.values()),
    ]
    body = "".join(f"    {line}\n" if line else "\n" for line in lines)
    function = f"def build():\n{docstring('Returns the model, untrained.', 4)}{body}"
    function += whole.written("    return ", 4)
    return "\n".join(part for part in parts if part) + f"\n\n{function}"


def _body(
    entries: Sequence[Mapping[str, Any]], orders: dict[str, str]
) -> tuple[list[str], dict[str, str]]:
    """Writes every layer and operation.

    Args:
        entries: of the model's config, each after those whose outputs it reads.
        orders: gets the constants that the lines refer to.

    Returns:
        The lines, not indented, and the variable of each layer and operation by its name.
    """
    lines: list[str] = []
    variables: dict[str, str] = {}
    for entry in entries:
        is_layer = entry["module"] == "keras.layers"
        if not is_layer and not entry["module"].startswith("keras.src.ops."):
            raise ValueError(f"{entry['name']} is a {entry['class_name']}, which Keras has not")
        # An operation's own name counts on from whatever the process has built before.
        wanted = entry["name"] if is_layer else _snake(entry["class_name"]).replace("get_", "")
        variable = _variable(wanted, {*TAKEN, *variables.values()})
        if entry["name"] == "sequence":
            lines += ["", "# The sequence: (batch, timesteps, features)."]
        if entry["class_name"] == "InputLayer":
            lines += _input(entry["config"]).written(f"{variable} = ", 4).splitlines()
        else:
            if len(entry["inbound_nodes"]) != 1:
                raise ValueError(f"{entry['name']} is called more than once")
            node = entry["inbound_nodes"][0]
            lines += (
                _layer(entry, node, variable, variables)
                if is_layer
                else _operation(entry, node, variable, variables, orders)
            )
        variables[entry["name"]] = variable
    return lines, variables


def _input(config: Mapping[str, Any]) -> Call:
    shape, name = tuple(config["batch_shape"][1:]), config["name"]
    if config != layers.InputLayer(shape=shape, name=name).get_config():
        raise ValueError(f"the input {name} is not a plain one")
    return Call("keras.Input", [literal(shape), f"name={literal(name)}"])


def _layer(
    entry: Mapping[str, Any], node: Mapping[str, Any], variable: str, variables: Mapping[str, str]
) -> list[str]:
    """Writes a layer and its call: on one line, or on two where that is too long."""
    made = _constructor(entry, entry["name"])
    read = [_argument(argument, variables) for argument in node["args"]]
    for name, value in node["kwargs"].items():
        # Keras notes down that a layer has no mask and is not training, which are the defaults.
        if value is not None and (name, value) != ("training", False):
            read.append(f"{name}={_argument(value, variables)}")
    line = f"{variable} = {made.on_one_line()}({', '.join(read)})"
    if len(line) <= 96:
        return [line]
    lines = made.written("layer = ", 4).splitlines()
    return lines + Call("layer", list(read)).written(f"{variable} = ", 4).splitlines()


def _constructor(entry: Mapping[str, Any], name: str | None) -> Call:
    """Writes a layer with the fewest arguments that make its config.

    Args:
        entry: a layer of `keras.layers`, as a config describes it.
        name: written as the layer's; None leaves it to Keras.
    """
    class_name, config = entry["class_name"], entry["config"]
    kind = getattr(layers, class_name)
    parameters = inspect.signature(kind.__init__).parameters
    required = [
        parameter.name
        for parameter in list(parameters.values())[1:]
        if parameter.default is parameter.empty
        and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    ]
    given = {key: _unwrapped(config[key]) for key in required}
    order = [*(key for key in parameters if key in config), *config]
    while True:
        # Defaults may follow from what is given: a pooling's stride is its window.
        made = kind(**{k: _object(v) for k, v in given.items()}, name=config["name"])
        wrong = _differences(made, config, order)
        if wrong and "build_config" in entry:  # some are settled when the shapes are known
            made.build_from_config(entry["build_config"])
            wrong = _differences(made, config, order)
        if not wrong:
            break
        if wrong[0] in given:
            raise ValueError(f"{class_name} {config['name']} cannot be written: {wrong[0]}")
        given[wrong[0]] = _unwrapped(config[wrong[0]])
    arguments: list[Call | str] = [_value(given.pop(key)) for key in required]
    for key, value in given.items():
        written = _value(value)
        arguments.append(
            Call(f"{key}={written.function}", written.arguments)
            if isinstance(written, Call)
            else f"{key}={written}"
        )
    if name is not None:
        arguments.append(f"name={literal(name)}")
    return Call(f"layers.{class_name}", arguments)


def _differences(
    made: keras.layers.Layer, config: Mapping[str, Any], order: Sequence[str]
) -> list[str]:
    """Returns the keys, in their order, in which a layer's config is not the one that is wanted."""
    reached = made.get_config()
    return [key for key in order if _plain(reached[key]) != _plain(config[key])]


def _unwrapped(value: Any) -> Any:
    """Returns a layer's description without what `Bidirectional` sets in the layers it is given."""
    if not isinstance(value, Mapping) or value.get("module") != "keras.layers":
        return value
    config = {k: v for k, v in value["config"].items() if k != "zero_output_for_mask"}
    return {**value, "config": config}


def _object(value: Any) -> Any:
    """Returns what a config's value stands for."""
    described = isinstance(value, Mapping) and "class_name" in value
    return keras.saving.deserialize_keras_object(value, safe_mode=True) if described else value


def _plain(value: Any) -> Any:
    """Returns a config's value without what has no effect: tuple or list, names of inner layers."""
    if isinstance(value, Mapping):
        inner = {key: _plain(item) for key, item in value.items() if key != "build_config"}
        if value.get("module") == "keras.layers":
            inner["config"] = {k: v for k, v in inner["config"].items() if k != "name"}
        return inner
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _value(value: Any) -> Call | str:
    """Writes a value of a config: plain, or a layer, an initializer and the like."""
    if not isinstance(value, Mapping) or "class_name" not in value:
        return literal(value)
    module, name, config = value["module"], value["class_name"], value["config"]
    if name == "DTypePolicy":
        return literal(config["name"])
    if module == "keras.layers":
        return _constructor(value, None)
    if not module.startswith("keras.") or module.startswith("keras.src"):
        raise ValueError(f"a {name} of {module} cannot be written")
    return Call(f"{module}.{name}", [f"{key}={literal(item)}" for key, item in config.items()])


def _operation(
    entry: Mapping[str, Any],
    node: Mapping[str, Any],
    variable: str,
    variables: Mapping[str, str],
    orders: dict[str, str],
) -> list[str]:
    """Writes the call of a function of `keras.ops`, or an index."""
    name = _snake(entry["class_name"])
    if name == "get_item":
        read, key = node["args"]
        return [f"{variable} = {_argument(read, variables)}[{_index(key)}]"]
    function = getattr(ops, name, None)
    if function is None:
        raise ValueError(f"keras.ops has no {name}")
    parameters = inspect.signature(function).parameters
    given = dict(zip(parameters, node["args"], strict=False))
    own = {key: value for key, value in entry["config"].items() if key != "name"}
    given |= {**node["kwargs"], **own}
    arguments: list[Call | str] = []
    for key, value in given.items():
        parameter = parameters[key]
        if name == "take" and key == "indices" and _items(value) is not None:
            constant = _variable("ORDER", set(orders))
            orders[constant] = permutation(constant, _items(value) or [])
            arguments.append(constant)
        elif parameter.default is parameter.empty:
            arguments.append(_argument(value, variables))
        elif _plain(value) != _plain(parameter.default):
            arguments.append(f"{key}={_argument(value, variables)}")
    return Call(f"ops.{name}", arguments).written(f"{variable} = ", 4).splitlines()


def _argument(value: Any, variables: Mapping[str, str]) -> str:
    """Writes what a layer or operation is called with: tensors, lists of them, plain values."""
    if isinstance(value, Mapping) and value.get("class_name") == "__keras_tensor__":
        return _tensor(value["config"]["keras_history"], variables)
    items = _items(value)
    if items is not None and any(isinstance(item, Mapping) for item in items):
        return f"[{', '.join(_argument(item, variables) for item in items)}]"
    return literal(tuple(items) if items is not None else value)


def _tensor(history: Sequence[Any], variables: Mapping[str, str]) -> str:
    if isinstance(history[0], list | tuple) or tuple(history[1:]) != (0, 0):
        raise ValueError("only layers with one input and one output tensor can be written")
    return variables[history[0]]


def _index(key: Any) -> str:
    """Writes what stands between the brackets of an index."""
    items = _items(key)
    if items is not None:
        return ", ".join(_index(item) for item in items)
    if not isinstance(key, Mapping):
        return "..." if key is Ellipsis else literal(key)
    if key["class_name"] != "__slice__":
        raise ValueError(f"an index {key['class_name']} cannot be written")
    start, stop, step = (
        "" if key["config"][part] is None else literal(key["config"][part])
        for part in ("start", "stop", "step")
    )
    return f"{start}:{stop}:{step}" if step else f"{start}:{stop}"


def _items(value: Any) -> list[Any] | None:
    """Returns a sequence's items, as a config writes a sequence; None for anything else."""
    if isinstance(value, Mapping) and value.get("class_name") == "__tuple__":
        return list(value["items"])
    return list(value) if isinstance(value, list | tuple) else None


@functools.cache
def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _variable(name: str, taken: set[str]) -> str:
    """Returns a variable's name that is like this one and new."""
    stem = re.sub(r"\W", "_", name, flags=re.ASCII)
    if not stem.isidentifier() or keyword.iskeyword(stem):
        stem = f"_{stem}"
    variable, number = stem, 0
    while variable in taken:
        number += 1
        variable = f"{stem}_{number}"
    return variable
