"""Small data sets as files, and how they are loaded or refused."""

import os
import struct
import zipfile

import numpy as np
import pytest
from PIL import Image

from search.data.datasets import load_dataset
from search.experiment import Experiment, ExperimentError

COUNTS = {0: 40, 1: 25, 2: 7, 3: 2}  # images a class: uneven on purpose


def load(dataset, **options):
    """Returns the data set as a search of one strategy loads it."""
    return load_dataset(Experiment(dataset=str(dataset), strategies=("lines",), **options))


def refusal(dataset, **options):
    """Returns the one line with which an experiment is refused."""
    with pytest.raises(ExperimentError) as caught:
        load(dataset, **options)
    return the_line(caught)


def the_line(caught):
    """Returns what was said, having checked that it is one line that says what to do."""
    message = str(caught.value)
    assert message.isprintable() and len(message.splitlines()) == 1
    assert ": " in message  # what is wrong: what to do
    return message


def numbered(count, shape=(4, 6), first=0):
    """Images that can be told apart: the number of each lies in its first two pixels."""
    x = np.zeros((count, *shape), np.uint8)
    flat = x.reshape(count, -1)
    high, flat[:, 1] = np.divmod(np.arange(first, first + count), 256)
    flat[:, 0] = 255 - high  # so that they use the whole range
    return x


def numbers(images):
    """Returns the number of each of the images that `numbered` made, as `Images`."""
    flat = images.x.reshape(len(images.x), -1).astype(int)
    return (255 - flat[:, 0]) * 256 + flat[:, 1]


def arrays(**changes):
    """Returns the four arrays of an `.npz`, with changes; None takes one out."""
    y = np.repeat(list(COUNTS), list(COUNTS.values()))
    y = np.random.default_rng(0).permutation(y)
    parts = {
        "x_train": numbered(len(y)),
        "y_train": y,
        "x_test": numbered(8, first=1000),
        "y_test": np.arange(8) % 4,
    }
    return {name: array for name, array in {**parts, **changes}.items() if array is not None}


def npz(path, **changes):
    """Writes `arrays` and returns the path."""
    np.savez(path, **arrays(**changes))
    return path


MARKS = {"RGB": (255, 0, 0), "RGBA": (255, 0, 0, 255), "LA": (255, 255), "I;16": 65535, "1": 1}


def picture(path, mode="RGB", size=(6, 4), colour=None, mark=False, **options):
    """Writes an image of one colour; `size` is Pillow's (width, height).

    With a mark its last pixel is another, so that there is something to see, in its range and
    its channels. Its name lies behind it, so that no two files are copies.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new(mode, size, colour or 0)
    if mark:
        image.putpixel((size[0] - 1, size[1] - 1), MARKS.get(mode, 255))
    if mode == "P":
        image.putpalette([*[0] * 765, 255, 0, 0])
    image.save(path, **options)
    return signed(path)


def signed(path):
    """Writes a file's name behind it, so that it is no copy of another; returns the path."""
    with path.open("ab") as file:
        file.write(os.fsencode(path))
    return path


def pictures(folder, count=5, classes=("cat", "dog"), **options):
    """Writes class folders of images, the first of each class with a mark; returns the folder."""
    for name in classes:
        for number in range(count):
            picture(folder / name / f"{number}.png", mark=number == 0, **options)
    return folder


def same(one, other):
    """Whether two sets hold the same images with the same labels."""
    return np.array_equal(one.x, other.x) and np.array_equal(one.y, other.y)


def spoil(path, member):
    """Overwrites what lies behind the header of one array of an uncompressed .npz."""
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        start = archive.getinfo(member).header_offset
        size = archive.getinfo(member).file_size
    name, extra = struct.unpack("<HH", content[start + 26 : start + 30])
    data = start + 30 + name + extra + 128  # NumPy pads its header to 128 bytes
    content[data : start + 30 + name + extra + size] = bytes(
        255 - value for value in content[data : start + 30 + name + extra + size]
    )
    path.write_bytes(content)
