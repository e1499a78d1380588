"""Fields that are options of the command line."""

from __future__ import annotations

import dataclasses

from search.fields import Option, option


@dataclasses.dataclass
class Asked:
    """Two fields that are options and one that is none."""

    epochs: int = option("count", "how many", 9, metavar="N", auto=True)
    name: str | None = option("text", "called so")
    left: int = 3


def test_a_field_has_its_default_and_what_its_option_says():
    assert Asked() == Asked(9, None, 3)
    told = {field.name: field.metadata.get("option") for field in dataclasses.fields(Asked)}
    assert told == {
        "epochs": Option("count", "how many", "N", True),
        "name": Option("text", "called so"),
        "left": None,
    }
