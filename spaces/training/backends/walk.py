"""A model's layers, with those that are inside others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

INSIDE = ("layer", "forward_layer", "backward_layer")


def every_layer(model: Any) -> Iterator[Any]:
    """Yields a model or layer, and all layers in it, each once."""
    yield model
    inner = [getattr(model, name, None) for name in INSIDE]
    for layer in {id(each): each for each in [*getattr(model, "layers", []), *inner]}.values():
        if layer is not None:
            yield from every_layer(layer)
