"""The data sets that have names: scikit-learn's digits, and those that Keras knows."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import socket
import sys
from pathlib import Path
from typing import Any

import numpy as np

from search.data.sources import Part, Reader, Source, as_images, as_labels, bad_data, part_of_arrays

# What each of Keras's loaders keeps below `datasets` in its cache: name -> how its paths begin.
KERAS_CACHE = {
    "mnist": "mnist.npz",
    "fashion_mnist": "fashion-mnist",
    "cifar10": "cifar-10-batches-py-target",
    "cifar100": "cifar-100-python-target",
}
KERAS_NAMES = tuple(KERAS_CACHE)
NAMES = ("digits", *KERAS_NAMES)

# A trouser looks the same in a mirror, a 7 does not. Of other people's images we know nothing.
MIRRORED = ("fashion_mnist", "cifar10", "cifar100")

# One address that does not answer costs this long, and a host may have a dozen.
SOCKET_TIMEOUT_SECONDS = 5.0

_FINE = """apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus
butterfly camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach couch
crab crocodile cup dinosaur dolphin elephant flatfish forest fox girl hamster house
kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle
mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree
plain plate poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark
shrew skunk skyscraper snail snake spider squirrel streetcar sunflower sweet_pepper table
tank telephone television tiger tractor train trout tulip turtle wardrobe whale
willow_tree wolf woman worm"""

CLASS_NAMES = {
    "fashion_mnist": (
        *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
        *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    ),
    "cifar10": (
        *("airplane", "automobile", "bird", "cat", "deer"),
        *("dog", "frog", "horse", "ship", "truck"),
    ),
    "cifar100": tuple(_FINE.split()),
}


def digits_source() -> Source:
    """scikit-learn's 1,797 digits of 8×8 pixels, 0..16 scaled to 0..255; no download.

    Returns:
        Images uint8 (n, 8, 8, 1), labels 0 to 9.
    """
    from sklearn.datasets import load_digits

    digits = load_digits()
    x = np.rint(digits.images * (255 / 16)).astype(np.uint8)[..., np.newaxis]
    return _source_of_arrays({"train": (x, as_labels("digits", "y", digits.target))})


def keras_source(name: str, looked_in: Path | None = None) -> Source:
    """One of Keras's data sets, from its cache or the network.

    Args:
        name: one of `KERAS_NAMES`.
        looked_in: the folder that was searched for the file first, for the message.

    Raises:
        ExperimentError: it is not in the cache and cannot be fetched.
    """
    loader = importlib.import_module(f"keras.datasets.{name}")
    before = _cached(name)
    timeout = socket.getdefaulttimeout()
    socket.setdefaulttimeout(SOCKET_TIMEOUT_SECONDS)
    try:
        with contextlib.redirect_stdout(_Chatter(sys.stderr)):
            (x_train, y_train), (x_test, y_test) = loader.load_data()
    except BaseException as error:
        _remove(_cached(name) - before)
        if not isinstance(error, Exception):  # Ctrl-C
            raise
        file = f"{name}.npz"
        reason = f"there is no {looked_in / file}, and " if looked_in else ""
        spoilt = sorted(path for path in before if path.name != "datasets")
        damaged = f", delete {spoilt[0]} if it is damaged" if spoilt else ""
        raise bad_data(
            f"{reason}Keras cannot load {name} ({error}): check the network{damaged}, give "
            f"--data-dir DIR with {file} in DIR, or take --dataset digits, which needs no download"
        ) from error
    finally:
        socket.setdefaulttimeout(timeout)
    where = f"Keras's {name}"
    given = {"train": (x_train, y_train), "test": (x_test, y_test)}
    parts = {
        part: (as_images(where, f"x_{part}", x), as_labels(where, f"y_{part}", y))
        for part, (x, y) in given.items()
    }
    return _source_of_arrays(parts)


def _source_of_arrays(parts: dict[str, tuple[np.ndarray, np.ndarray]]) -> Source:
    """A source of arrays that come together."""

    def listed(part: str) -> Part:
        x, y = parts[part]
        return part_of_arrays(f"x_{part}", y, lambda: x)

    reader = Reader(lambda part, places: parts[part][0][places])
    return Source(
        listed("train"), None, listed("test") if "test" in parts else None, lambda _: reader
    )


def _cached(name: str) -> set[Path]:
    """Everything that Keras's cache holds of a data set, and the cache's own folder."""
    home = Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser()
    folders = (home / "datasets", Path("/tmp/.keras/datasets"))  # the second where home is shut
    own = [path for folder in folders for path in folder.glob(f"{KERAS_CACHE[name]}*")]
    below = [path for folder in own for path in folder.rglob("*")]
    return {*filter(Path.is_dir, folders), *own, *below}


def _remove(paths: set[Path]) -> None:
    """Deletes files, and folders once they are empty."""
    for path in sorted(paths, reverse=True):  # what lies in a folder comes before it
        with contextlib.suppress(OSError):
            if path.is_dir():
                path.rmdir()
            else:
                path.unlink()


class _Chatter(io.TextIOBase):
    """Passes Keras's progress on to a terminal, but not before the first bytes have come."""

    def __init__(self, terminal: Any) -> None:
        self.terminal = terminal
        self.held: str | None = None

    def write(self, text: str) -> int:
        """Holds the line that names the address; what follows it is progress."""
        if self.terminal.isatty():
            if self.held is None:
                self.held = text
            else:
                self.terminal.write(self.held + text)
                self.held = ""
        return len(text)

    def flush(self) -> None:
        """Flushes the terminal."""
        self.terminal.flush()

    def isatty(self) -> bool:
        """Whether the progress is drawn in place."""
        return bool(self.terminal.isatty())
