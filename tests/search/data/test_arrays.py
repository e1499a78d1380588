"""By which names arrays come."""

import numpy as np
import pytest

from search.data.arrays import NAMES, names_of
from search.experiment import ExperimentError
from tests.support.images import load, numbered, numbers, refusal


@pytest.mark.parametrize("names", NAMES)
def test_each_way_of_naming_is_read(tmp_path, names):
    arrays = {}
    for number, ((images, labels), *_) in enumerate(names.values()):
        arrays |= {images: numbered(30, first=100 * number), labels: np.arange(30)[:, None] % 3}
    np.savez(tmp_path / "a.npz", **arrays)
    data = load(tmp_path / "a.npz")
    assert data.own_validation and data.notes == ()
    assert numbers(data.validation).tolist() == [*range(100, 130)]
    assert numbers(data.open_test()).tolist() == [*range(200, 230)]


def test_the_names_that_a_file_has_are_said(tmp_path):
    np.savez(tmp_path / "a.npz", pictures=numbered(3), tags=np.arange(3))
    assert "lacks x_train and y_train: it has pictures, tags" in refusal(tmp_path / "a.npz")


def test_half_a_pair_is_missing_the_other_half():
    with pytest.raises(ExperimentError, match="lacks y_val"):
        names_of("a", ["x_train", "y_train", "x_val", "x_test", "y_test"])


def test_what_is_not_read_is_said_and_what_cannot_be_told_apart_is_refused(tmp_path):
    pair = {"x": numbered(30), "y": np.arange(30) % 3}
    np.savez(tmp_path / "a.npz", **pair, names=np.array(["a"]))
    assert load(tmp_path / "a.npz").notes[0] == "passed over: arrays names"
    np.savez(tmp_path / "a.npz", **pair, x_train=pair["x"])
    assert "x_train and x, names of two kinds" in refusal(tmp_path / "a.npz")
    with pytest.raises(ExperimentError, match="x_val and x_valid: keep one"):
        names_of("a", ["x", "y", "x_val", "y_val", "x_valid", "y_valid"])
    with pytest.raises(ExperimentError, match="two arrays called x"):
        names_of("a", ["x", "y", "x"])
