"""A folder of class folders, or a table of paths, as a source."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from search.data.layouts import Listed, in_words, list_folder
from search.data.pixels import (
    BrokenImageError,
    broken,
    broken_image,
    check_others,
    common_form,
    decode,
)
from search.data.sources import Part, Reader, Source, bad_data, fingerprint
from search.data.tables import list_table

MOST_NAMED = 10  # images that cannot be read, in one line


def folder_source(folder: Path, size: tuple[int, int] | None, skip_broken: bool = False) -> Source:
    """Lists a folder's images, or a table's; what all become follows from those trained on.

    Args:
        folder: holds class folders, each holding images, or folders of the splits; or a `.csv`.
        size: (height, width) in pixels; None keeps a size of up to 64×64 that all images share,
            and otherwise takes 32×32.
        skip_broken: leave out what cannot be read.

    Raises:
        ExperimentError: there are no images, or some cannot be read: one line counts all of them.
    """
    if size is not None and (min(size) < 1 or max(size) < 2):
        raise bad_data(f"--image-size {size[0]} {size[1]} is too small: two pixels at least")
    try:
        listing = list_folder(folder) if folder.is_dir() else list_table(folder)
    except OSError as error:
        where = error.filename or folder
        raise bad_data(f"cannot read {where} ({error.strerror}): check its rights") from error
    notes = [*listing.notes]
    if passed_over := in_words(listing.passed_over):
        notes.append(passed_over)
    splits = listing.splits
    if skip_broken and (found := broken(_files(splits))):
        notes.append(f"left out: {_some(found, len(_files(splits)))}")
        kept = {split: _without(found, listed) for split, listed in splits.items()}
        if lost := {*splits["train"].labels} - {*kept["train"].labels}:
            raise bad_data(f"no image of class {min(lost)} of {folder} can be read: fix some")
        splits = kept
    root = folder if folder.is_dir() else folder.parent
    parts = {
        split: Part(
            listed.labels,
            np.array([os.path.relpath(file, root) for file in listed.files]),
            functools.partial(_fingerprints, listed.files, splits),
        )
        for split, listed in splits.items()
    }

    def reader(training: np.ndarray) -> Reader:
        files = splits["train"].files
        rest = {name: listed.files for name, listed in splits.items() if name != "train"}
        rest["other"] = np.delete(files, training)  # for the test, or beyond a limit
        with _all_named(splits):
            form = common_form(files[training].tolist(), size)
            said = list(form.notes)
            for name, others in rest.items():
                said += check_others(name, others.tolist(), form)

        def read(part: str, places: np.ndarray) -> np.ndarray:
            with _all_named(splits):
                return decode(splits[part].files[places].tolist(), form)

        return Reader(read, tuple(said), repr(dataclasses.replace(form, notes=())))

    return Source(parts["train"], parts.get("validation"), parts.get("test"), reader, tuple(notes))


@contextlib.contextmanager
def _all_named(splits: Mapping[str, Listed]) -> Iterator[None]:
    """Has the first image that cannot be read in the block name all others, in one message.

    Only then are all of them decoded for it.
    """
    try:
        yield
    except BrokenImageError as error:
        found = broken(_files(splits)) or {Path(): str(error)}
        raise bad_data(
            f"cannot read {_some(found, len(_files(splits)))}: fix or delete them, or leave them "
            "out by --skip-broken"
        ) from error


def _some(found: Mapping[Path, str], images: int) -> str:
    """Returns how many images there are of so many, with the first of them."""
    named = [*found.values()][:MOST_NAMED]
    more = f" and {len(found) - len(named):,} more" if len(found) > len(named) else ""
    return f"{len(found):,} of {images:,} images, {', '.join(named)}{more}"


def _files(splits: Mapping[str, Listed]) -> list[Path]:
    return [file for listed in splits.values() for file in listed.files]


def _without(found: Mapping[Path, str], listed: Listed) -> Listed:
    kept = np.array([file not in found for file in listed.files], dtype=bool)
    return Listed(listed.files[kept], listed.labels[kept])


def _fingerprints(files: Iterable[Path], splits: Mapping[str, Listed]) -> list[str]:
    with _all_named(splits):
        return [_fingerprint(file) for file in files]


def _fingerprint(file: Path) -> str:
    try:
        return fingerprint(file.read_bytes())
    except OSError as error:
        raise broken_image(file, f"{error.strerror}") from error
