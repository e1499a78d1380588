"""The sequence that a strategy makes of an image."""

import numpy as np

from analysis import load_run
from analysis.report.findings import find
from analysis.report.sections import sequences
from analysis.report.sections.sequences import fitted, painted, unrolled
from tests.support.synthetic_runs import make_run, with_images


def test_a_sequence_holds_every_pixel_once_in_the_order_of_time():
    random = np.random.default_rng(0)
    image = random.integers(0, 256, (6, 5, 3), dtype=np.uint8)
    rows, columns = np.indices((6, 5))
    by_column = unrolled(image, columns)
    assert (by_column[:, :, :3] == image).all()
    assert (unrolled(image, rows)[:, :, :3] == image.transpose(1, 0, 2)).all()
    # Timesteps of unlike sizes: clear below the last pixel.
    times = random.integers(0, 4, (6, 5))
    strip = unrolled(image, times)
    assert strip.shape == (np.bincount(times.ravel()).max(), 4, 4)
    for step in range(4):
        opaque = strip[:, step, 3] == 255
        assert (strip[opaque, step, :3] == image[times == step]).all()


def test_a_coarse_map_is_stretched_over_the_image():
    assert (fitted(np.array([[0], [1]]), (4, 3)) == [[0] * 3] * 2 + [[1] * 3] * 2).all()


def test_time_runs_from_dark_to_light():
    shades = painted(np.arange(5)[None], 5)
    assert shades.shape == (1, 5, 4)
    assert (np.diff(shades[0, :, :3].astype(int).sum(axis=1)) > 0).all()
    assert painted(np.zeros((2, 3), int), 1).shape == (2, 3, 4)


def test_the_strategies_whose_maps_are_kept_have_a_row(tmp_path):
    found = find(load_run(with_images(make_run(tmp_path / "run"))))
    (part,) = sequences.section(found).parts
    assert [row.strategy for row in part.rows] == ["lines"]
    assert [len(row.sequences) for row in part.rows] == [3]
