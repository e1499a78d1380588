"""What is random in an epoch, all of it from (seed, epoch) alone.

Three things are: the order of the images, their augmentation and the states of the layers'
generators, dropout's for one. Each draws from a stream that NumPy's `SeedSequence` derives from
whole numbers (after O'Neill 2015, "Developing a seed_seq alternative"):

    order            [seed, epoch]
    augmentation     [seed, epoch, batch]
    layer's state    [seed, epoch, 2**30 + generator], away from those of the batches

`SeedSequence` reads a number that is missing as 0, so the first batch's augmentation is drawn from
the stream that the order is. One is a permutation, the other shifts and mirrors: it does no harm,
and another derivation would change every number.

Nothing is carried from one epoch to the next, so training that stops after any epoch goes on
exactly as if it had not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras
import numpy as np

if TYPE_CHECKING:
    from spaces.training.batches import EpochBatches


def order(seed: int, epoch: int, images: int) -> np.ndarray:
    """Returns the order in which an epoch takes the images: a permutation, integers (images,).

    >>> order(seed=0, epoch=0, images=4).tolist() == order(0, 0, 4).tolist()
    True
    >>> sorted(order(seed=0, epoch=1, images=4).tolist())
    [0, 1, 2, 3]
    """
    return np.random.default_rng([seed, epoch]).permutation(images)


def augmentation_generator(seed: int, epoch: int, batch: int) -> np.random.Generator:
    """Returns what a batch's augmentation is drawn from; batches count from 0."""
    return np.random.default_rng([seed, epoch, batch])


def seed_states(model: keras.Model) -> list[keras.Variable]:
    """Returns the states of the generators of dropout and the like, in the order of the layers.

    Each is a variable, uint32 (2,).
    """
    return [
        variable for variable in model.variables if variable.path.endswith("seed_generator_state")
    ]


def set_seed_states(model: keras.Model, seed: int, epoch: int) -> None:
    """Assigns the state of every layer's generator, as it is when the epoch begins."""
    for index, state in enumerate(seed_states(model)):
        rng = np.random.default_rng([seed, epoch, 2**30 + index])
        state.assign(rng.integers(0, 2**32, size=2, dtype=np.uint32))


class EpochRandomness(keras.callbacks.Callback):
    """Sets everything random in an epoch from (seed, epoch) before the epoch begins.

    A `.keras` file does not bring back the state of dropout's generators, so a state that merely
    went on from batch to batch could not be continued in another process.

    Args:
        batches: what the model is fed; its order is set.
        seed: the trial's.
    """

    def __init__(self, batches: EpochBatches, seed: int):
        super().__init__()
        self.batches, self.seed = batches, seed

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Orders the epoch's batches and assigns the state of every layer's generator."""
        self.batches.start_epoch(epoch)
        set_seed_states(self.model, self.seed, epoch)
