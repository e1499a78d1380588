"""The arrays of a folder of `.npy` files, without a pickle."""

from __future__ import annotations

import numpy as np

from search.data.arrays import Arrays, Header
from search.data.sources import bad_data


class NpyFolder(Arrays):
    """The `.npy` files of a folder, each an array."""

    mapped = True

    def names(self) -> list[str]:
        """What its arrays are called."""
        return sorted(file.stem for file in self.path.glob("*.npy"))

    def header(self, name: str) -> Header:
        """What may be known of an array before it is read."""
        array = self._open(name)
        return Header(name, array.shape, array.dtype)

    def read(self, name: str) -> np.ndarray:
        """Reads an array, as it is asked for: the file is mapped into memory."""
        return self._open(name)

    def _open(self, name: str) -> np.ndarray:
        file = self.path / f"{name}.npy"
        if file.exists() and not file.is_file():  # a pipe would be waited for
            raise bad_data(f"{file} is no file: save the array there with numpy.save")
        try:
            array: np.ndarray = np.load(file, mmap_mode="r", allow_pickle=False)
        except OSError as error:
            raise bad_data(
                f"cannot read {file} ({error.strerror or error}): "
                "check that it is there and may be read"
            ) from error
        except Exception as error:  # pickled objects, or anything that a damaged header raises
            raise bad_data(
                f"{file} is damaged or holds pickled objects, which are never loaded ({error}): "
                "save it again with numpy.save"
            ) from error
        return array
