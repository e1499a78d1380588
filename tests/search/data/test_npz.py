"""`.npz` files: all shapes that are images, the test arrays unread, everything odd in one line."""

import io
import zipfile

import numpy as np
import pytest

from tests.support.images import arrays, load, npz, numbered, refusal, same, spoil


@pytest.mark.parametrize("member", ["x_test.npy", "y_test.npy"])
def test_a_test_split_that_is_damaged_is_found_before_the_search(tmp_path, member):
    spoil(npz(tmp_path / "a.npz"), member)
    assert "a.npz is damaged" in refusal(tmp_path / "a.npz")


@pytest.mark.parametrize("shape", [(4, 6), (6, 4), (1, 2), (5, 3, 1), (5, 7, 3), (5, 7, 4)])
def test_grey_colour_and_alpha_of_any_size(tmp_path, shape):
    x = numbered(74, shape)
    data = load(npz(tmp_path / "a.npz", x_train=x, x_test=numbered(8, shape)))
    assert data.image_shape == (*shape, 1)[:3]
    assert data.open_test().x.shape == (8, *data.image_shape)


def test_a_compressed_npz_and_fortran_order(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", **arrays(x_train=np.asfortranarray(numbered(74))))
    assert same(load(tmp_path / "a.npz").train, load(npz(tmp_path / "a.npz")).train)


BAD_ARRAYS = {
    "no x_test": ({"x_test": None}, "lacks x_test: it has x_train, y_test, y_train; save it with"),
    "no labels": ({"y_train": None, "y_test": None}, "lacks y_train, y_test"),
    "floats": ({"x_train": np.zeros((74, 4, 6))}, "float64: scale it to 0..255"),
    "floats to test on": ({"x_test": np.zeros((8, 4, 6), "f4")}, "x_test"),
    "true or false": ({"x_train": np.zeros((74, 4, 6), bool)}, "save images as uint8"),
    "below 0": ({"x_train": np.full((74, 4, 6), -1)}, "values from -1 to -1: scale them"),
    "above 255": ({"x_train": np.full((74, 4, 6), 256)}, "values from 256 to 256: scale them"),
    "two channels": ({"x_train": np.zeros((74, 4, 6, 2), "u1")}, "(N, H, W, C)"),
    "channels first": ({"x_train": np.zeros((74, 3, 6, 6), "u1")}, "transpose(0, 2, 3, 1)"),
    "flat": ({"x_train": np.zeros((74, 24), "u1")}, "(N, H, W)"),
    "five axes": ({"x_train": np.zeros((74, 2, 4, 6, 3), "u1")}, "(N, H, W)"),
    "a number": ({"x_train": np.uint8(7)}, "(N, H, W)"),
    "no images": ({"x_train": np.zeros((0, 4, 6), "u1"), "y_train": np.zeros(0, int)}, "one image"),
    "no test images": ({"x_test": np.zeros((0, 4, 6), "u1"), "y_test": np.zeros(0, int)}, "x_test"),
    "no width": ({"x_train": np.zeros((74, 4, 0), "u1")}, "two pixels"),
    "one pixel": ({"x_train": np.zeros((74, 1, 1), "u1")}, "two pixels"),
    "another size": ({"x_test": np.zeros((8, 6, 4), "u1")}, "save both in one size"),
    "another number": ({"y_train": np.zeros(73, int)}, "save one label an image"),
    "another test number": ({"y_test": np.zeros(7, int)}, "y_test"),
    "one-hot": ({"y_train": np.zeros((74, 4), "u1")}, "save one label an image"),
    "float labels": ({"y_train": np.zeros(74)}, "whole numbers or text"),
    "mixed labels": ({"y_test": np.array(list("abcdabcd"))}, "both as text"),
    "one class": ({"y_train": np.zeros(74, int)}, "at least two"),
    "one image": ({"y_train": np.arange(74) // 73}, "class 1 of"),
    "pickled": ({"x_train": np.array([None] * 74)}, "pickled objects, which are never loaded"),
    "pickled test": ({"y_test": np.array(list("abcdabcd"), object)}, "y_test"),
}


@pytest.mark.parametrize("case", BAD_ARRAYS)
def test_bad_arrays_are_refused_in_one_line(tmp_path, case):
    changes, words = BAD_ARRAYS[case]
    message = refusal(npz(tmp_path / "bad.npz", **changes))
    assert words in message and "bad.npz" in message


def rezipped(path, name, content):
    """Writes an .npz with one array replaced by bytes."""
    with zipfile.ZipFile(path, "w") as archive:
        for key, array in arrays().items():
            buffer = io.BytesIO()
            np.save(buffer, array)
            archive.writestr(f"{key}.npy", content if key == name else buffer.getvalue())


@pytest.mark.parametrize("name", ["x_train", "y_test"])
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x93NUMPY",
        b"\x93NUMPY\x03\x00" + b"\x10\x00\x00\x00" + b" " * 16,
        b"\x93NUMPY\x01\x00\x10\x00" + b"{'descr': '|u1',",
        # A header that promises a terabyte.
        b"\x93NUMPY\x01\x00\x76\x00"
        + b"{'descr': '|u1', 'fortran_order': False, 'shape': (1000000, 1000, 1000)}".ljust(118),
    ],
)
def test_damaged_members_are_refused_in_one_line(tmp_path, name, content):
    rezipped(tmp_path / "bad.npz", name, content)
    assert "bad.npz is damaged" in refusal(tmp_path / "bad.npz")


def test_damaged_files_are_refused_in_one_line(tmp_path):
    text = tmp_path / "text.npz"
    text.write_text("x_train")
    assert "save it again with numpy.savez" in refusal(text)
    whole = npz(tmp_path / "whole.npz").read_bytes()
    for length in (0, 10, len(whole) // 2, len(whole) - 1):
        (tmp_path / "cut.npz").write_bytes(whole[:length])
        assert "cut.npz is damaged" in refusal(tmp_path / "cut.npz")
    for member in ("x_train.npy", "y_train.npy"):
        spoil(npz(tmp_path / "spoilt.npz"), member)
        assert "spoilt.npz is damaged" in refusal(tmp_path / "spoilt.npz")
    (tmp_path / "folder.npz").mkdir()
    assert "has no images" in refusal(tmp_path / "folder.npz")
    (tmp_path / "mnist.npz").mkdir()
    assert "is not a file" in refusal("mnist", data_dir=str(tmp_path))


@pytest.mark.parametrize("failure", [PermissionError(13, "Permission denied"), MemoryError()])
def test_a_file_that_cannot_be_opened(tmp_path, monkeypatch, failure):
    def fail(*_):
        raise failure

    file = npz(tmp_path / "a.npz")
    monkeypatch.setattr(zipfile, "ZipFile", fail)
    assert "a.npz" in refusal(file)
