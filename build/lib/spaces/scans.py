"""Scan orders: how the positions of a grid become timesteps. Pure index permutations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np


def scan(name: str, height: int, width: int) -> np.ndarray:
    """Returns the flat indices of a height × width grid in the order of a scan.

    Args:
        name: a key of `SCANS`.
        height: of the grid.
        width: of the grid.

    Returns:
        Integers (height · width,), a permutation: position t of the sequence is read at row
        `index // width`, column `index % width`.

    Raises:
        ValueError: there is no such scan, or the grid has no positions.
    """
    if name not in SCANS:
        raise ValueError(f"no scan {name!r}: choose from {', '.join(SCANS)}")
    if height < 1 or width < 1:
        raise ValueError(f"a {height}x{width} grid has no positions to scan")
    return SCANS[name](height, width)


def distinct(grids: Iterable[tuple[int, int]]) -> list[str]:
    """Returns the scans that differ from one another on every one of these grids.

    On small grids some coincide (on 2×2, snake and spiral), and two names for one order would be
    two configurations of one model. The earlier name in `SCANS` stays.
    """
    orders = {name: [tuple(scan(name, *grid)) for grid in grids] for name in SCANS}
    names: list[str] = []
    for name, order in orders.items():
        if all(a != b for kept in names for a, b in zip(order, orders[kept], strict=True)):
            names.append(name)
    return names


def raster(height: int, width: int) -> np.ndarray:
    """Row by row, each from left to right; it jumps back at the end of every row."""
    return np.arange(height * width)


def snake(height: int, width: int) -> np.ndarray:
    """Row by row, every second one from right to left; every step is to a neighbour."""
    grid = np.arange(height * width).reshape(height, width)
    grid[1::2] = grid[1::2, ::-1]
    return grid.reshape(-1)


def spiral(height: int, width: int) -> np.ndarray:
    """From the top left corner clockwise inwards; every step is to a neighbour."""
    grid = np.arange(height * width).reshape(height, width)
    turns = []
    while grid.size:
        turns.append(grid[0])
        grid = np.rot90(grid[1:])
    return np.concatenate(turns)


def diagonal(height: int, width: int) -> np.ndarray:
    """The zigzag of JPEG: anti-diagonals, up and down in turn; a step may be diagonal."""
    row, column = np.divmod(np.arange(height * width), width)
    sums = row + column
    return np.lexsort((np.where(sums % 2, row, column), sums))


def hilbert(height: int, width: int) -> np.ndarray:
    """A Hilbert curve for any rectangle: what is near on the curve is near in the image.

    The construction is Červený's "gilbert", which runs along the longer side from corner to
    corner. Where that side is odd and the other even it needs a diagonal step: on a chessboard
    both ends have one colour, and a walk over an even number of squares ends on the other. There
    it runs along the shorter side instead, so that every step is to a neighbour on every grid.
    """
    horizontal = width >= height
    if max(height, width) % 2 and not min(height, width) % 2:
        horizontal = not horizontal
    along, across = ((0, width), (height, 0)) if horizontal else ((height, 0), (0, width))
    rows, columns = zip(*_gilbert((0, 0), along, across), strict=True)
    return np.array(rows) * width + np.array(columns)


_Vector = tuple[int, int]


def _gilbert(start: _Vector, along: _Vector, across: _Vector) -> Iterator[_Vector]:
    """Yields (row, column) over the rectangle from `start` that `along` and `across` span.

    It ends at the far end of `along`. Cut along the longer side if the rectangle is oblong, else
    into three: up, along the top, and down again. Halves are kept even where they can be, since
    an even one is crossed without a diagonal step.
    """
    (row, column), length, breadth = start, abs(sum(along)), abs(sum(across))
    step, side = _unit(along), _unit(across)
    if breadth == 1 or length == 1:
        stride = step if breadth == 1 else side
        for i in range(max(length, breadth)):
            yield row + i * stride[0], column + i * stride[1]
        return
    half, half_across = _half(along), _half(across)
    if 2 * length > 3 * breadth:
        if abs(sum(half)) % 2 and length > 2:
            half = _add(half, step)
        yield from _gilbert(start, half, across)
        yield from _gilbert(_add(start, half), _add(along, _times(half, -1)), across)
        return
    if abs(sum(half_across)) % 2 and breadth > 2:
        half_across = _add(half_across, side)
    yield from _gilbert(start, half_across, half)
    rest = _add(across, _times(half_across, -1))
    yield from _gilbert(_add(start, half_across), along, rest)
    last = _add(_add(start, _add(along, _times(step, -1))), _add(half_across, _times(side, -1)))
    yield from _gilbert(last, _times(half_across, -1), _add(half, _times(along, -1)))


def _unit(vector: _Vector) -> _Vector:
    return int(np.sign(vector[0])), int(np.sign(vector[1]))


def _half(vector: _Vector) -> _Vector:
    # Rounds down, also for negative sides: the construction relies on it.
    return vector[0] // 2, vector[1] // 2


def _add(a: _Vector, b: _Vector) -> _Vector:
    return a[0] + b[0], a[1] + b[1]


def _times(vector: _Vector, factor: int) -> _Vector:
    return vector[0] * factor, vector[1] * factor


SCANS: dict[str, Callable[[int, int], np.ndarray]] = {
    "raster": raster,
    "snake": snake,
    "hilbert": hilbert,
    "spiral": spiral,
    "diagonal": diagonal,
}
