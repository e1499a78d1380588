"""Training images -> how all images' values are read: colour that is none, a range that is short.

What is decided by the training images is done to all, and said. Functions from values to values.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from search.data.sources import bad_data

DARK = 128
"""Images of bytes that never reach the upper half are of fewer bits, or were divided."""
FAR = 15  # times: bytes divided by 255 beside whole ones, 4 bits beside 8, 12 beside 16
FEWEST = 3  # images that tell how a split was saved


@dataclasses.dataclass(frozen=True)
class Adjustment:
    """What is done to every image.

    Attributes:
        grey: whether colour is dropped, the channels being all the same.
        most: the value that becomes 255; None leaves them as they are.
        notes: what the user is to know of it, a line each.
    """

    grey: bool = False
    most: int | None = None
    notes: tuple[str, ...] = ()

    @property
    def form(self) -> str:
        """What is done, without the words."""
        return f"grey={self.grey}, most={self.most}"

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Returns images, uint8 (N, H, W, C), as they are to be read.

        >>> Adjustment(most=1)(np.array([[[[0], [1]]]], np.uint8)).ravel().tolist()
        [0, 255]
        """
        if self.grey:
            alike = (x == x[..., :1]).all(axis=(1, 2, 3))
            grey = x[..., :1].copy()
            # The weights by which Pillow makes colour grey.
            grey[~alike] = (x[~alike] @ np.array([299, 587, 114]) // 1000)[..., np.newaxis]
            x = grey
        if self.most is not None:
            table = np.rint(np.minimum(np.arange(256) / self.most, 1) * 255).astype(np.uint8)
            colours = min(x.shape[-1], 3)  # what comes behind them is alpha
            x = np.concatenate([table[x[..., :colours]], x[..., colours:]], axis=-1)
        return x

    def check(self, split: str, x: np.ndarray) -> list[str]:
        """Says what images of another split lose by it, a line each."""
        notes = []
        if len(x) > 1 and (x == x[:1]).all():
            notes.append(f"the {split} images are all the same")
        if self.grey and (colour := int((x != x[..., :1]).any(axis=(1, 2, 3)).sum())):
            notes.append(f"{colour:,} {split} images are in colour, and are made grey")
        if self.most is not None and (
            cut := int((x[..., :3] > self.most).any(axis=(1, 2, 3)).sum())
        ):
            notes.append(f"{cut:,} {split} images have values above {self.most}, which are cut")
        return notes


def check_alike(name: str, split: str, x: np.ndarray, training: np.ndarray) -> None:
    """Refuses another split whose values mean something else than those of the training images.

    Raises:
        ExperimentError: they reach so much farther, or less far.
    """
    reaches, known = _reaches(x), _reaches(training)
    if unlike(reaches, known):
        raise bad_data(
            f"the {split} images of {name} mostly have values up to {np.median(reaches):g}, the "
            f"training images up to {np.median(known):g}: save all alike"
        )


def unlike(widths: np.ndarray, training: np.ndarray) -> bool:
    """Whether a split's images range so much farther than the training images, or less far.

    The middle one is held against nine of ten of those: there may be dark ones and bright ones, and
    pixels that are hot.

    >>> unlike(np.full(3, 1), np.full(9, 255)), unlike(np.full(3, 9), np.array([9, 255]))
    (True, False)

    Args:
        widths: of each image of the split, (N,).
        training: of each training image, (M,).
    """
    if len(widths) < FEWEST:
        return False
    low, high = np.percentile(training, [10, 90])
    middle = float(np.median(widths))
    nearest = float(np.clip(middle, low, high))
    return far_apart(middle, nearest)


def check_classes(x: np.ndarray, y: np.ndarray, names: Sequence[str]) -> list[str]:
    """Says which classes' images seem to have been saved in another way than others', a line.

    >>> x = np.array([1, 1, 255, 255], np.uint8).reshape(4, 1, 1, 1)
    >>> check_classes(x, np.array([0, 0, 1, 1]), ["cat", "dog"])[0][:43]
    'images of cat have values up to 1, of dog u'

    Args:
        x: the training images, uint8 (N, H, W, C).
        y: their labels, (N,).
        names: of all classes.
    """
    reaches = _reaches(x)
    middles = [float(np.median(reaches[y == label])) for label in range(len(names))]
    farthest = int(np.argmax(middles))
    odd = [label for label, middle in enumerate(middles) if far_apart(middle, middles[farthest])]
    if not odd:
        return []
    return [
        f"images of {names[odd[0]]} have values up to {middles[odd[0]]:g}, of {names[farthest]} up "
        f"to {middles[farthest]:g}: if they were not saved alike, that gives the class away"
    ]


def far_apart(one: float, other: float) -> bool:
    """Whether two ranges can hardly be of images that were saved alike; of black ones all can.

    >>> far_apart(255, 1), far_apart(255, 90), far_apart(255, 0)
    (True, False, False)
    """
    return 0 < FAR * min(one, other) < max(one, other)


def _reaches(x: np.ndarray) -> np.ndarray:
    """The highest value of each image, alpha apart, (N,)."""
    reaches: np.ndarray = x[..., :3].max(axis=(1, 2, 3))
    return reaches


def adjustment(name: str, x: np.ndarray) -> Adjustment:
    """Decides what is done to all images.

    Args:
        name: the data set's, for a message.
        x: the training images, uint8 (N, H, W, C).

    Raises:
        ExperimentError: there is nothing to see in them.
    """
    if (x == x[:1]).all():
        what = "have one colour" if (x == x.flat[0]).all() else "are all the same"
        raise bad_data(f"the images of {name} {what}, so nothing can be learnt: give others")
    notes = []
    grey = x.shape[-1] == 3 and all((x[..., 0] == x[..., other]).all() for other in (1, 2))
    if grey:
        notes.append("the training images are grey, in three equal channels: one is read")
    most = int(_reaches(x).max())
    short = 0 < most < DARK
    if short:
        lost = "; were they divided by 255 before, most is lost: save them undivided"
        notes.append(
            f"the training images' values reach no further than {most}: they are multiplied, "
            f"so that {most} becomes 255{lost if most == 1 else ''}"
        )
    return Adjustment(grey, most if short else None, tuple(notes))
