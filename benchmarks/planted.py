"""Images whose winner is known before anything is searched, because theory says who must win.

All have two classes, equally likely, and pixels of mean zero in either class, so that nothing is in
any pixel alone and a linear classifier is at chance. What tells the classes apart is a relation
between pixels, and each data set puts that relation where one contestant can see it.

**Why a contestant is blind.** `cnn_control` scores a class with Σ f(window) over the windows that
its convolutions see, for it takes the mean over all positions and has one linear layer after that.
Its blocks halve an image as often as the shorter side allows: once for a side of 4, where a window
is 4 pixels long (a convolution of 3, then a pooling of 2); twice for a side of 8, where it is 10.
Where no window holds more than one of the pixels that are related, the score is a sum of terms each
of which is distributed alike in both classes. Then its mean is the same in both, so by Jensen's
inequality no such score has a lower cross-entropy than a constant. That holds with padding, with
the augmentation by shifts and with label smoothing, for training and test.

**Why a contestant is slow.** Any LSTM can in principle find any relation. One that holds within a
timestep needs no memory and repeats at every timestep with the same weights. The same relation
between timesteps far apart needs one bit kept for every pixel of a line, through timesteps of
noise, and compared with its partner, each with weights of its own. With some hundred steps of
training the first is learned and the second is not.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np

TEST = 1000
LEVEL = 60
"""Grey levels of a signal of size 1, around the middle of 0 to 255."""

FLANK = 3
"""Pixels at either end of a line that carry its sign; 10 pixels of noise are between them."""
EVENTS = (0, 5, 10, 15)
"""The lines of `order` that are coloured: no window of 4 pixels holds two."""


def rows(y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """In every row of 16 pixels the two ends have the same sign (class 1) or opposite ones (0).

    The sign is drawn anew for each of the 8 rows, so every column is noise, and so are any ten
    columns that follow one another: the ends are further apart. **Rows must win**, and `lines` that
    reads them: each timestep tells the class by itself, as the product of two sums. `lines` along
    columns has to keep 8 signs through 10 timesteps of noise; `cnn_control`, whose windows are at
    most 10 pixels long (the images have 8 rows), is blind.
    """
    sign = rng.choice([-1.0, 1.0], (len(y), 8, 1, 1))
    images = rng.normal(0, 0.5, (len(y), 8, 16, 1))
    images[:, :, :FLANK] += sign
    images[:, :, -FLANK:] += sign * (2 * y - 1)[:, None, None, None]
    return images


def columns(y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The transposed images of `rows`: 16 rows, 8 columns. **Columns must win**, read by `lines`.

    What the winner of `rows` is worth is seen here: a tool that prefers rows, or reads every image
    alike, names it here as well.
    """
    return rows(y, rng).transpose(0, 2, 1, 3)


def texture(y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    r"""A pixel resembles its neighbour down right (class 0, \) or down left (1, /), and no other.

    A pixel is half the sum of two independent signs, which it shares with one diagonal neighbour
    each. So pixels of one row are independent, and so are those of one column; all is in windows of
    2×2, and nothing says where. **`cnn_control` must win**: the classes differ in the mean of a
    local feature over all 225 places, and one filter learns it from all of them at once, so few
    images are enough. `lines` has to keep a line and compare it with the next, with weights of its
    own for each of the 16 places of a line, and few images are given.
    """
    sign = rng.choice([-1.0, 1.0], (len(y), 17, 17))
    down, up = sign[:, 1:, 1:] + sign[:, :-1, :-1], sign[:, :-1, 1:] + sign[:, 1:, :-1]
    images = np.where((y == 0)[:, None, None], down, up) / 2
    return (images + rng.normal(0, 0.3, images.shape))[..., np.newaxis]


def order(y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Four coloured rows, far apart: red, green, blue, red … (class 0) or red, blue, green … (1).

    The first colour is drawn, and then each is as often anywhere: both classes hold the same
    colours in the same places. Only which follows which differs, over 4 rows of noise.
    **`lines` must win**: along rows its state keeps the last colour until the next, along columns a
    timestep holds all four. `cnn_control`, whose windows are at most 4 pixels long (the images
    have 4 columns), is blind: it knows the colours that there are, not their order.
    """
    images = rng.normal(0, 0.5, (len(y), 16, 4, 3))
    colour = rng.integers(0, 3, len(y))
    for line in EVENTS:
        images[:, line] += (2 * (np.arange(3) == colour[:, None]) - 2 / 3)[:, None]
        colour = (colour + np.where(y == 0, 1, 2)) % 3
    return images


@dataclasses.dataclass(frozen=True)
class Planted:
    """A data set and who must win on it.

    Attributes:
        draw: (classes (n,), generator) -> images (n, height, width, channels) of mean zero.
        contestants: the strategies that compete.
        winner: the strategy that the verdict must name.
        axis: the sequence axis that its finalist must have; None where any may win.
        train: images to learn from, of which the search trains on four fifths.
    """

    draw: Callable[[np.ndarray, np.random.Generator], np.ndarray]
    contestants: tuple[str, ...]
    winner: str
    axis: str | None = None
    train: int = 1200


PLANTED = {
    "rows": Planted(rows, ("lines", "cnn_control"), "lines", "rows"),
    "columns": Planted(columns, ("lines", "cnn_control"), "lines", "columns"),
    "texture": Planted(texture, ("lines", "cnn_control"), "cnn_control", train=200),
    "order": Planted(order, ("lines", "cnn_control"), "lines"),
}


def images_of(name: str, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draws images, uint8 (count, height, width, channels), and their classes (count,)."""
    rng = np.random.default_rng([seed, list(PLANTED).index(name)])
    y = rng.integers(0, 2, count)
    signal = PLANTED[name].draw(y, rng)
    return np.clip(np.rint(127.5 + LEVEL * signal), 0, 255).astype("u1"), y


def write(file: Path, name: str, seed: int) -> None:
    """Writes a data set as an `.npz` that `--dataset` takes."""
    train = PLANTED[name].train
    x, y = images_of(name, train + TEST, seed)
    np.savez(file, x_train=x[:train], y_train=y[:train], x_test=x[train:], y_test=y[train:])
