"""What is changed in Python and Keras while they run, and why; nothing else does so."""

from __future__ import annotations

import contextlib
import gc
import random
import threading
from collections.abc import Iterator

import keras


@contextlib.contextmanager
def initial_weights_from(seed: int) -> Iterator[None]:
    """What this thread builds within the block gets weights that follow from the seed alone.

    Keras draws the seeds of initial weights from Python's global generator. Any other thread of the
    process may draw from it, too (those of a Dask worker do), and then the same seed would give
    other weights. So for this thread the generator is one of its own.
    """
    keras.utils.set_random_seed(seed)
    own, owner, shared = random.Random(seed), threading.get_ident(), random.randint

    def randint(a: int, b: int) -> int:
        return (own.randint if threading.get_ident() == owner else shared)(a, b)

    random.randint = randint
    try:
        yield
    finally:
        random.randint = shared


def keep_what_is_loaded() -> None:
    """Has the garbage collector leave alone what the process has made by now: the libraries.

    They stay anyway. To look through them, half a million objects after every trial, would take a
    sixth of a short trial's time.
    """
    gc.collect()
    gc.freeze()
