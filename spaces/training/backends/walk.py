"""A model's layers, with those that are inside others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

INSIDE = ("layer", "forward_layer", "backward_layer")


def every_layer(model: Any) -> Iterator[Any]:
    """Yields a model or layer, and all layers in it, each once."""
    waiting, seen = [model], set()
    while waiting:
        layer = waiting.pop()
        if layer is None or id(layer) in seen:
            continue
        seen.add(id(layer))
        yield layer
        waiting += [*getattr(layer, "layers", []), *(getattr(layer, name, None) for name in INSIDE)]
