"""What is random in an epoch, all of it from (seed, epoch) alone.

Three things are: the order of the images, their augmentation and the states of the layers'
generators, dropout's for one. Each draws from a stream of its own, which NumPy's `SeedSequence`
derives from whole numbers (after O'Neill 2015, "Developing a seed_seq alternative"):

    order            [seed, epoch, 0]
    augmentation     [seed, epoch, 1]
    layer's state    [seed, epoch, 2, generator]

The numbers of an epoch are drawn before it begins, by NumPy, so they are the same on every backend
and device. Nothing is carried from one epoch to the next, so training that stops after any epoch
goes on exactly as if it had not.
"""

from __future__ import annotations

import keras
import numpy as np

ORDER, AUGMENTATION, GENERATORS = range(3)


def order(seed: int, epoch: int, images: int, count: int | None = None) -> np.ndarray:
    """Returns the order in which an epoch takes the images: a permutation, int32 (images,).

    >>> order(seed=0, epoch=0, images=4).tolist() == order(0, 0, 4).tolist()
    True
    >>> sorted(order(seed=0, epoch=1, images=4).tolist())
    [0, 1, 2, 3]

    An epoch of fewer images goes on in the same passes where the last one has left off, so that
    each image has been taken as often as any other, but for once:

    >>> passes = np.concatenate([order(0, number, images=4) for number in range(3)])
    >>> parts = np.concatenate([order(0, epoch, images=4, count=3) for epoch in range(4)])
    >>> np.array_equal(parts, passes)
    True

    Args:
        seed: the trial's.
        epoch: 0 is the first.
        images: how many there are.
        count: how many an epoch takes; None for all.
    """
    count = images if count is None else count
    places = np.arange(epoch * count, (epoch + 1) * count)
    passes = {
        number: np.random.default_rng([seed, number, ORDER]).permutation(images)
        for number in np.unique(places // images).tolist()
    }
    taken = [passes[number][places[places // images == number] % images] for number in passes]
    return np.concatenate(taken).astype("int32")


def augmentation_generator(seed: int, epoch: int) -> np.random.Generator:
    """Returns what an epoch's augmentation is drawn from."""
    return np.random.default_rng([seed, epoch, AUGMENTATION])


def is_generator_state(variable: keras.Variable) -> bool:
    """Whether a variable is the state of a generator, dropout's for one: uint32 (2,)."""
    return variable.path.endswith("seed_generator_state")


def generator_state(seed: int, epoch: int, generator: int) -> np.ndarray:
    """Returns the state that a layer's generator has when an epoch begins: uint32 (2,).

    A `.keras` file does not bring back the state of dropout's generators, so a state that merely
    went on from batch to batch could not be continued in another process.

    Args:
        seed: the trial's.
        epoch: 0 is the first.
        generator: its place among the model's generators, from 0.
    """
    rng = np.random.default_rng([seed, epoch, GENERATORS, generator])
    return rng.integers(0, 2**32, size=2, dtype=np.uint32)
