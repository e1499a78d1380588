"""The arrays of an `.npz`: what their headers say, and what they hold, without a pickle."""

from __future__ import annotations

import contextlib
import copy
import io
import math
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from search.data.arrays import Arrays, Header
from search.data.sources import bad_data
from search.experiment import ExperimentError

LONGEST_HEADER = 1 << 14  # bytes; NumPy itself refuses more than 10,000


class Npz(Arrays):
    """The arrays of an `.npz`."""

    def names(self) -> list[str]:
        """What its arrays are called."""
        if not self.path.is_file():
            raise bad_data(f"{self.path} is not a file: give an .npz, or a folder of class folders")
        with _open_npz(self.path) as archive:
            return [name.removesuffix(".npy") for name in archive.namelist()]

    def header(self, name: str) -> Header:
        """What may be known of an array before it is read."""
        with _open_npz(self.path) as archive:
            return _read_header(self.path, archive, name)

    def read(self, name: str) -> np.ndarray:
        """Reads an array."""
        with _open_npz(self.path) as archive:
            return _read_array(archive, name)


@contextlib.contextmanager
def _open_npz(path: Path) -> Iterator[zipfile.ZipFile]:
    """An archive; whatever a damaged one raises within the block becomes one line."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except ExperimentError:
        raise
    except MemoryError as error:
        raise bad_data(f"{path} does not fit into memory: save fewer or smaller images") from error
    except OSError as error:
        raise bad_data(
            f"cannot read {path} ({error.strerror or error}): check its rights"
        ) from error
    except Exception as error:  # anything from BadZipFile to zlib.error and tokenize's
        raise bad_data(
            f"{path} is damaged or no .npz ({error}): save it again with numpy.savez"
        ) from error


def _read_header(path: Path, archive: zipfile.ZipFile, name: str) -> Header:
    # Without its checksum, which zipfile would compare with the values of a small array.
    info = copy.copy(archive.getinfo(f"{name}.npy"))
    del info.CRC
    with archive.open(info) as member:
        start = io.BytesIO(member.read(LONGEST_HEADER))
    version = np.lib.format.read_magic(start)
    if version == (1, 0):
        shape, _, dtype = np.lib.format.read_array_header_1_0(start)
    elif version == (2, 0):
        shape, _, dtype = np.lib.format.read_array_header_2_0(start)
    else:
        raise ValueError(f"{name} has format {version}")
    if dtype.hasobject:
        raise bad_data(
            f"{name} of {path} holds pickled objects, which are never loaded: save it as "
            "one array of whole numbers, or of text with .astype(str)"
        )
    # A header that lies would cost memory, or hours of search before the finals find out.
    if start.tell() + math.prod(shape) * dtype.itemsize != info.file_size:
        raise ValueError(f"{name} is not as long as its header says")
    return Header(name, shape, dtype)


def _read_array(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    with archive.open(f"{name}.npy") as member:
        array = np.lib.format.read_array(member, allow_pickle=False)
        member.read(1)  # the end: where zipfile compares the checksum
    return array
