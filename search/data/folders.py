"""A folder of class folders, or a table of paths, as a source."""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from search.data.layouts import in_words, list_folder
from search.data.pixels import check_others, common_form, decode
from search.data.sources import Part, Reader, Source, bad_data, fingerprint
from search.data.tables import list_table


def folder_source(folder: Path, size: tuple[int, int] | None) -> Source:
    """Lists a folder's images, or a table's; what all become follows from those trained on.

    Args:
        folder: holds class folders, each holding images, or folders of the splits; or a `.csv`.
        size: (height, width) in pixels; None keeps a size of up to 64×64 that all images share,
            and otherwise takes 32×32.

    Raises:
        ExperimentError: there are no images, or one cannot be read.
    """
    if size is not None and (min(size) < 1 or max(size) < 2):
        raise bad_data(f"--image-size {size[0]} {size[1]} is too small: two pixels at least")
    try:
        listing = list_folder(folder) if folder.is_dir() else list_table(folder)
    except OSError as error:
        where = error.filename or folder
        raise bad_data(f"cannot read {where} ({error.strerror}): check its rights") from error
    splits, root = listing.splits, folder if folder.is_dir() else folder.parent
    parts = {
        split: Part(
            listed.labels,
            np.array([os.path.relpath(file, root) for file in listed.files]),
            functools.partial(_fingerprints, listed.files),
        )
        for split, listed in splits.items()
    }

    def reader(training: np.ndarray) -> Reader:
        files = splits["train"].files
        form = common_form(files[training].tolist(), size)
        notes = list(form.notes)
        rest = {name: listed.files for name, listed in splits.items() if name != "train"}
        rest["other"] = np.delete(files, training)  # for the test, or beyond a limit
        for name, others in rest.items():
            notes += check_others(name, others.tolist(), form)
        return Reader(
            lambda part, places: decode(splits[part].files[places].tolist(), form),
            tuple(notes),
            repr(dataclasses.replace(form, notes=())),
        )

    passed_over = in_words(listing.passed_over)
    return Source(
        parts["train"],
        parts.get("validation"),
        parts.get("test"),
        reader,
        (passed_over,) if passed_over else (),
    )


def _fingerprints(files: Iterable[Path]) -> list[str]:
    found = []
    for file in files:
        try:
            found.append(fingerprint(file.read_bytes()))
        except OSError as error:
            raise bad_data(
                f"cannot read the image {file} ({error.strerror}): fix it, or delete it"
            ) from error
    return found
