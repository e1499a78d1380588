"""What every source has in common: whole numbers as bytes, labels of any kind."""

import numpy as np
import pytest

from tests.support.images import arrays, load, npz, numbered, numbers, refusal


def test_test_values_that_are_no_uint8_are_found_before_the_search(tmp_path):
    message = refusal(npz(tmp_path / "a.npz", x_test=np.full((8, 4, 6), 300)))
    assert "x_test" in message and "0..255" in message


def test_labels_that_would_be_read_wrong_are_refused(tmp_path):
    y = np.array([2**63 + 5, 3], np.uint64)[np.arange(74) % 2]
    assert "below 2^63" in refusal(npz(tmp_path / "a.npz", y_train=y))
    y = np.array([b"a\xff", b"a\xfe"])[np.arange(74) % 2]
    assert "no UTF-8" in refusal(npz(tmp_path / "a.npz", y_train=y, y_test=y[:8]))


@pytest.mark.parametrize("dtype", [np.int16, np.int64, np.uint16, ">i4"])
def test_other_whole_numbers_are_taken_if_they_fit(tmp_path, dtype):
    data = load(npz(tmp_path / "a.npz", x_train=numbered(74).astype(dtype)))
    assert data.train.x.dtype == np.uint8
    assert sorted([*numbers(data.train), *numbers(data.validation)]) == list(range(74))


@pytest.mark.parametrize(
    "names",
    [
        np.array(["pear", "apple", "fig", "kiwi"]),
        np.array([b"pear", b"apple", b"fig", b"kiwi"]),
        np.array([7, -3, 200, 5], np.int16),
        np.array([70, 3, 200, 5], np.uint64),
    ],
)
def test_labels_of_any_kind_become_indices_in_sorted_order(tmp_path, names):
    source = arrays()
    y_train, y_test = names[source["y_train"]], names[source["y_test"]]
    data = load(npz(tmp_path / "a.npz", y_train=y_train[:, None], y_test=y_test))
    text = [name.decode() if isinstance(name, bytes) else str(name) for name in np.sort(names)]
    assert data.class_names == tuple(text)
    given = [np.sort(names).tolist().index(label) for label in y_test.tolist()]
    assert data.open_test().y.tolist() == given
