"""Hyperband's arithmetic (Li et al. 2018, arXiv:1603.06560), as KerasTuner 1.4.8 computes it.

Pure functions, no state. With R epochs at most and a factor η, bracket s has s + 1 rungs; the one
with the most rungs starts the most configurations and drops them soonest, bracket 0 trains a few to
the end. For R = 81 and η = 3, the paper's example:

    bracket    configurations → epochs, rung by rung
    4          81 → 1    27 → 3    9 → 9    3 → 27    1 → 81
    3          34 → 3    12 → 9    4 → 27   2 → 81
    2          15 → 9    5 → 27    2 → 81
    1          8 → 27    3 → 81
    0          5 → 81

KerasTuner rounds every size up; the paper's algorithm rounds down from the second rung on.

A first rung of more than one epoch, m, is the same with m epochs as the paper's unit of budget: as
many brackets and configurations as R / m has, each trained m times as long. R = 81 and m = 9:

    2          9 → 9     3 → 27    1 → 81
    1          5 → 27    2 → 81
    0          3 → 81

One bracket alone, the longest, with any number of configurations, is successive halving (Jamieson
and Talwalkar 2016, arXiv:1502.07943): 12 of them, R = 81 and m = 9:

    2          12 → 9    4 → 27    2 → 81
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping


@dataclasses.dataclass(frozen=True)
class Rung:
    """One step of a bracket.

    >>> Rung(size=27, first_epoch=1, last_epoch=3).epochs
    2

    Attributes:
        size: how many configurations it holds.
        first_epoch: epochs they have been trained when they enter.
        last_epoch: epochs they have been trained when they leave.
    """

    size: int
    first_epoch: int
    last_epoch: int

    @property
    def epochs(self) -> int:
        """Epochs that each configuration is trained in it."""
        return self.last_epoch - self.first_epoch


def bracket_count(max_epochs: int, factor: int, min_epochs: int = 1) -> int:
    """How many brackets there are: as often as max_epochs can be divided and leave min_epochs.

    ⌊log_η R/m⌋ + 1, counted rather than computed, so that no rounding of a logarithm matters.

    >>> bracket_count(max_epochs=81, factor=3)
    5
    >>> bracket_count(max_epochs=80, factor=3)
    4
    >>> bracket_count(max_epochs=81, factor=3, min_epochs=9)
    3
    """
    count, epochs = 0, float(max_epochs)
    while epochs >= min_epochs:
        epochs /= factor
        count += 1
    return count


def rung_size(max_epochs: int, factor: int, bracket: int, rung: int, min_epochs: int = 1) -> int:
    """How many configurations a rung holds: ⌈⌈1 + log_η R/m⌉ / (s + 1) · η^(s - r)⌉.

    >>> [rung_size(max_epochs=81, factor=3, bracket=3, rung=rung) for rung in range(4)]
    [34, 12, 4, 2]
    """
    # The logarithm in floating point is KerasTuner's; an exact one differs for powers beyond the
    # range in which the two are compared by a test.
    end = math.ceil(1 + math.log(max_epochs / min_epochs, factor)) / (bracket + 1)
    return math.ceil(end * factor ** (bracket - rung))


def rung_epochs(max_epochs: int, factor: int, bracket: int, rung: int) -> int:
    """How many epochs a configuration has been trained at the end of a rung: ⌈R / η^(s - r)⌉.

    >>> [rung_epochs(max_epochs=81, factor=3, bracket=3, rung=rung) for rung in range(4)]
    [3, 9, 27, 81]
    """
    return math.ceil(max_epochs / factor ** (bracket - rung))


def rungs(max_epochs: int, factor: int, bracket: int, min_epochs: int = 1) -> tuple[Rung, ...]:
    """A bracket's rungs, the first first.

    >>> for rung in rungs(max_epochs=9, factor=3, bracket=2):
    ...     print(rung)
    Rung(size=9, first_epoch=0, last_epoch=1)
    Rung(size=3, first_epoch=1, last_epoch=3)
    Rung(size=1, first_epoch=3, last_epoch=9)
    """
    ends = [rung_epochs(max_epochs, factor, bracket, rung) for rung in range(bracket + 1)]
    return tuple(
        Rung(rung_size(max_epochs, factor, bracket, rung, min_epochs), first, last)
        for rung, (first, last) in enumerate(zip([0, *ends], ends, strict=False))
    )


def halving(max_epochs: int, factor: int, bracket: int, size: int) -> tuple[Rung, ...]:
    """The rungs of a bracket that starts so many configurations, as long as those of `rungs`.

    >>> [rung.size for rung in halving(max_epochs=81, factor=3, bracket=3, size=27)]
    [27, 9, 3, 1]
    """
    return tuple(
        dataclasses.replace(rung, size=math.ceil(size / factor**number))
        for number, rung in enumerate(rungs(max_epochs, factor, bracket))
    )


def plan(
    max_epochs: int, factor: int, min_epochs: int = 1, configurations: int | None = None
) -> dict[int, tuple[Rung, ...]]:
    """The brackets and their rungs in the order in which they are opened, the longest first.

    >>> {bracket: [rung.size for rung in rungs] for bracket, rungs in plan(9, 3).items()}
    {2: [9, 3, 1], 1: [5, 2], 0: [3]}
    >>> [rung.size for rung in plan(max_epochs=9, factor=3, configurations=12)[2]]
    [12, 4, 2]

    Args:
        max_epochs: R, epochs of the longest trials.
        factor: η, how many times fewer configurations each rung holds.
        min_epochs: m, epochs that every configuration is trained, at least.
        configurations: of the longest bracket, if it is to be the only one.

    Raises:
        ValueError: min_epochs is below 1 or above max_epochs, factor below 2 or configurations
            below 1.
    """
    if not 1 <= min_epochs <= max_epochs or factor < 2 or configurations == 0:
        raise ValueError(
            "min_epochs must be at least 1, max_epochs at least that, factor at least 2 and "
            "configurations at least 1"
        )
    count = bracket_count(max_epochs, factor, min_epochs)
    if configurations is not None:
        return {count - 1: halving(max_epochs, factor, count - 1, configurations)}
    return {
        bracket: rungs(max_epochs, factor, bracket, min_epochs)
        for bracket in reversed(range(count))
    }


def places(plan: Mapping[int, tuple[Rung, ...]], iteration: int) -> list[tuple[int, int, int]]:
    """Returns the places of an iteration's first rungs, (iteration, bracket, slot), in their order.

    >>> places(plan(max_epochs=3, factor=3), iteration=0)
    [(0, 1, 0), (0, 1, 1), (0, 1, 2), (0, 0, 0), (0, 0, 1)]
    """
    return [
        (iteration, bracket, slot)
        for bracket, rungs in plan.items()
        for slot in range(rungs[0].size)
    ]


# What a bracket costs


def bracket_sizes(rungs: tuple[Rung, ...], drawn: int | None = None) -> list[int]:
    """How many trials each of a bracket's rungs has, if none fails.

    >>> bracket_sizes(plan(max_epochs=9, factor=3)[2])
    [9, 3, 1]
    >>> bracket_sizes(plan(max_epochs=9, factor=3)[2], drawn=2)  # a space of two configurations
    [2, 2, 1]

    Args:
        rungs: the bracket's, the first first.
        drawn: how many configurations it starts; by default as many as its first rung holds.
    """
    count = rungs[0].size if drawn is None else drawn
    return [count := min(count, rung.size) for rung in rungs]


def bracket_trials(rungs: tuple[Rung, ...], drawn: int | None = None) -> int:
    """How many trials a bracket has in all, if none fails; arguments as in `bracket_sizes`.

    >>> bracket_trials(plan(max_epochs=9, factor=3)[2])
    13
    """
    return sum(bracket_sizes(rungs, drawn))


def bracket_epochs(rungs: tuple[Rung, ...], drawn: int | None = None) -> int:
    """How many epochs a bracket trains in all, if none fails; arguments as in `bracket_sizes`.

    A promoted trial goes on where it stopped, so an epoch counts once: 9·1 + 3·2 + 1·6.

    >>> bracket_epochs(plan(max_epochs=9, factor=3)[2])
    21
    """
    sizes = bracket_sizes(rungs, drawn)
    return sum(size * rung.epochs for size, rung in zip(sizes, rungs, strict=True))


def totals(
    plan: Mapping[int, tuple[Rung, ...]], drawn: Mapping[tuple[int, int], int]
) -> tuple[int, int]:
    """How many trials an arm has in all, and epochs, if none fails.

    >>> totals(plan(max_epochs=9, factor=3), {(0, 2): 9, (0, 1): 5, (0, 0): 3})
    (23, 75)

    Args:
        plan: bracket to its rungs.
        drawn: (iteration, bracket) to the number of configurations that its rung 0 starts.
    """
    held = [(plan[bracket], count) for (_, bracket), count in drawn.items()]
    return (
        sum(bracket_trials(rungs, count) for rungs, count in held),
        sum(bracket_epochs(rungs, count) for rungs, count in held),
    )
