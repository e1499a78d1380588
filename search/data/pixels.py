"""Image files -> uint8 arrays of one form, which the training images decide.

size        their own, where all share one of up to 64x64; else 32x32
channels    grey where all are grey; else colour; with alpha where all have it
alpha       where only some have it, they are laid on white, or on black where white would hide
            them
16 bits     what the training images' values range over becomes 0..255
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from search.data.headers import (
    BITS,
    DEEP,
    FORMAT,
    GREY,
    LARGEST_KEPT,
    BrokenImageError,
    Headers,
    broken_image,
    headers_of,
    opened,
)
from search.data.layouts import SPLITS
from search.data.sources import bad_data
from search.data.values import far_apart, unlike

DEFAULT_SIZE = (32, 32)  # all others, unless --image-size says otherwise


@dataclasses.dataclass(frozen=True)
class Form:
    """What every image of a data set is made to be.

    Attributes:
        height, width: in pixels.
        mode: Pillow's: "L", "RGB" or "RGBA".
        ground: what an image with alpha is laid on, 0 or 255; where all keep theirs, nothing.
        deepest: (least, most) of the values of the training images of more than 8 bits; None where
            none has.
        widths: how far the values of each of those range.
        notes: what the user is to know of this, a line each.
    """

    height: int
    width: int
    mode: str
    ground: int = 255
    deepest: tuple[float, float] | None = None
    widths: tuple[float, ...] = dataclasses.field(default=(), repr=False)
    notes: tuple[str, ...] = ()


def broken(files: Iterable[Path]) -> dict[Path, str]:
    """Decodes image files; returns those that cannot be read, with what is wrong with each."""
    any_form = Form(*DEFAULT_SIZE, "RGBA", deepest=(0, 1))
    found = {}
    for path in files:
        try:
            headers_of([path])
            with opened(path) as image:
                pixels(path, image, any_form)
        except BrokenImageError as error:
            found[path] = str(error)
    return found


def common_form(files: Sequence[Path], size: tuple[int, int] | None) -> Form:
    """Decides what all images become: from the headers, and where they ask for it the pixels.

    Args:
        files: the training images.
        size: (height, width) that is asked for.

    Raises:
        ExperimentError: an image cannot be read, or they have one pixel.
    """
    found = headers_of(files)
    kept = next(iter(found.sizes)) if len(found.sizes) == 1 else DEFAULT_SIZE
    height, width = size or (kept if max(kept) <= LARGEST_KEPT else DEFAULT_SIZE)
    if height * width < 2:
        raise bad_data("the images have one pixel: give --image-size")
    notes = []
    if len(found.modes) > 1:
        met = ", ".join(f"{mode} ({count:,})" for mode, count in found.modes.most_common())
        notes.append(f"training images of several modes: {met}")
    if found.deep and len(found.deep) < len(files):
        raise bad_data(
            f"{len(found.deep):,} of {len(files):,} training images are grey of more than 8 "
            f"bits ({found.deep[0]} first): save all alike"
        )
    _check_wide(found.wide)
    alpha = found.alpha == len(files) and bool(found.transparent)
    ground = 255 if alpha or not found.transparent else _ground(found.transparent)
    deepest, widths = None, ()
    if found.deep:
        ranges = _ranges(found.deep)
        low, high = deepest = float(ranges[:, 0].min()), float(ranges[:, 1].max())
        widths = tuple((ranges[:, 1] - ranges[:, 0]).tolist())
        middle = float(np.median(ranges[:, 1]))
        few = "; a few reach far beyond all others" * far_apart(middle - low, high - low)
        notes.append(
            f"{len(found.deep):,} training images have more than 8 bits: their values, "
            f"{low:g} to {high:g}, become 0 to 255{few}"
        )
    grey = all(mode in GREY for mode in found.modes)
    form = Form(height, width, "RGBA" if alpha else "L" if grey else "RGB", ground, deepest, widths)
    said = done_to("training", found, form)
    return dataclasses.replace(form, notes=(*said, *notes))


def done_to(split: str, found: Headers, form: Form) -> list[str]:
    """Says what is done to a split's images, a line each."""
    notes, count = [], found.modes.total()
    if {*found.sizes} - {(form.height, form.width)}:
        ends = sorted(
            {min(found.sizes, key=math.prod), max(found.sizes, key=math.prod)}, key=math.prod
        )
        met = " to ".join(f"{h}x{w}" for h, w in ends)
        notes.append(f"{split} images of {met} pixels are made {form.height}x{form.width}")
    if form.mode == "L" and (colour := count - sum(found.modes[mode] for mode in GREY)):
        notes.append(f"{colour:,} of {count:,} {split} images are in colour, and are made grey")
    if found.several:
        notes.append(f"{found.several:,} {split} images have several frames: the first is read")
    if found.wide:
        notes.append(
            f"{len(found.wide):,} {split} images have more than 8 bits a channel in colour: the "
            "upper 8 are read"
        )
    if form.mode == "RGBA" and (opaque := count - found.alpha):
        notes.append(
            f"{opaque:,} of {count:,} {split} images have no alpha channel, as the training images "
            "have"
        )
    if found.transparent and form.mode != "RGBA":
        hidden = sum(_is_hidden(path, form) for path in found.transparent)
        lost = f", and of {hidden:,} nothing is seen any more" if hidden else ""
        notes.append(
            f"{len(found.transparent):,} of {count:,} {split} images have transparent parts: they "
            f"are laid on {'white' if form.ground else 'black'}{lost}"
        )
    return notes


def _is_hidden(path: Path, form: Form) -> bool:
    """Whether an image is of one colour once it is laid on its ground, and was not before."""
    whole = dataclasses.replace(form, mode="RGBA")
    with opened(path) as image:
        laid = pixels(path, image, form)
    with opened(path) as image:
        seen = pixels(path, image, whole)
    return bool((laid == laid[0, 0]).all() and not (seen == seen[0, 0]).all())


def check_others(split: str, files: Sequence[Path], form: Form) -> list[str]:
    """Says what is done to the images of another split than the training images.

    Raises:
        ExperimentError: one cannot be read as the training images are.
    """
    found = headers_of(files)
    shallow = sorted({*files} - {*found.deep})
    if form.deepest is None and found.deep:
        raise bad_data(
            f"the {split} image {found.deep[0]} has more than 8 bits, and no training image has: "
            "save all alike"
        )
    if form.deepest is not None and shallow:
        raise bad_data(
            f"the training images have more than 8 bits, and the {split} image {shallow[0]} has "
            "not: save all alike"
        )
    return [*done_to(split, found, form), *_cut(split, found.deep, form)]


def _check_wide(files: Sequence[Path]) -> None:
    """Refuses images in colour of more than 8 bits that use little of them: the upper 8 are read.

    Raises:
        ExperimentError: what is read of them has fewer than 32 levels, as 12 bits have.
    """
    reach = 0
    for path in files:
        with opened(path) as image:
            reach = max(reach, int(np.asarray(image.convert("RGB")).max()))
    if 0 < reach < 32:
        raise bad_data(
            f"{len(files):,} images ({files[0]} first) have more than 8 bits a channel in colour, "
            "of which they use the lower ones, and the upper 8 would be read: save them as 8 bits"
        )


def _cut(split: str, deep: Sequence[Path], form: Form) -> list[str]:
    """Says how many images have values beyond those that become 0 and 255, a line.

    Args:
        split: theirs.
        deep: those of more than 8 bits.
        form: what they are made to be.

    Raises:
        ExperimentError: their values mean something else than those of the training images.
    """
    if form.deepest is None or not deep:
        return []
    (low, high), ranges = form.deepest, _ranges(deep)
    widths = ranges[:, 1] - ranges[:, 0]
    if split in SPLITS and unlike(widths, np.array(form.widths)):
        raise bad_data(
            f"the values of the {split} images mostly range over {np.median(widths):g}, of the "
            f"training images over {np.median(form.widths):g}: save all alike"
        )
    beyond = int(((ranges[:, 0] < low) | (ranges[:, 1] > high)).sum())
    cut = f"{beyond:,} {split} images have values beyond {low:g} to {high:g}, which are cut"
    return [cut] if beyond else []


def _ground(files: Iterable[Path]) -> int:
    """Returns the ground on which most of what is to be seen stands out: 255, or 0."""
    weight = total = 0.0
    for path in files:
        with opened(path) as image:
            if image.mode in DEEP:
                continue  # whose range is not known yet
            seen = np.asarray(image.convert("RGBA"), float)
            alpha = seen[..., 3] / 255
            total += float((seen[..., :3].mean(axis=-1) * alpha).sum())
            weight += float(alpha.sum())
    return 0 if weight and total / weight > 127.5 else 255


def _ranges(files: Sequence[Path]) -> np.ndarray:
    """Returns the least and the most value of each image of more than 8 bits, (N, 2)."""
    found = np.zeros((len(files), 2))
    for row, path in zip(found, files, strict=True):
        with opened(path) as image:
            values, seen = _deep_values(path, image)
            if seen.any():
                row[:] = values[seen].min(), values[seen].max()
    return found


def _deep_values(path: Path, image: Image.Image) -> tuple[np.ndarray, np.ndarray]:
    """Returns an upright image's values, and where they are to be seen."""
    tags = getattr(image, "tag_v2", {})
    unsigned = tags.get(BITS, (0,))[0] == 32 and tags.get(FORMAT, (1,))[0] == 1
    image = ImageOps.exif_transpose(image)
    values = np.asarray(image)
    if unsigned:
        values = values.view(np.uint32)  # Pillow takes them for signed
    if not np.isfinite(values).all():
        raise broken_image(path, "it has values that are no numbers")
    hidden = image.info.get("transparency")
    return values, np.ones(values.shape, bool) if hidden is None else values != hidden


def decode(files: Sequence[Path], form: Form) -> np.ndarray:
    """Returns the images (N, H, W, C) as uint8.

    Raises:
        ExperimentError: one cannot be read, or they do not fit into memory.
    """
    channels = len(form.mode)
    try:
        images = np.empty((len(files), form.height, form.width, channels), np.uint8)
    except (MemoryError, ValueError) as error:
        raise bad_data(
            f"{len(files)} images of {form.height} by {form.width} pixels do not fit into memory: "
            "give a smaller --image-size, or a --train-limit"
        ) from error
    for place, path in zip(images, files, strict=True):
        with opened(path) as image:
            place[...] = pixels(path, image, form)
    return images


def pixels(path: Path, image: Image.Image, form: Form) -> np.ndarray:
    """Returns one image (H, W, C) as uint8."""
    # Photographs: a JPEG decodes faster to a half, a quarter or an eighth, never below this size.
    image.draft(None, (2 * max(form.height, form.width),) * 2)
    if image.mode not in DEEP:
        image = ImageOps.exif_transpose(image)
    else:
        values, seen = _deep_values(path, image)
        image = Image.fromarray(_eight_bits(values, form.deepest))
        if not seen.all():
            image.putalpha(Image.fromarray(np.where(seen, 255, 0).astype(np.uint8)))
    if form.mode != "RGBA" and image.has_transparency_data:
        image = image.convert("RGBA")
        ground = Image.new("RGBA", image.size, (form.ground,) * 3 + (255,))
        image = Image.alpha_composite(ground, image)
    image = image.convert(form.mode)
    if image.size != (form.width, form.height):
        image = image.resize((form.width, form.height), Image.Resampling.BILINEAR)
    return np.asarray(image).reshape(form.height, form.width, len(form.mode))


def _eight_bits(values: np.ndarray, ends: tuple[float, float] | None) -> np.ndarray:
    """Maps values linearly, so that the least becomes 0 and the most 255; beyond, they are cut."""
    assert ends is not None  # or the training images would not say what the values mean
    low, high = ends
    scaled = (values.astype(float) - low) * (255 / max(high - low, 1e-12))
    return np.rint(np.clip(scaled, 0, 255)).astype(np.uint8)
