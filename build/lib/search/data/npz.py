"""An `.npz` file as a source: what its headers say, and its arrays without a pickle."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import functools
import io
import math
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from search.data.sources import Source, as_images, as_labels, bad_data
from search.experiment import ExperimentError

ARRAYS = ("x_train", "y_train", "x_test", "y_test")
LONGEST_HEADER = 1 << 14  # bytes; NumPy itself refuses more than 10,000


@dataclasses.dataclass(frozen=True)
class Header:
    """An array's name, shape and type: all that may be known of it before it is read."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]


def image_shape(where: str, images: Header) -> tuple[int, int, int]:
    """Returns (H, W, C) of an array of images.

    Raises:
        ExperimentError: it is none.
    """
    name, shape, kind = images.name, images.shape, images.dtype.kind
    if kind == "f":
        raise bad_data(
            f"{name} of {where} is {images.dtype}: scale it to 0..255 (times 255 if it is 0..1) "
            "and save it with .astype('uint8')"
        )
    if kind not in "iu":
        raise bad_data(f"{name} of {where} is {images.dtype}: save images as uint8")
    if len(shape) == 4 and shape[1] in (1, 3, 4) and shape[3] not in (1, 2, 3, 4):
        raise bad_data(
            f"{name} of {where} has shape {shape}, channels first: "
            "save it with .transpose(0, 2, 3, 1)"
        )
    height, width, channels = (*shape[1:], 1)[:3] if len(shape) in (3, 4) else (0, 0, 0)
    if channels not in (1, 3, 4) or len(shape) not in (3, 4):
        raise bad_data(
            f"{name} of {where} has shape {shape}: save images as (N, H, W) or (N, H, W, C) "
            "with C of 1, 3 or 4"
        )
    if min(shape) < 1 or height * width < 2:
        raise bad_data(
            f"{name} of {where} has shape {shape}: give one image or more, of two pixels or more"
        )
    return height, width, channels


def check_pair(where: str, images: Header, labels: Header) -> tuple[int, int, int]:
    """Returns (H, W, C) of images whose labels fit them in number and type.

    Raises:
        ExperimentError: they do not.
    """
    shape = image_shape(where, images)
    if labels.dtype.kind not in "iubUS":
        raise bad_data(
            f"{labels.name} of {where} is {labels.dtype}: save labels as whole numbers or text"
        )
    if labels.shape not in ((images.shape[0],), (images.shape[0], 1)):
        raise bad_data(
            f"{labels.name} of {where} has shape {labels.shape} and {images.name} holds "
            f"{images.shape[0]} images: save one label an image, shape ({images.shape[0]},)"
        )
    return shape


def npz_source(path: Path) -> Source:
    """Opens an `.npz`; of the test arrays it reads the headers alone.

    Args:
        path: a file with the arrays x_train, y_train, x_test, y_test.

    Raises:
        ExperimentError: it cannot be read, or its arrays are not images and labels.
    """
    if not path.is_file():
        raise bad_data(f"{path} is not a file: give an .npz, or a folder of class folders")
    with _open_npz(path) as archive:
        missing = [name for name in ARRAYS if f"{name}.npy" not in archive.namelist()]
        if missing:
            raise bad_data(
                f"{path} lacks {', '.join(missing)}: "
                "save it with numpy.savez(path, x_train=..., y_train=..., x_test=..., y_test=...)"
            )
        headers = {name: _read_header(path, archive, name) for name in ARRAYS}
        shape = check_pair(str(path), headers["x_train"], headers["y_train"])
        test_shape = check_pair(str(path), headers["x_test"], headers["y_test"])
        if shape != test_shape:
            raise bad_data(
                f"{path} has training images of shape {shape} and test images of shape "
                f"{test_shape}: save both in one size"
            )
        kinds = [headers[name].dtype.kind in "US" for name in ("y_train", "y_test")]
        if kinds[0] != kinds[1]:
            raise bad_data(
                f"{path} has labels of type {headers['y_train'].dtype} in y_train and "
                f"{headers['y_test'].dtype} in y_test: save both as whole numbers or both as text"
            )
        labels = as_labels(_read_array(archive, "y_train"))
    return Source(
        labels=labels,
        read=lambda indices: _read_images(path, "x_train")[indices],
        test_count=headers["x_test"].shape[0],
        read_test=functools.partial(_read_npz_test, path),
    )


def _read_images(path: Path, name: str) -> np.ndarray:
    with _open_npz(path) as archive:
        return as_images(str(path), name, _read_array(archive, name))


def _read_npz_test(path: Path) -> tuple[np.ndarray, np.ndarray]:
    with _open_npz(path) as archive:
        labels = as_labels(_read_array(archive, "y_test"))
    return _read_images(path, "x_test"), labels


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
