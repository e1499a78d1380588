"""The arrays of an HDF5 file."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from search.data.arrays import Arrays, Header
from search.data.sources import bad_data
from search.experiment import ExperimentError

ENDINGS = (".h5", ".hdf5")


class Hdf5(Arrays):
    """The data sets in the root of an HDF5 file, each an array."""

    def names(self) -> list[str]:
        """What its arrays are called."""
        with self._opened() as file:
            return sorted(file)

    def header(self, name: str) -> Header:
        """What may be known of an array before it is read."""
        import h5py  # which Keras brings

        with self._opened() as file:
            found = file[name]
            if not isinstance(found, h5py.Dataset):
                raise bad_data(
                    f"{self.path} has a group {name} where an array should be: save arrays by "
                    "these names in the file's root"
                )
            text = h5py.check_string_dtype(found.dtype) is not None
            if found.dtype.kind == "O" and not text:
                raise bad_data(
                    f"{name} of {self.path} holds references or lists, not numbers or text: save "
                    "it as an array of numbers, or of text"
                )
            return Header(name, tuple(found.shape), np.dtype("S") if text else found.dtype)

    def read(self, name: str) -> np.ndarray:
        """Reads an array."""
        with self._opened() as file:
            found = np.asarray(file[name])
            return found.astype("S") if found.dtype.kind == "O" else found

    @contextlib.contextmanager
    def _opened(self) -> Iterator[Any]:
        """The file; whatever a damaged one raises within the block becomes one line."""
        import h5py

        try:
            with h5py.File(self.path, "r") as file:
                yield file
        except ExperimentError:
            raise
        except MemoryError as error:
            raise bad_data(
                f"{self.path} does not fit into memory: save fewer or smaller images"
            ) from error
        except Exception as error:  # what is no HDF5, or holds groups where arrays should be
            raise bad_data(
                f"{self.path} is damaged or no HDF5 file of arrays ({error}): save it again"
            ) from error
