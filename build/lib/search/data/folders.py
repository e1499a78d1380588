"""A folder of class folders -> images of one size and one mode."""

from __future__ import annotations

import contextlib
import dataclasses
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from search.data.sources import Source, bad_data

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp")
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP")

LARGEST_KEPT = 64  # pixels a side: small images of one size keep it
DEFAULT_SIZE = (32, 32)  # all others, unless --image-size says otherwise

ORIENTATION = 0x0112  # the EXIF tag; from 5 on, height and width change places

Labelled = tuple[np.ndarray, np.ndarray]  # paths (N,) and their classes' names (N,)


@dataclasses.dataclass(frozen=True)
class Form:
    """What every image of a data set is made to be: pixels, and Pillow's mode."""

    height: int
    width: int
    mode: str  # "L", "RGB" or "RGBA"


def folder_source(
    folder: Path,
    size: tuple[int, int] | None,
    hold_out: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]],
) -> Source:
    """Lists a folder's images, and decides from the training images' headers what all become.

    With `train/` and `test/` inside, each holding class folders, the split is theirs.

    Args:
        folder: holds class folders, each holding images.
        size: (height, width) in pixels; None keeps a size of up to 64×64 that all images share,
            and otherwise takes 32×32.
        hold_out: labels -> indices of training and of test images, for a folder without a split.

    Raises:
        ExperimentError: there are no images, or one cannot be read.
    """
    if size is not None and (min(size) < 1 or max(size) < 2):
        raise bad_data(f"--image-size {size[0]} {size[1]} is too small: two pixels at least")
    try:
        (files, labels), (test_files, test_labels) = _split(folder, hold_out)
    except OSError as error:
        where = error.filename or folder
        raise bad_data(f"cannot read {where} ({error.strerror}): check its rights") from error
    form = _common_form(files, size)
    return Source(
        labels=labels,
        read=lambda indices: _decode(files[indices].tolist(), form),
        test_count=len(test_files),
        read_test=lambda: (_decode(test_files.tolist(), form), test_labels),
    )


def _split(
    folder: Path, hold_out: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
) -> tuple[Labelled, Labelled]:
    """Lists the training images and the test images."""
    if not all(_subfolders(folder / part) for part in ("train", "test")):
        files, labels = _list_images(folder)
        train, test = hold_out(labels)
        return (files[train], labels[train]), (files[test], labels[test])
    files, labels = _list_images(folder / "train")
    test_files, test_labels = _list_images(folder / "test", may_lack=True)
    unknown = np.setdiff1d(test_labels, labels)
    if len(unknown):
        raise bad_data(
            f"{folder / 'test'} has the class {unknown[0]}, which {folder / 'train'} lacks: "
            "take it out, or add training images of it"
        )
    return (files, labels), (test_files, test_labels)


def _subfolders(folder: Path) -> list[Path]:
    """Lists what may be class folders, by name; none where there is no folder."""
    return [path for path in _visible(folder) if path.is_dir()] if folder.is_dir() else []


def _visible(folder: Path) -> list[Path]:
    """Lists what a folder holds, by name: the disk's own order must not matter."""
    paths = [path for path in folder.iterdir() if not path.name.startswith(".")]
    return sorted(paths, key=lambda path: path.name)


def _list_images(folder: Path, may_lack: bool = False) -> Labelled:
    """Lists the images in class folders.

    Args:
        folder: holds class folders.
        may_lack: whether a class folder may be empty.
    """
    images = {
        subfolder.name: [
            path
            for path in _visible(subfolder)
            if path.suffix.lower() in ENDINGS and path.is_file()
        ]
        for subfolder in _subfolders(folder)
    }
    if not any(images.values()):
        raise bad_data(
            f"{folder} has no images in class folders: make it {folder}/CLASS/IMAGE.png "
            f"({', '.join(ENDINGS)}), or train/ and test/ with class folders in each"
        )
    for name, paths in images.items():
        if not paths and not may_lack:
            raise bad_data(
                f"class {name} of {folder} has fewer than two images, none in fact: add images "
                f"({', '.join(ENDINGS)}) to its folder, or delete it"
            )
    files = np.array([path for paths in images.values() for path in paths], dtype=object)
    labels = np.array([name for name, paths in images.items() for _ in paths], dtype=str)
    return files, labels


# Pixels


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """An image file; whatever a damaged one raises within the block becomes one line."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=FORMATS) as image:
                yield image
    except (Image.DecompressionBombError, Image.DecompressionBombWarning, MemoryError) as error:
        raise bad_data(f"{path} is too large an image: make it smaller, or delete it") from error
    except Exception as error:  # decoders raise anything from SyntaxError to struct.error
        raise bad_data(f"cannot read the image {path} ({error}): mend it, or delete it") from error


def _common_form(files: Iterable[Path], size: tuple[int, int] | None) -> Form:
    """Decides from the headers what all images become.

    RGBA if all have an alpha channel, else grey if all are grey, else RGB: where some only have
    alpha, it is dropped.
    """
    sizes, grey, alpha = set(), True, True
    for path in files:
        with _opened(path) as image:
            sizes.add(_oriented_size(image))
            grey = grey and image.mode in ("1", "L", "LA", "I", "I;16")
            alpha = alpha and image.has_transparency_data
    kept = sizes.pop() if len(sizes) == 1 else DEFAULT_SIZE
    height, width = size or (kept if max(kept) <= LARGEST_KEPT else DEFAULT_SIZE)
    if height * width < 2:
        raise bad_data("the images have one pixel: give --image-size")
    return Form(height, width, "RGBA" if alpha else "L" if grey else "RGB")


def _oriented_size(image: Image.Image) -> tuple[int, int]:
    """Returns (height, width) as the image is meant to be seen."""
    # A PNG may have its EXIF block behind the pixels, which `getexif` would decode to reach it.
    turned = (image.getexif() if max(image.size) <= LARGEST_KEPT else {}).get(ORIENTATION, 1) > 4
    return image.size if turned else image.size[::-1]


def _decode(files: Sequence[Path], form: Form) -> np.ndarray:
    """Returns the images (N, H, W, C) as uint8."""
    channels = len(form.mode)
    try:
        images = np.empty((len(files), form.height, form.width, channels), np.uint8)
    except (MemoryError, ValueError) as error:
        raise bad_data(
            f"{len(files)} images of {form.height} by {form.width} pixels do not fit into memory: "
            "give a smaller --image-size, or a --train-limit"
        ) from error
    for place, path in zip(images, files, strict=True):
        with _opened(path) as image:
            place[...] = _pixels(image, form)
    return images


def _pixels(image: Image.Image, form: Form) -> np.ndarray:
    """Returns one image (H, W, C) as uint8."""
    # Photographs: a JPEG decodes faster to a half, a quarter or an eighth, never below this size.
    image.draft(None, (2 * max(form.height, form.width),) * 2)
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):  # 16 bits of grey, which `convert` would clip at 255
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    image = image.convert(form.mode)
    if image.size != (form.width, form.height):
        image = image.resize((form.width, form.height), Image.Resampling.BILINEAR)
    return np.asarray(image).reshape(form.height, form.width, len(form.mode))
