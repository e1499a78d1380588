"""Scan orders are permutations, and each walks as it says."""

import numpy as np
import pytest

from spaces.scans import SCANS, distinct, scan

SMALL = [(height, width) for height in range(1, 13) for width in range(1, 13)]
LARGE = [(28, 28), (32, 32), (17, 23), (64, 16), (2, 100), (101, 2), (1, 300), (31, 33)]


def steps(order: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns moved from each timestep to the next."""
    rows, columns = np.divmod(order, width)
    return np.abs(np.diff(rows)), np.abs(np.diff(columns))


@pytest.mark.parametrize("name", SCANS)
def test_a_scan_visits_every_position_once_beginning_at_the_top_left(name):
    for height, width in SMALL + LARGE:
        order = scan(name, height, width)
        assert order.shape == (height * width,)
        assert np.issubdtype(order.dtype, np.integer)
        assert np.array_equal(np.sort(order), np.arange(height * width))
        assert order[0] == 0


@pytest.mark.parametrize("name", ["snake", "spiral", "hilbert"])
def test_every_step_is_to_a_neighbour_on_every_grid(name):
    for height, width in SMALL + LARGE:
        down, across = steps(scan(name, height, width), width)
        assert np.all(down + across == 1), (height, width)


def test_a_step_of_diagonal_may_go_to_any_of_the_eight_neighbours():
    for height, width in SMALL + LARGE:
        down, across = steps(scan("diagonal", height, width), width)
        assert np.all(np.maximum(down, across) == 1), (height, width)


def test_raster_jumps_only_at_the_end_of_a_row():
    down, across = steps(scan("raster", 3, 4), 4)
    assert np.flatnonzero(down + across > 1).tolist() == [3, 7]


@pytest.mark.parametrize(
    ("name", "order"),
    [
        ("raster", [0, 1, 2, 3, 4, 5, 6, 7, 8]),
        ("snake", [0, 1, 2, 5, 4, 3, 6, 7, 8]),
        ("spiral", [0, 1, 2, 5, 8, 7, 6, 3, 4]),
        ("diagonal", [0, 1, 3, 6, 4, 2, 5, 7, 8]),
    ],
)
def test_scans_of_three_by_three(name, order):
    assert scan(name, 3, 3).tolist() == order


def test_hilbert_of_four_by_four_is_the_curve_of_1891():
    assert scan("hilbert", 4, 4).tolist() == [0, 1, 5, 4, 8, 12, 13, 9, 10, 14, 15, 11, 7, 6, 2, 3]


def test_hilbert_keeps_neighbours_closer_in_time_than_raster_does():
    def typical_gap(name: str) -> float:
        time = np.argsort(scan(name, 32, 32)).reshape(32, 32)
        gaps = [np.abs(np.diff(time, axis=axis)).ravel() for axis in (0, 1)]
        return float(np.mean(np.log(np.concatenate(gaps))))

    assert typical_gap("hilbert") < typical_gap("raster")


def test_an_unknown_scan_is_refused_with_the_names_there_are():
    with pytest.raises(ValueError, match="raster, snake, hilbert, spiral, diagonal"):
        scan("peano", 4, 4)


def test_a_grid_without_positions_is_refused():
    with pytest.raises(ValueError, match="no positions"):
        scan("raster", 0, 4)


def test_only_scans_that_differ_are_offered():
    assert distinct([(8, 8), (4, 4), (3, 3)]) == list(SCANS)
    assert distinct([(1, 9)]) == ["raster"]
    assert distinct([(2, 2)]) == ["raster", "snake", "hilbert"]
    assert "spiral" not in distinct([(8, 8), (2, 8)])  # there it is the snake
