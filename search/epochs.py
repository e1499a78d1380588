"""How long a training is, and how large its batches are, by the images. Values alone."""

from __future__ import annotations

import math

STEPS = 1500
"""Of a full training, about. Measured on digits: 30 epochs (540 steps) bring `lines` to 98.6 % and
`cnn_lines` to 98.7 %, where 3 epochs gave 95.8 and 97.5."""

PARTS, MOST = 9, 9
"""A full training has so many parts, of so many epochs at most."""

BATCH_SIZES = (64, 32, 16)
"""Where a step is mostly arithmetic, an epoch in batches of 16 costs 0.9 to 1.4 times one in
batches of 64 and makes four times the steps (1,000 images of MNIST, one alone and three side by
side, five strategies); where it is mostly calls, as on digits, a step costs the same."""

PART_OF_A_PASS = 250
"""Steps of an epoch where a pass has many more: so that a first rung takes seconds and not a pass
over 50,000 images."""

PIXELS = 6_000_000
"""What a training sees, about, where it would otherwise see more: as much as the digits' 81 epochs
do. So three searches of each of five strategies take some ten minutes on a thousand images of 28x28
or 32x32. (Measured there, two cores, batches of 16: 2.6 s an epoch of `conv_sweeps` and 2.5 of
`cnn_lines`, mean over 5 drawn configurations each.)"""

MORE = 3
"""How many times longer a final is then than what a search affords; its trials are three times
shorter. Measured on 1,000 images of Fashion-MNIST, ten drawn configurations of each of five
strategies trained for 36 epochs: the best of five after one epoch comes within a point of the best
of five after twelve, while 36 epochs instead of 12 are worth two to four points. Finals of 18
epochs were below logistic regression there, finals of 36 above."""


MULTIPLY_ADDS = 36_000_000
"""Of a model, for an image, at most, where a training is cut short: a final of 27 epochs on 1,000
images then takes some two minutes. On 28x28 images one configuration of `cnn_lines` in twenty takes
more, up to 109 million, where half take less than 3: the final of one such took ten minutes, a
third of a search of five strategies."""

A_PIXEL = 15_000
"""The same for large images, or a strategy could hardly be drawn: half of what `conv_sweeps` draws
takes less."""


def full_training(images: int, batch_size: int) -> int:
    """Returns how many epochs make some 1,500 steps: 9 to 81, in nines.

    >>> full_training(images=1150, batch_size=64), full_training(images=50_000, batch_size=64)
    (81, 9)
    """
    steps = math.ceil(images / batch_size)
    return PARTS * min(max(1, math.ceil(STEPS / PARTS / steps)), MOST)


def affordable(images: int, pixels: int) -> int:
    """Returns how many epochs see some 6 million pixels: 9 to 81, in threes.

    >>> affordable(images=800, pixels=16 * 16), affordable(images=50_000, pixels=32 * 32)
    (27, 9)
    """
    return 3 * min(max(3, PIXELS // (3 * images * pixels)), 27)


def short_trial(affordable: int) -> int:
    """Returns how many epochs the longest trial has where a full training cannot be afforded.

    >>> short_trial(affordable(images=800, pixels=28 * 28))
    3
    """
    return 3 * max(1, affordable // 9)


def batch_size(images: int, pixels: int) -> int:
    """Returns the largest of 64, 32 and 16 with which a training has some 1,500 steps; else 16.

    >>> batch_size(images=1150, pixels=8 * 8), batch_size(images=800, pixels=28 * 28)
    (64, 16)
    """
    for size in BATCH_SIZES:
        epochs = min(full_training(images, size), affordable(images, pixels))
        if epochs * math.ceil(images / size) >= 0.9 * STEPS:
            return size
    return BATCH_SIZES[-1]


def steps_per_epoch(images: int, batch_size: int) -> int | None:
    """Returns how many steps an epoch has that is not a whole pass; None where it is one.

    >>> steps_per_epoch(20_000, batch_size=64), steps_per_epoch(40_000, batch_size=64)
    (None, 250)
    """
    return PART_OF_A_PASS if images > 1.5 * PART_OF_A_PASS * batch_size else None


def dearest(pixels: int) -> int:
    """Returns how many multiply-adds a model takes for an image, at most, where trainings are cut.

    >>> dearest(28 * 28), dearest(64 * 64)
    (36000000, 61440000)
    """
    return max(MULTIPLY_ADDS, A_PIXEL * pixels)


def costly(images: int, pixels: int, batch_size: int) -> bool:
    """Returns whether a full training sees more than some 6 million pixels.

    >>> costly(1150, 8 * 8, batch_size=64), costly(800, 28 * 28, batch_size=16)
    (False, True)
    """
    return full_training(images, batch_size) * images * pixels > PIXELS
