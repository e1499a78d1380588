"""Training images -> how all images' values are read: colour that is none, a range that is short.

What is decided by the training images is done to all, and said. Functions from values to values.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from search.data.sources import bad_data

DARK = 128
"""Images of bytes that never reach the upper half are of fewer bits, or were divided."""


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
        if self.grey and (colour := int((x != x[..., :1]).any(axis=(1, 2, 3)).sum())):
            notes.append(f"{colour:,} {split} images are in colour, and are made grey")
        if self.most is not None and (
            cut := int((x[..., :3] > self.most).any(axis=(1, 2, 3)).sum())
        ):
            notes.append(f"{cut:,} {split} images have values above {self.most}, which are cut")
        return notes


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
    most = int(x[..., :3].max())
    short = 0 < most < DARK
    if short:
        lost = "; were they divided by 255 before, most is lost: save them undivided"
        notes.append(
            f"the training images' values reach no further than {most}: they are multiplied, "
            f"so that {most} becomes 255{lost if most == 1 else ''}"
        )
    return Adjustment(grey, most if short else None, tuple(notes))
