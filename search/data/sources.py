"""What a data set is read from: labels at once, images a part at a time, the test split last."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable

import numpy as np

from search.experiment import ExperimentError
from search.wording import escaped


@dataclasses.dataclass(frozen=True)
class Part:
    """The images of a split, listed.

    Attributes:
        labels: (N,) whole numbers or text.
        names: (N,) text: what each image is called, no two alike in a source.
        fingerprints: -> of each image's content. It reads all of them.
    """

    labels: np.ndarray
    names: np.ndarray
    fingerprints: Callable[[], list[str]]


@dataclasses.dataclass(frozen=True)
class Source:
    """Images that are listed, and read once it is known which are for training.

    Attributes:
        train: the images for training, and for what has no part of its own.
        validation: those that come as such; None where they are to be drawn.
        test: likewise.
        reader: places of the images in `train` that are trained on -> what reads images, as those
            ask for it.
        notes: what the user is to know of what was listed, a line each.
    """

    train: Part
    validation: Part | None
    test: Part | None
    reader: Callable[[np.ndarray], Reader]
    notes: tuple[str, ...] = ()

    @property
    def parts(self) -> dict[str, Part]:
        """Those that there are, by name."""
        given = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: part for name, part in given.items() if part is not None}


@dataclasses.dataclass(frozen=True)
class Reader:
    """What reads images.

    Attributes:
        read: the name of a part, and places (n,) in it -> uint8 (n, H, W, C).
        notes: what the user is to know of how, a line each.
        form: what it is that images are made to be.
    """

    read: Callable[[str, np.ndarray], np.ndarray]
    notes: tuple[str, ...] = ()
    form: str = "as they are"


def part_of_arrays(images: str, labels: np.ndarray, read: Callable[[], np.ndarray]) -> Part:
    """Returns images that come in an array, as a part.

    Args:
        images: what the array is called.
        labels: of each, (N,).
        read: -> the images, (N, H, W, C).
    """
    names = np.array([f"{images}[{place}]" for place in range(len(labels))])

    def fingerprints() -> list[str]:
        x = read()
        shape = repr(x.shape[1:]).encode()
        return [fingerprint(shape + each.tobytes()) for each in x]

    return Part(labels, names, fingerprints)


def fingerprint(content: bytes) -> str:
    """Returns what is the same for equal content, and for no other that anyone can find."""
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def bad_data(message: str) -> ExperimentError:
    """Returns the error to raise; names from outside may hold anything."""
    return ExperimentError(escaped(message))


def as_images(where: str, name: str, array: np.ndarray) -> np.ndarray:
    """Returns uint8 (N, H, W, C) of whole numbers (N, H, W) or (N, H, W, C).

    Args:
        where: the file or data set, for the message.
        name: the array's, likewise.
        array: the images.

    Raises:
        ExperimentError: a number is no uint8.
    """
    if array.dtype != np.uint8:
        low, high = int(array.min()), int(array.max())
        if low < 0 or high > 255:
            raise bad_data(
                f"{name} of {where} has values from {low} to {high}: scale them to 0..255 "
                "and save them with .astype('uint8')"
            )
    images = array.astype(np.uint8, copy=False)
    return images[..., np.newaxis] if images.ndim == 3 else images


def as_labels(where: str, name: str, array: np.ndarray) -> np.ndarray:
    """Returns labels (N,) as int64 or text of labels (N,) or (N, 1).

    Args:
        where: the file or data set, for the message.
        name: the array's, likewise.
        array: whole numbers, or text as such or in UTF-8.

    Raises:
        ExperimentError: a number is too large to count with, or text is no UTF-8.
    """
    flat = array.reshape(-1)
    if flat.dtype.kind == "S":
        try:
            return np.array([label.decode("utf-8") for label in flat.tolist()], dtype=str)
        except UnicodeDecodeError as error:
            raise bad_data(
                f"{name} of {where} has the label {error.object!r}, which is no UTF-8: save "
                "labels as whole numbers or as text"
            ) from error
    if flat.dtype.kind == "u" and len(flat) and int(flat.max()) > np.iinfo(np.int64).max:
        raise bad_data(
            f"{name} of {where} has the label {int(flat.max())}: save labels that are below 2^63"
        )
    return flat if flat.dtype.kind == "U" else flat.astype(np.int64)
