"""What `--dataset` says, and what is found there."""

import pytest

from search.data.locate import source_of
from search.experiment import Experiment
from tests.support.images import npz, pictures, refusal


def parts(dataset, **options):
    return [*source_of(Experiment(str(dataset), ("lines",), **options)).parts]


def test_names_files_and_folders(tmp_path):
    assert parts("digits") == ["train"]
    assert parts(npz(tmp_path / "mnist.npz")) == ["train", "test"]
    assert parts("mnist", data_dir=str(tmp_path)) == ["train", "test"]
    assert parts(pictures(tmp_path / "a"), image_size=(8, 8)) == ["train"]


@pytest.mark.parametrize("name", ["a.txt", "a.mat", "a"])
def test_any_other_file_is_answered_with_what_is_read(tmp_path, name):
    (tmp_path / name).write_text("no images")
    assert "an .h5, or a .csv of paths and labels" in refusal(tmp_path / name)


def test_what_is_asked_of_image_files_is_refused_where_there_are_none(tmp_path):
    for dataset in ("digits", str(npz(tmp_path / "a.npz"))):
        assert "--skip-broken leaves out" in refusal(dataset, skip_broken=True)
