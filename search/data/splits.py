"""Labels -> which images are for what: sorted indices, drawn from a seed."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from search.data.sources import bad_data

HELD_OUT = 0.2  # of the images for the test, and of what is left for validation
MOST_VALIDATED = 5000
"""Images that a trial is scored on: of 5,000 an accuracy is known to half a point, and more cost
every epoch their time."""


def shuffled(count: int, seed: int) -> np.ndarray:
    """Returns the rank of each of so many images in an order drawn from the seed."""
    ranks = np.empty(count, dtype=np.int64)
    ranks[np.random.default_rng(seed).permutation(count)] = np.arange(count)
    return ranks


def ranked(places: np.ndarray, seed: int) -> np.ndarray:
    """Returns ranks that follow from each image's place alone, whichever others there are."""
    ranks: np.ndarray = np.random.default_rng(seed).random(int(places.max(initial=-1)) + 1)[places]
    return ranks


def hold_out(
    labels: np.ndarray,
    ranks: np.ndarray,
    *,
    keep: int,
    part_copies: bool = False,
    most_held: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Splits indices in two, 80 % and 20 % of every class (or less) to within one image.

    Args:
        labels: (N,), of any type.
        ranks: (N,), the lowest of each class are drawn. Of equal rank are copies of one image:
            they stay together, whatever that does to the shares.
        keep: how many images of each class stay in the first part, come what may. Of the
            others, at least one goes into the second.
        part_copies: whether copies may be parted where the second part would else be empty.
        most_held: how many there are to be in the second part, at most, about; None for a fifth.

    Returns:
        The sorted indices of either part, integers.
    """
    _, y, counts = np.unique(labels, return_inverse=True, return_counts=True)
    share = round(HELD_OUT * len(labels))
    shares = apportion(counts, share if most_held is None else min(share, most_held))
    most = np.maximum(counts - keep, 0)
    shares = np.minimum(np.maximum(shares, 1), most)
    groups = by_class(y, ranks)
    drawn = [
        whole_copies(np.sort(ranks[group]), share, limit)
        for group, share, limit in zip(groups, shares, most, strict=True)
    ]
    held = first_of_each(groups, drawn)
    # Copies may be called by different classes.
    together = np.flatnonzero(np.isin(ranks, ranks[held]))
    if np.all(counts - np.bincount(y[together], minlength=len(counts)) >= np.minimum(keep, counts)):
        held = together
    if part_copies and not len(held):
        own = np.empty(len(ranks), dtype=np.int64)
        own[np.argsort(ranks, kind="stable")] = np.arange(len(ranks))
        return hold_out(labels, own, keep=keep, most_held=most_held)
    return np.setdiff1d(np.arange(len(labels)), held), held


def whole_copies(ranks: np.ndarray, share: int, most: int) -> int:
    """Returns how many of the first to draw, so that no image is parted from its copies.

    >>> whole_copies(np.array([1, 1, 1, 2]), share=2, most=3), whole_copies(np.arange(4), 2, 3)
    (3, 2)

    Args:
        ranks: (N,), ascending; copies have the same.
        share: how many there should be.
        most: how many there may be.
    """
    ends = np.flatnonzero(np.diff(ranks, append=np.inf)) + 1  # of runs of copies
    ends = ends[ends <= most]
    if not share or not len(ends):
        return 0
    return int(ends[np.abs(ends - share).argmin()])


def limited(
    y: np.ndarray,
    classes: np.ndarray,
    limit: int | None,
    seed: int,
    *,
    least: int,
    whole: int | None = None,
) -> np.ndarray:
    """Draws at most so many images, of every class its share.

    Args:
        y: (N,), classes 0..K-1.
        classes: (K,), what they are called, for a message.
        limit: how many to draw; None for all.
        seed: what the draw follows from.
        least: how many of each class there must be.
        whole: how many images all parts have that share the option's limit; only y by default.

    Returns:
        The sorted indices of those drawn.

    Raises:
        ExperimentError: a class has too few.
    """
    if limit is None or limit >= len(y):
        return np.arange(len(y))
    counts = np.bincount(y)
    shares = apportion(counts, limit)
    if shares.min() < least:
        enough = math.ceil(least * (whole or len(y)) / counts.min())
        raise bad_data(
            f"--train-limit is too low: it leaves class {classes[shares.argmin()]} fewer than "
            f"{'two images' if least == 2 else 'one image'}; {enough} is enough"
        )
    return draw(y, shares, seed)


def apportion(counts: np.ndarray, total: int) -> np.ndarray:
    """Shares a total out in proportion to counts, each share exact to within one.

    Hamilton's method: whole parts first, then one more for the largest remainders.

    >>> apportion(np.array([7, 8, 15]), total=10).tolist()  # 2.33, 2.67 and 5
    [2, 3, 5]

    Args:
        counts: (K,), of each class.
        total: to be shared out, at most their sum.

    Returns:
        Integers (K,) whose sum is the total.
    """
    shares, remainders = np.divmod(counts * total, counts.sum())
    most_owed = np.argsort(-remainders, kind="stable")
    shares[most_owed[: total - shares.sum()]] += 1
    return shares


def draw(y: np.ndarray, shares: np.ndarray, seed: int) -> np.ndarray:
    """Draws `shares[k]` members of each class k.

    One order for whatever shares: of two limits, the smaller draws a subset of the larger.

    Args:
        y: (N,), classes 0..K-1.
        shares: (K,).
        seed: what the draw follows from.

    Returns:
        The sorted indices of those drawn, integers (sum of shares,).
    """
    return first_of_each(by_class(y, shuffled(len(y), seed)), shares.tolist())


def by_class(y: np.ndarray, ranks: np.ndarray) -> list[np.ndarray]:
    """Returns each class's indices, the lowest rank first."""
    ordered = np.lexsort((ranks, y))
    return np.split(ordered, np.cumsum(np.bincount(y))[:-1])


def first_of_each(groups: Sequence[np.ndarray], shares: Sequence[int]) -> np.ndarray:
    """Returns the sorted indices of the first of each group, as many as its share."""
    return np.sort(np.concatenate([group[:n] for group, n in zip(groups, shares, strict=True)]))
