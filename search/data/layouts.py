"""A folder -> which images it holds, of which class and split, and what is passed over.

Two layouts are understood: a folder a class, or `train`, `test` and `val` (each by any of its
usual names) with a folder a class in each. What lies deeper in a class's folder is of that class.
No image is opened here, but a file without an ending, to see what it is.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from search.data.sources import bad_data

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM", "JPEG2000", "AVIF")
"""Pillow's names of what is read; the others are no pictures, or run programs to be read."""

SPLITS = {
    "train": ("train", "training"),
    "validation": ("val", "valid", "validation", "dev"),
    "test": ("test", "testing", "tests"),
}
ALSO = {"train": ("trn",), "validation": ("eval",), "test": ("tst", "holdout")}
"""What a folder for a split may be called, too, where it stands beside one for another split."""
BESIDE = ("set", "data", "dataset", "images", "split")  # what such names go with: `training_set`
LAYOUTS = "make it {0}/CLASS/IMAGE.png, or {0}/train/CLASS/IMAGE.png and {0}/test/CLASS/IMAGE.png"
RUBBISH = {  # what systems leave behind
    *("thumbs.db", "desktop.ini", "__macosx", "lost+found", "$recycle.bin"),
    *("@eadir", "#recycle", "system volume information"),
}
SPLIT_LIKE = re.compile(
    r"(train|learn|test|val|valid|eval)(ing|val|idation|uation|sets?|s)?[\W_\d]*", re.IGNORECASE
)
"""What may be a split's name, where folders all hold the same."""
COMPANIONS = {"extra", "query", "gallery", "pred", "predict", "inference", "holdout", "unlabeled"}
"""What stands beside splits, and is none."""


@functools.cache
def endings() -> frozenset[str]:
    """Returns the endings of image files, with their dots, small letters."""
    Image.init()
    known = Image.registered_extensions().items()
    return frozenset(ending for ending, kind in known if kind in FORMATS)


@dataclasses.dataclass(frozen=True)
class Listed:
    """The images of one split.

    Attributes:
        files: (N,) paths.
        labels: (N,) the names of their classes.
    """

    files: np.ndarray
    labels: np.ndarray


@dataclasses.dataclass(frozen=True)
class Listing:
    """What a folder holds.

    Attributes:
        splits: `train`, and of `validation` and `test` those that it has.
        passed_over: kind of file to how many there are.
        notes: what the user is to know of the layout, a line each.
    """

    splits: dict[str, Listed]
    passed_over: dict[str, int]
    notes: tuple[str, ...] = ()


def list_folder(folder: Path) -> Listing:
    """Lists a folder's images.

    Raises:
        ExperimentError: it has no images in class folders.
        OSError: it cannot be read.
    """
    passed: collections.Counter[str] = collections.Counter()
    named = _splits(folder)
    if named is None:
        _check_names(folder)
        train = _classes(folder, folder, passed)
        return Listing({"train": train}, dict(passed), _nested(folder))
    _pass_over_hidden(folder, passed)
    for path in _visible(folder):
        if path not in named.values():
            _pass_over(path, passed, f"beside {', '.join(p.name for p in named.values())}")
    splits = {}
    for split, path in named.items():
        if not _folders(path):
            hint = "" if split == "train" else f", or move {path.name} away"
            raise bad_data(
                f"{path} has no class folders, and the class is a folder's name: "
                f"{LAYOUTS.format(folder)}{hint}"
            )
        splits[split] = _classes(path, folder, passed, may_lack=split != "train")
    return Listing(splits, dict(passed))


def _splits(folder: Path) -> dict[str, Path] | None:
    """Returns which subfolder is which split; None where the subfolders are classes."""
    found: dict[str, Path] = {}
    others = []
    for path in _folders(folder):
        split = split_called(path.name)
        if split is None:
            others.append(path)
        elif split in found:
            raise bad_data(
                f"{folder} has {found[split].name} and {path.name}, both for {split}: keep one"
            )
        else:
            found[split] = path
    nested = [path for path in found.values() if _folders(path)]
    if "train" not in found and nested and not others:
        raise bad_data(
            f"{folder} has {nested[0].name} and no folder for training: {LAYOUTS.format(folder)}"
        )
    if "train" not in found or (len(found) == 1 and others):
        return None  # a class may be called so
    # Classes called train and test, beside others, hold images themselves.
    if others and not _folders(found["train"]):
        return None
    return {split: found[split] for split in SPLITS if split in found}


def _check_names(folder: Path) -> None:
    """Refuses class folders that are rather splits of other names, or hold the classes."""
    folders = _folders(folder)
    meant = {path: split for path in folders if (split := _about(path.name))}
    # Classes may be called so beside others, and then hold images themselves.
    if len({*meant.values()}) > 1 and (len(meant) == len(folders) or all(map(_folders, meant))):
        called = ", ".join(path.name for path in [*meant][:4])
        raise bad_data(
            f"{folder} has {called}, which are no classes by their names: "
            f"{LAYOUTS.format(folder)}; if they are the classes, rename them"
        )
    _check_nested(folder, {path.name: [c.name for c in _folders(path)] for path in folders})
    if len(folders) == 1 and len(_folders(folders[0])) > 1:
        raise bad_data(
            f"{folder} has one folder only, {folders[0].name}: give {folders[0]}, if the folders "
            "of the classes are in it"
        )


def _check_nested(folder: Path, within: Mapping[str, Sequence[str]]) -> None:
    """Refuses folders of which it is not clear whether they are classes or hold them.

    Args:
        folder: holds them, for messages.
        within: the name of each to those of the folders in it.
    """
    names, nested = [*within], [name for name in within if within[name]]
    for name in nested:
        others = {*names} - {name}
        if len(others) > 1 and others <= {*within[name]}:
            raise bad_data(
                f"{name} in {folder} holds folders called as those beside it, "
                f"{', '.join(sorted(others)[:3])}: keep one of both"
            )
    shared = set.intersection(*map(set, within.values())) if within else set()
    splits = [name for name in names if SPLIT_LIKE.fullmatch(name)]
    rest = {name.lower() for name in names} - {name.lower() for name in splits}
    if len(shared) > 1 and splits and (len(names) == 2 or rest <= COMPANIONS):
        raise bad_data(
            f"{', '.join(names[:3])} in {folder} all hold {', '.join(sorted(shared)[:3])}, which "
            f"may be the classes: {LAYOUTS.format(folder)}; if {names[0]} is a class, rename it"
        )
    flat = [name for name in names if not within[name]]
    if flat and len(nested) == 1 and split_called(nested[0]):
        (name,), beside = nested, ", ".join(flat[:3])
        raise bad_data(
            f"{name} in {folder} holds folders, and {beside} none: if those are the classes, move "
            f"{beside} away; if {name} is a class, take its images out of its folders"
        )


def _nested(folder: Path) -> tuple[str, ...]:
    """Says which class folders hold folders, since those may rather be the classes."""
    within = {path.name: folders_of_images(path) for path in _folders(folder)}
    holding = [
        f"{name} holds {', '.join(found[:3])}{', …' * (len(found) > 3)}"
        for name, found in within.items()
        if found
    ]
    if not holding:
        return ()
    shown = "; ".join(holding[:3]) + "; …" * (len(holding) > 3)
    return (f"what lies in folders of a class's folder is of that class: {shown}",)


def _about(name: str) -> str:
    """Returns the split that is part of a name; empty where none is.

    >>> _about("seg_train"), _about("testA"), _about("tst"), _about("attest"), _about("training")
    ('train', 'test', 'test', '', 'train')
    """
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)
    for split, names in SPLITS.items():
        if any(word.lower() in (*names, *ALSO[split]) for word in words):
            return split
    return ""


def split_called(name: str) -> str | None:
    """Returns the split that a name means, or None.

    >>> split_called("Training_Set"), split_called("val"), split_called("cat")
    ('train', 'validation', None)
    """
    words = re.findall(r"[a-z0-9]+", name.lower())
    if not words or any(word not in BESIDE for word in words[1:]):
        return None
    return next((split for split, names in SPLITS.items() if words[0] in names), None)


def _classes(
    folder: Path, root: Path, passed: collections.Counter[str], may_lack: bool = False
) -> Listed:
    """Lists the images in class folders; what lies beside them is passed over.

    Args:
        folder: holds the class folders.
        root: the data set's folder, for messages.
        passed: counts what is passed over.
        may_lack: whether a class may have none.
    """
    images: dict[str, list[Path]] = {}
    _pass_over_hidden(folder, passed)
    for path in _visible(folder):
        if path.is_dir():
            within = {split_called(child.name) for child in _folders(path)}
            if "train" in within and within & {"test", "validation"}:
                raise bad_data(
                    f"{path} holds folders of splits, and they hold the classes: "
                    f"{LAYOUTS.format(root)}"
                )
            images[path.name] = list(_images(path, passed))
        else:
            _pass_over(path, passed, "outside the class folders")
    if not any(images.values()):
        found = f" ({in_words(passed)})" if passed else ""
        raise bad_data(f"{folder} has no images in class folders{found}: {LAYOUTS.format(root)}")
    for name, paths in images.items():
        if not paths and not may_lack:
            kinds = collections.Counter[str]()
            list(_images(folder / name, kinds))
            found = f" ({in_words(kinds)}; {', '.join(FORMATS)} are read)" if kinds else ""
            raise bad_data(
                f"class {name} of {folder} has no image{found}: put images into its folder, or "
                "move it away"
            )
    files = np.array([path for paths in images.values() for path in paths], dtype=object)
    labels = np.array([name for name, paths in images.items() for _ in paths], dtype=str)
    return Listed(files, labels)


def _images(
    folder: Path, passed: collections.Counter[str], above: frozenset[str] = frozenset()
) -> Iterator[Path]:
    """Yields the image files below a folder; a link back to a folder above is passed over."""
    here = os.path.realpath(folder)
    if here in above:
        passed["links to a folder above"] += 1
        return
    _pass_over_hidden(folder, passed)
    for path in _visible(folder):
        if path.is_dir():
            yield from _images(path, passed, above | {here})
        elif path.is_file() and _is_image(path):
            yield path
        else:
            _pass_over(path, passed)


def _is_image(path: Path) -> bool:
    """Whether a file is an image by its ending, or begins as one and has no ending."""
    if path.suffix and not path.suffix[1:].isdigit():  # `IMG 2021.05.04` has no ending
        return path.suffix.lower() in endings()
    try:
        with Image.open(path, formats=FORMATS):
            return True
    except Exception:  # whatever it is, it is no image
        return False


def _pass_over(path: Path, passed: collections.Counter[str], why: str = "") -> None:
    """Counts what is not read, by kind; of a folder the images in it."""
    if path.is_dir():
        count = sum(1 for _ in _images(path, collections.Counter()))
        if count:
            passed[f"images in {path.name}/, {why}"] += count
    elif path.is_symlink() and not path.exists():
        passed["links that lead nowhere"] += 1
    elif not path.is_file():
        passed["pipes and devices"] += 1
    elif path.suffix.lower() in endings():
        passed[f"images {why}"] += 1
    else:
        passed[f"{path.suffix.lower()} files" if path.suffix else "files without an ending"] += 1


def _pass_over_hidden(folder: Path, passed: collections.Counter[str]) -> None:
    """Counts the images that are hidden in a folder, as a name with a leading dot says."""
    for path in sorted(folder.glob(".[!._]*")):  # `._cat.jpg` is what macOS knows of `cat.jpg`
        if path.is_dir():
            _pass_over(path, passed, "a hidden folder")
        elif path.suffix.lower() in endings():
            passed["hidden images"] += 1


def _visible(folder: Path) -> list[Path]:
    """Lists what a folder holds, by name: the disk's own order must not matter."""
    paths = (
        path
        for path in folder.iterdir()
        if not path.name.startswith(".") and path.name.lower() not in RUBBISH
    )
    return sorted(paths, key=lambda path: path.name)


def folders_of_images(folder: Path) -> list[str]:
    """Returns the names of the folders in a folder that hold images, by name."""
    found = (
        (path.name, next(_images(path, collections.Counter()), None)) for path in _folders(folder)
    )
    return [f"{name}/" for name, first in found if first is not None]


def _folders(folder: Path) -> list[Path]:
    """Lists the folders in a folder, by name."""
    return [path for path in _visible(folder) if path.is_dir()]


def in_words(passed_over: Mapping[str, int]) -> str | None:
    """Says what was passed over; None where nothing was.

    >>> in_words({".txt files": 3, "links that lead nowhere": 1})
    'passed over: 3 .txt files, 1 links that lead nowhere'
    """
    if not passed_over:
        return None
    return "passed over: " + ", ".join(f"{count:,} {kind}" for kind, count in passed_over.items())
