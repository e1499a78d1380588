"""What a model is fed: augmented images and their targets, a batch a function of its number."""

from __future__ import annotations

import keras
import numpy as np

from spaces.training import randomness

AUGMENTATIONS = ("none", "shift", "shift_flip")


def shift(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Moves every image by up to an eighth of each side (at least a pixel), filling with zeros.

    A side of one pixel stays where it is: moved, nothing of the image would be left.

    Args:
        images: (n, height, width, channels), left as they are.
        rng: the only source of chance.
    """
    count, height, width, _ = images.shape
    down, across = (min(side - 1, max(1, side // 8)) for side in (height, width))
    padded = np.pad(images, ((0, 0), (down, down), (across, across), (0, 0)))
    rows = rng.integers(0, 2 * down + 1, count)[:, None] + np.arange(height)
    columns = rng.integers(0, 2 * across + 1, count)[:, None] + np.arange(width)
    return padded[np.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]]


def flip(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Mirrors each image, left to right, with probability one half."""
    mirrored = rng.random(len(images)) < 0.5
    return np.where(mirrored[:, None, None, None], images[:, :, ::-1], images)


def augment(images: np.ndarray, kind: str, rng: np.random.Generator) -> np.ndarray:
    """Applies one of `AUGMENTATIONS`.

    On arrays rather than as layers: Keras's layers for it switch off compilation under JAX, and a
    design should open as a plain model.
    """
    if kind not in AUGMENTATIONS:
        raise ValueError(f"no augmentation {kind!r}: choose from {', '.join(AUGMENTATIONS)}")
    if kind == "none":
        return images
    images = shift(images, rng)
    return flip(images, rng) if kind == "shift_flip" else images


def targets(labels: np.ndarray, classes: int, smoothing: float = 0.0) -> np.ndarray:
    """One-hot targets (n, classes), float32, with the smoothing's share spread over all classes.

    Label smoothing (Szegedy et al. 2016) is done here rather than in the loss, so that the
    validation loss is the plain cross-entropy for every configuration and can be compared.
    """
    one_hot = np.eye(classes, dtype="float32")[np.asarray(labels).reshape(-1)]
    return one_hot * np.float32(1 - smoothing) + np.float32(smoothing / classes)


class EpochBatches(keras.utils.PyDataset):
    """Batches of one epoch; a batch is a function of (seed, epoch, index).

    Args:
        x: images, uint8 (n, height, width, channels).
        y: targets (n, classes).
        batch_size: images a batch; the last one may be smaller.
        seed: of the order and the augmentation.
        augmentation: one of `AUGMENTATIONS`.
    """

    def __init__(
        self, x: np.ndarray, y: np.ndarray, batch_size: int, seed: int, augmentation: str = "none"
    ):
        super().__init__()
        self.x, self.y = x, y
        self.batch_size, self.seed, self.augmentation = batch_size, seed, augmentation
        self.start_epoch(0)

    def start_epoch(self, epoch: int) -> None:
        """Sets the order for an epoch; 0 is the first."""
        self.epoch = epoch
        self.order = randomness.order(self.seed, epoch, len(self.x))

    def __len__(self) -> int:
        return -(-len(self.x) // self.batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        chosen = self.order[index * self.batch_size : (index + 1) * self.batch_size]
        rng = randomness.augmentation_generator(self.seed, self.epoch, index)
        return augment(self.x[chosen], self.augmentation, rng), self.y[chosen]
