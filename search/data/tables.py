"""A `.csv` of paths and labels -> which images there are, of which class and split."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from search.data.layouts import SPLITS, Listed, Listing
from search.data.sources import bad_data

PATHS = (
    "path",
    "file",
    "filename",
    "file_name",
    "filepath",
    "image",
    "image_path",
    "img",
    "filepaths",
)
LABELS = ("label", "labels", "class", "category", "target", "class_name")
SPLIT = ("split", "set", "subset", "partition")
MAYBE_SPLIT = ("data set", "dataset", "phase", "fold", "type", "usage")
"""What is the split's column where it holds splits' names alone."""


def list_table(table: Path) -> Listing:
    """Lists a table's images.

    The first line may name the columns; else they are path and label. A column for the split is
    optional. Paths are from the table's folder.

    Raises:
        ExperimentError: it is no such table.
    """
    wanted = (
        f"{table}: give it columns path and label, and split where there is one, with commas "
        "between them"
    )
    rows = _rows(table)
    if not rows or len(rows[0][1]) < 2:
        raise bad_data(f"there are no paths and labels in {wanted}")
    head = [cell.strip().lower() for cell in rows[0][1]]
    path, label, split = (_column(table, head, names, rows) for names in (PATHS, LABELS, SPLIT))
    passed_over = {}
    if path is None or label is None:
        if not (table.parent / rows[0][1][0].strip()).is_file() or len(head) > 3:
            raise bad_data(f"no column for the path or the label in {wanted}")
        path, label, split = 0, 1, 2 if len(head) == 3 else None
    else:
        rows = rows[1:]
        if split is None:
            split = _maybe_split(head, rows)
        rest = [name for place, name in enumerate(head) if place not in (path, label, split)]
        if rest := [name or "without a name" for name in rest]:
            passed_over = {f"columns of {table.name}: {', '.join(rest)}": len(rest)}
    listed: dict[str, list[tuple[Path, str]]] = {}
    lines: dict[Path, int] = {}
    for number, row in rows:
        if len(row) != len(head):
            raise bad_data(
                f"line {number} of {table} has {len(row)} columns, and the first has {len(head)}: "
                "put quotes around what holds a comma"
            )
        file_of = table.parent / row[path].strip()
        if not file_of.is_file():
            raise bad_data(f"there is no file {file_of}, which {table} names: correct the line")
        if not row[label].strip():
            raise bad_data(f"line {number} of {table} has no label: complete it")
        if "\0" in row[label]:  # which NumPy drops at an end
            raise bad_data(f"the label in line {number} of {table} has a zero byte: take it out")
        if (before := lines.setdefault(file_of.resolve(), number)) != number:
            raise bad_data(f"lines {before} and {number} of {table} name one file: take one out")
        part = "train" if split is None else _split(row[split], table, number)
        listed.setdefault(part, []).append((file_of, row[label].strip()))
    if "train" not in listed:
        raise bad_data(f"no image for training in {wanted}")
    return Listing({part: _listed(listed[part]) for part in SPLITS if part in listed}, passed_over)


def _rows(table: Path) -> list[tuple[int, list[str]]]:
    """Returns the rows that are not empty, and the number of the line where each ends."""
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, skipinitialspace=True, strict=True)
            return [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise bad_data(
            f"cannot read {table} ({error}): save it as CSV in UTF-8, a path and a label a line"
        ) from error


def _column(
    table: Path, head: Sequence[str], names: Sequence[str], rows: Sequence[tuple[int, list[str]]]
) -> int | None:
    """Returns the place of the column of such a name; of two that say the same, that of words."""
    found = [place for place, name in enumerate(head) if name in names]
    cells = [[row[place] for place in found] for _, row in rows[1:] if len(row) == len(head)]
    if len(found) > 1 and _say_the_same(cells):
        return next((p for p, c in zip(found, cells[0], strict=True) if not c.isdigit()), found[0])
    if len(found) > 1:
        both = " and ".join(head[place] for place in found[:2])
        raise bad_data(f"{table} has columns {both}, which mean the same: keep one")
    return found[0] if found else None


def _say_the_same(rows: Sequence[Sequence[str]]) -> bool:
    """Whether each cell of a row follows from each other, as a name and a number do.

    >>> _say_the_same([["0", "cat"], ["1", "dog"], ["0", "cat"]])
    True
    """
    distinct = len({tuple(row) for row in rows})
    return distinct > 1 and all(len({*column}) == distinct for column in zip(*rows, strict=True))


def _maybe_split(head: Sequence[str], rows: Sequence[tuple[int, list[str]]]) -> int | None:
    """Returns the place of a column that holds nothing but splits' names, called as one may be."""
    names = {name for each in SPLITS.values() for name in each}
    for place, name in enumerate(head):
        cells = {row[place].strip().lower() for _, row in rows if place < len(row)}
        if name in MAYBE_SPLIT and len(cells) > 1 and cells <= names:
            return place
    return None


def _split(cell: str, table: Path, number: int) -> str:
    for split, names in SPLITS.items():
        if cell.strip().lower() in names:
            return split
    raise bad_data(f"line {number} of {table} has the split {cell!r}: write train, val or test")


def _listed(rows: Sequence[tuple[Path, str]]) -> Listed:
    files = np.empty(len(rows), dtype=object)
    files[:] = [file for file, _ in rows]
    return Listed(files, np.array([label for _, label in rows], dtype=str))
