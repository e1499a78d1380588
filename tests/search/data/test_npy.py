"""Folders of `.npy` files."""

import os

import numpy as np
import pytest

from tests.support.images import arrays, load, npz, pictures, refusal, same


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "a").mkdir()
    for name, array in arrays().items():
        np.save(tmp_path / "a" / f"{name}.npy", array)
    return tmp_path / "a"


def test_they_are_what_an_npz_of_the_same_arrays_is(folder, tmp_path):
    one, other = load(folder), load(npz(tmp_path / "a.npz"))
    assert same(one.train, other.train) and same(one.validation, other.validation)
    assert same(one.open_test(), other.open_test())
    assert load(folder / "x_train.npy").test_count == one.test_count


def test_one_array_of_another_name_is_told_which_are_read(folder):
    np.save(folder / "more.npy", arrays()["x_train"])
    assert "more.npy is one array: call" in refusal(folder / "more.npy")
    assert "passed over: arrays more" in load(folder).notes


def test_class_folders_beside_them_are_said(folder):
    pictures(folder)
    (folder / "empty").mkdir()
    said = "passed over: images in cat/, dog/, beside the .npy files that are read"
    assert said in load(folder).notes


def test_a_pipe_is_not_waited_for(folder):
    (folder / "x_train.npy").unlink()
    os.mkfifo(folder / "x_train.npy")
    assert "x_train.npy is no file" in refusal(folder)


def test_a_link_that_leads_nowhere_is_said(folder):
    (folder / "x_train.npy").unlink()
    (folder / "x_train.npy").symlink_to("nothing")
    assert "check that it is there" in refusal(folder)


def test_damage_is_one_line(folder):
    (folder / "y_test.npy").unlink()
    assert "lacks y_test" in refusal(folder)
    np.save(folder / "y_test.npy", np.array([None] * 8), allow_pickle=True)
    assert "pickled objects, which are never loaded" in refusal(folder)
    (folder / "y_test.npy").write_bytes(b"\x93NUMPY")
    assert "y_test.npy is damaged" in refusal(folder)
    content = (folder / "x_train.npy").read_bytes()
    (folder / "x_train.npy").write_bytes(content[:-5])
    assert "x_train.npy is damaged" in refusal(folder)
