"""The images that a run keeps."""

from analysis import load_run
from analysis.report.findings import find
from analysis.report.sections import samples
from tests.support.synthetic_runs import make_run, with_images


def test_the_images_are_shown_with_their_classes(tmp_path):
    path = make_run(tmp_path / "run")
    assert samples.section(find(load_run(path))) is None
    (part,) = samples.section(find(load_run(with_images(path)))).parts
    assert [tile.text for tile in part.tiles] == ["0", "1", "2"]
    assert part.caption == "3 training images, by class."
