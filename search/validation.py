"""What is read from a file has its types, or is refused: the types, and the check.

The check is msgspec's: it reads the dataclasses that there are anyway, says where something is
wrong, brings no other package along and takes a microsecond a row.
"""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

Kind = TypeVar("Kind")

# What no experiment reaches, but what SQLite and NumPy can still count with.
MOST = 999_999_999
YEAR_10000 = 253_402_300_800.0

Number = Annotated[int, Meta(ge=0, le=MOST)]
Count = Annotated[int, Meta(ge=1, le=MOST)]
Size = Annotated[int, Meta(ge=0, le=2**63 - 1)]  # in bytes, or in operations
Flag = Annotated[int, Meta(ge=0, le=1)]  # as SQLite has it
Share = Annotated[float, Meta(ge=0, le=1)]
Finite = Annotated[float, Meta(ge=-sys.float_info.max, le=sys.float_info.max)]
Positive = Annotated[float, Meta(gt=0, le=sys.float_info.max)]
Seconds = Annotated[float, Meta(ge=0, le=YEAR_10000)]  # a duration, or since 1970
Text = Annotated[str, Meta(min_length=1)]
Texts = Annotated[tuple[Text, ...], Meta(min_length=1)]
Side = Annotated[int, Meta(ge=1, le=9999)]  # of an image, in pixels
Factor = Annotated[int, Meta(ge=2, le=MOST)]
Scalar = bool | int | float | str | None


def checked(kind: type[Kind], value: object, place: str) -> Kind:
    """Returns a value of JSON's or SQLite's types as one of a kind.

    >>> checked(tuple[Count, Count], [24, 0], "image_size")
    Traceback (most recent call last):
    ...
    ValueError: expected int >= 1, at image_size[1]

    Args:
        kind: a dataclass, or any other type that has annotations.
        value: what was read.
        place: where it was, for the error.

    Raises:
        ValueError: something in it has another type, or is out of range, or is missing; one line.
    """
    try:
        # Or text in place of bytes would be taken for base64.
        return msgspec.convert(value, kind, builtin_types=(bytes,))
    except (msgspec.ValidationError, RecursionError) as error:
        reason, _, inside = str(error).replace("`", "").partition(" - at $")
        raise ValueError(f"{reason[:1].lower()}{reason[1:]}, at {place}{inside}") from error


def parsed(kind: type[Kind], text: str, place: str) -> Kind:
    """Returns JSON as a value of a kind.

    >>> parsed(dict[str, Scalar], '{"lstm_units": 64}', "values")
    {'lstm_units': 64}

    Raises:
        ValueError: it is no JSON, or its value is no such.
    """
    try:
        value = json.loads(text, parse_constant=_no_number)
    except RecursionError as error:
        raise ValueError(f"nested too deeply, at {place}") from error
    except ValueError as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"no JSON ({reason}), at {place}") from error
    return checked(kind, value, place)


def _no_number(name: str) -> Any:
    """Refuses what Python's parser takes for a number, and JSON does not know."""
    raise ValueError(f"{name} is no number")
