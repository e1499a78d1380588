"""Hyperband's arithmetic (Li et al. 2018, arXiv:1603.06560), as KerasTuner 1.4.8 computes it.

Pure functions, no state. Bracket s has s + 1 rungs; the one with the most rungs starts the most
configurations and drops them soonest, bracket 0 trains a few to the end.
"""

from __future__ import annotations

import dataclasses
import math


@dataclasses.dataclass(frozen=True)
class Rung:
    """One step of a bracket.

    Attributes:
        size: how many configurations it holds.
        first_epoch: epochs they have been trained when they enter.
        last_epoch: epochs they have been trained when they leave.
    """

    size: int
    first_epoch: int
    last_epoch: int


def bracket_count(max_epochs: int, factor: int) -> int:
    """How many brackets there are: as often as max_epochs can be divided and leave an epoch."""
    count, epochs = 0, float(max_epochs)
    while epochs >= 1:
        epochs /= factor
        count += 1
    return count


def rung_size(max_epochs: int, factor: int, bracket: int, rung: int) -> int:
    """How many configurations a rung holds."""
    # The logarithm in floating point is KerasTuner's; an exact one differs for powers beyond the
    # range in which the two are compared by a test.
    end = math.ceil(1 + math.log(max_epochs, factor)) / (bracket + 1)
    return math.ceil(end * factor ** (bracket - rung))


def rung_epochs(max_epochs: int, factor: int, bracket: int, rung: int) -> int:
    """How many epochs a configuration has been trained at the end of a rung."""
    return math.ceil(max_epochs / factor ** (bracket - rung))


def rungs(max_epochs: int, factor: int, bracket: int) -> tuple[Rung, ...]:
    """A bracket's rungs, the first first."""
    ends = [rung_epochs(max_epochs, factor, bracket, rung) for rung in range(bracket + 1)]
    return tuple(
        Rung(rung_size(max_epochs, factor, bracket, rung), first, last)
        for rung, (first, last) in enumerate(zip([0, *ends], ends, strict=False))
    )


def plan(max_epochs: int, factor: int) -> dict[int, tuple[Rung, ...]]:
    """All brackets and their rungs in the order in which they are opened, the longest first.

    Raises:
        ValueError: max_epochs is below 1 or factor below 2.
    """
    if max_epochs < 1 or factor < 2:
        raise ValueError("max_epochs must be at least 1 and factor at least 2")
    count = bracket_count(max_epochs, factor)
    return {bracket: rungs(max_epochs, factor, bracket) for bracket in reversed(range(count))}
