"""Arrays of images and labels: by which names they come, and what their headers must say."""

from __future__ import annotations

import abc
import collections
import dataclasses
import functools
import itertools
import math
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from search.data.sources import Reader, Source, as_images, as_labels, bad_data, part_of_arrays

NAMES: tuple[dict[str, tuple[tuple[str, str], ...]], ...] = (
    {
        "train": (("x_train", "y_train"),),
        "validation": (
            ("x_val", "y_val"),
            ("x_valid", "y_valid"),
            ("x_validation", "y_validation"),
        ),
        "test": (("x_test", "y_test"),),
    },
    {  # MedMNIST's
        "train": (("train_images", "train_labels"),),
        "validation": (("val_images", "val_labels"), ("valid_images", "valid_labels")),
        "test": (("test_images", "test_labels"),),
    },
    {
        "train": (("x", "y"),),
        "validation": (("x_val", "y_val"), ("x_valid", "y_valid")),
        "test": (("x_test", "y_test"),),
    },
)
"""Part to the names of its images and labels, in each of the ways that are understood."""


BYTES_AN_IMAGE = 300  # its name, label and fingerprint


@dataclasses.dataclass(frozen=True)
class Header:
    """An array's name, shape and type: all that may be known of it before it is read."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]


class Arrays(abc.ABC):
    """Named arrays in a file or folder; each method raises ExperimentError where it is damaged.

    Attributes:
        path: what holds them.
        where: the same, for messages.
        mapped: whether they are read from the disk piece by piece, as they are asked for.
    """

    mapped = False

    def __init__(self, path: Path):
        self.path, self.where = path, str(path)

    @abc.abstractmethod
    def names(self) -> list[str]:
        """What they are called."""

    @abc.abstractmethod
    def header(self, name: str) -> Header:
        """What may be known of an array before it is read."""

    @abc.abstractmethod
    def read(self, name: str) -> np.ndarray:
        """Reads an array."""


def source_of_arrays(arrays: Arrays) -> Source:
    """Reads headers and labels; images only when they are asked for.

    Raises:
        ExperimentError: they are not images and labels.
    """
    held = arrays.names()
    names = names_of(arrays.where, held)
    headers = {
        part: (arrays.header(images), arrays.header(labels))
        for part, (images, labels) in names.items()
    }
    check_parts(arrays.where, headers)
    _check_memory(arrays, [images for images, _ in headers.values()])

    def images_of(part: str) -> np.ndarray:
        name = names[part][0]
        return as_images(arrays.where, name, arrays.read(name))

    parts = {
        part: part_of_arrays(
            images,
            as_labels(arrays.where, labels, arrays.read(labels)),
            functools.partial(images_of, part),
        )
        for part, (images, labels) in names.items()
    }
    reader = Reader(lambda part, places: images_of(part)[places])
    rest = sorted({*held} - {*itertools.chain(*names.values())})
    notes = (f"passed over: arrays {', '.join(rest)}",) if rest else ()
    return Source(
        parts["train"], parts.get("validation"), parts.get("test"), lambda _: reader, notes
    )


def _check_memory(arrays: Arrays, images: Sequence[Header]) -> None:
    """Refuses images that do not fit into this machine's memory: a header may say anything.

    Raises:
        ExperimentError: they do not.
    """
    count = sum(each.shape[0] for each in images)
    read = 0 if arrays.mapped else sum(math.prod(i.shape) * i.dtype.itemsize for i in images)
    if read + count * BYTES_AN_IMAGE > psutil.virtual_memory().total:
        raise bad_data(
            f"the {count:,} images of {arrays.where} do not fit into memory: save fewer or smaller "
            "ones"
        )


def names_for(*parts: str) -> set[str]:
    """Returns what the arrays of such parts may be called.

    >>> sorted(names_for("train"))[:3]
    ['train_images', 'train_labels', 'x']
    """
    return {name for way in NAMES for part in parts for pair in way[part] for name in pair}


def names_of(where: str, held: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Returns which arrays are which part's: images and labels.

    >>> names_of("a.npz", ["x", "y"])
    {'train': ('x', 'y')}

    Raises:
        ExperimentError: those for training are not there, one of a pair is missing, or there are
            more than can be told apart.
    """
    if twice := [name for name, count in collections.Counter(held).items() if count > 1]:
        raise bad_data(f"{where} has two arrays called {twice[0]}: {_wanted(held)}")
    ways = [way for way in NAMES if {*itertools.chain(*way["train"])} & {*held}]
    if not ways:
        raise bad_data(f"{where} lacks x_train and y_train: {_wanted(held)}")
    if len(ways) > 1:
        one, other = (
            next(name for name in itertools.chain(*way["train"]) if name in held)
            for way in ways[:2]
        )
        raise bad_data(f"{where} has {one} and {other}, names of two kinds: {_wanted(held)}")
    (way,) = ways
    found = {}
    for part, pairs in way.items():
        there = [pair for pair in pairs if {*pair} & {*held}]
        if len(there) > 1:
            raise bad_data(f"{where} has {there[0][0]} and {there[1][0]}: keep one")
        if there or (part != "validation" and not (part == "test" and way is NAMES[-1])):
            found[part] = there[0] if there else pairs[0]
    missing = [name for pair in found.values() for name in pair if name not in held]
    if missing:
        raise bad_data(f"{where} lacks {', '.join(missing)}: {_wanted(held)}")
    return found


def _wanted(held: Collection[str]) -> str:
    has = ", ".join(sorted(held)[:8]) or "nothing"
    return (
        f"it has {has}; save it with numpy.savez(path, x_train=..., y_train=..., x_test=..., "
        "y_test=...), or x=..., y=... where there is no test split"
    )


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


def check_parts(where: str, headers: Mapping[str, tuple[Header, Header]]) -> None:
    """Checks that all parts hold images of one shape, and labels of one kind.

    Args:
        where: the file, for messages.
        headers: part to the headers of its images and labels.

    Raises:
        ExperimentError: they do not.
    """
    shapes = {part: check_pair(where, *pair) for part, pair in headers.items()}
    for part, shape in shapes.items():
        if shape != shapes["train"]:
            raise bad_data(
                f"{where} has training images of shape {shapes['train']} and {part} images of "
                f"shape {shape}: save both in one size"
            )
    first = headers["train"][1]
    for _, labels in headers.values():
        if (labels.dtype.kind in "US") != (first.dtype.kind in "US"):
            raise bad_data(
                f"{where} has labels of type {first.dtype} in {first.name} and {labels.dtype} in "
                f"{labels.name}: save both as whole numbers or both as text"
            )
