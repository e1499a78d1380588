"""Fields that are options of the command line."""

from __future__ import annotations

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True)
class Option:
    """How a field is set on the command line; `search.options` makes its option of it.

    Attributes:
        kind: what its value is: a key of `search.options.KINDS`.
        help: what it does; its default is added where it has one.
        metavar: how the value is called in the help.
        auto: whether the command line leaves it to the data (`search.plan`) unless it is given.
        choices: what it may be; any value of its kind where there are none.
    """

    kind: str
    help: str
    metavar: str | None = None
    auto: bool = False
    choices: tuple[str, ...] = ()


def option(
    kind: str,
    help: str,
    default: Any = None,
    metavar: str | None = None,
    auto: bool = False,
    choices: tuple[str, ...] = (),
) -> Any:
    """A field with a default that is an option of the command line."""
    told = Option(kind, help, metavar, auto, choices)
    return dataclasses.field(default=default, metadata={"option": told})
