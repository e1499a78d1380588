"""Image files -> what their headers say; what is broken, or would be read wrong, is refused."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from search.data.layouts import FORMATS
from search.experiment import ExperimentError
from search.wording import escaped

LARGEST_KEPT = 64  # pixels a side: small images of one size keep it
ORIENTATION = 0x0112  # the EXIF tag; from 5 on, height and width change places
GREY = ("1", "L", "LA", "La", "I", "F", "I;16", "I;16B", "I;16L", "I;16N")
# Tags of TIFF.
BITS, PHOTOMETRIC, SAMPLES, PLANES, FORMAT = 258, 262, 277, 284, 339
LAB = 8  # a value of PHOTOMETRIC
DEEP = ("I", "F", "I;16", "I;16B", "I;16L", "I;16N")  # which `convert` would clip at 255


# Phones make images of 200 million pixels, and Pillow refuses twice this many.
Image.MAX_IMAGE_PIXELS = 1 << 27


class BrokenImageError(ExperimentError):
    """An image file that cannot be read, or would be read wrong."""


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """An image file; whatever a damaged one raises within the block becomes one line."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=FORMATS) as image:
                yield image
    except BrokenImageError:
        raise
    except (Image.DecompressionBombError, MemoryError) as error:
        raise broken_image(path, "it is too large an image") from error
    except UnidentifiedImageError as error:  # whose text is the path again
        raise broken_image(path, "it is no image, or of a kind that is not read") from error
    except Exception as error:  # decoders raise anything from SyntaxError to struct.error
        raise broken_image(path, f"{error}") from error


def broken_image(path: Path, reason: str) -> BrokenImageError:
    """Returns the error to raise of a file; its name and the reason may hold anything."""
    return BrokenImageError(escaped(f"{path} ({reason})"))


@dataclasses.dataclass
class Headers:
    """What the headers of image files say, without their pixels.

    Attributes:
        sizes: (height, width), as they are meant to be seen, to how many there are.
        modes: Pillow's modes likewise.
        transparent: those of which something is transparent, for which pixels are looked at.
        deep: those in grey of more than 8 bits.
        wide: those in colour of more than 8 bits a channel, of which Pillow reads the upper 8.
        alpha: how many have an alpha channel, or a transparent colour.
        several: how many have several frames.
    """

    sizes: collections.Counter[tuple[int, int]]
    modes: collections.Counter[str]
    transparent: list[Path]
    deep: list[Path]
    wide: list[Path]
    several: int = 0
    alpha: int = 0


def headers_of(files: Iterable[Path]) -> Headers:
    """Reads headers.

    Raises:
        ExperimentError: a file is no image, or one that would be read wrong.
    """
    found = Headers(collections.Counter(), collections.Counter(), [], [], [])
    for path in files:
        with opened(path) as image:
            deep = image.mode in DEEP
            # Before the size is asked for, which may decode it.
            if not deep and _is_wide(image):
                found.wide.append(path)
            if image.format == "TIFF":
                _check_tiff(path, image)
            found.sizes[_oriented_size(image)] += 1
            found.modes[image.mode] += 1
            # A camera's second picture in a JPEG is the first made smaller.
            found.several += image.format != "MPO" and getattr(image, "n_frames", 1) > 1
            if image.has_transparency_data:
                found.alpha += 1
                if deep or np.asarray(image.convert("RGBA"))[..., 3].min() < 255:
                    found.transparent.append(path)
            if deep:
                found.deep.append(path)
    return found


def _is_wide(image: Any) -> bool:
    """Whether a channel of an image in colour has more than 8 bits."""
    tile = getattr(image, "tile", ())
    if image.format == "PPM" and tile and isinstance(tile[0].args, tuple):
        most: Any = tile[0].args[-1]
        return isinstance(most, int) and most > 255
    return ";16" in str(tile)


def _check_tiff(path: Path, image: Any) -> None:
    """Refuses what Pillow opens and reads as something else."""
    tags = image.tag_v2
    bits, signed = tags.get(BITS, (1,))[0], tags.get(FORMAT, (1,))[0] == 2
    samples = tags.get(SAMPLES, 1)
    if tags.get(ORIENTATION, 1) > 4:
        wrong = (
            "a height and width that change places"  # Pillow 13 mixes up the pixels of such a TIFF
        )
    elif bits == 8 and signed:
        wrong = "signed bytes"
    elif samples > 1 and tags.get(PLANES) == 2 and (bits > 8 or tags.get(PHOTOMETRIC) == LAB):
        wrong = "channels that lie apart"  # Pillow 13 takes bytes for pixels, and mixes up signs
    elif bits > 8 and tags.get(PHOTOMETRIC) == 0:
        wrong = "more than 8 bits of which 0 is white"
    elif image.mode not in ("P", "PA") and samples > len(image.getbands()):
        wrong = f"{samples} channels, of which {len(image.getbands())} would be read"
    else:
        return
    raise broken_image(path, f"it has {wrong}: save it upright, as 8 bits of grey or colour")


def _oriented_size(image: Image.Image) -> tuple[int, int]:
    """Returns (height, width) as the image is meant to be seen."""
    # A PNG may have its EXIF block behind the pixels, which `getexif` would decode to reach it.
    turned = (image.getexif() if max(image.size) <= LARGEST_KEPT else {}).get(ORIENTATION, 1) > 4
    return image.size if turned else image.size[::-1]
