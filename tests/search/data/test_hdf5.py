"""HDF5 files of arrays."""

import h5py
import numpy as np
import pytest

from tests.support.images import arrays, load, npz, refusal, same


def write(path, **changes):
    with h5py.File(path, "w") as file:
        for name, array in arrays(**changes).items():
            file[name] = array
    return path


def test_they_are_what_an_npz_of_the_same_arrays_is(tmp_path):
    one, other = load(write(tmp_path / "a.h5")), load(npz(tmp_path / "a.npz"))
    assert same(one.train, other.train) and same(one.validation, other.validation)
    assert same(one.open_test(), other.open_test())


@pytest.mark.parametrize("kind", ["S", "O"])
def test_labels_of_text(tmp_path, kind):
    names = np.array(["pear", "fig", "kiwi", "caf\u00e9"])
    labels = {
        name: np.array([each.encode() for each in names[arrays()[name]].tolist()], dtype=kind)
        for name in ("y_train", "y_test")
    }
    data = load(write(tmp_path / "a.hdf5", **labels))
    assert data.class_names == ("caf\u00e9", "fig", "kiwi", "pear")


def test_damage_is_one_line(tmp_path):
    assert "lacks x_test" in refusal(write(tmp_path / "a.h5", x_test=None))
    whole = write(tmp_path / "b.h5").read_bytes()
    for length in (0, 10, len(whole) // 2):
        (tmp_path / "cut.h5").write_bytes(whole[:length])
        assert "damaged or no HDF5" in refusal(tmp_path / "cut.h5")
    with h5py.File(tmp_path / "group.h5", "w") as file:
        for name in arrays():
            file.create_group(name)
    assert "a group x_train where an array should be" in refusal(tmp_path / "group.h5")


def test_what_are_no_numbers_and_no_text_is_refused(tmp_path):
    file = write(tmp_path / "a.h5", y_train=None)
    with h5py.File(file, "a") as opened:
        opened.create_dataset("y_train", (74,), dtype=h5py.ref_dtype)
    assert "y_train of" in (said := refusal(file)) and "references or lists" in said


def test_more_than_the_memory_holds_is_refused_before_it_is_read(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name, shape in {"x": (10**9, 100, 100), "y": (10**9,)}.items():
            file.create_dataset(name, shape, "u1", chunks=(1000, *shape[1:]))
    assert "1,000,000,000 images" in (said := refusal(tmp_path / "a.h5")) and "memory" in said
