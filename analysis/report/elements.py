"""What a report is made of: sections with prose, figures, tables and images.

The parts hold values, not markup: the templates alone know HTML and Markdown.
"""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import pandas as pd
from markupsafe import Markup
from matplotlib.figure import Figure
from PIL import Image

from analysis.formatting import NOTHING
from analysis.report import style

# What a spreadsheet takes for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


DASH = f"{NOTHING} stands for what is not known, or not there."


@dataclasses.dataclass(frozen=True)
class Table:
    """A table of text.

    Attributes:
        name: its CSV file's name without the ending; unlike that of any other table.
        columns: the head.
        rows: as many cells each as there are columns; the first names the row.
        numeric: whether the other cells are numbers, to be set flush right.
        note: how to read it; may be empty.
        frame: what the CSV file holds; the text where None.
    """

    kind: ClassVar[str] = "table"
    name: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    numeric: bool = True
    note: str = ""
    frame: pd.DataFrame | None = None

    @property
    def key(self) -> str:
        """The note, and what a dash stands for where there is one; may be empty."""
        dash = any(cell == NOTHING for row in self.rows for cell in row)
        return " ".join(filter(None, [self.note, DASH if dash else ""]))

    def csv(self) -> bytes:
        """Returns the table as CSV (UTF-8), in which no cell is taken for a formula."""
        frame = self.frame
        if frame is None:
            frame = pd.DataFrame([list(row) for row in self.rows], columns=list(self.columns))
        return to_csv(frame)


@dataclasses.dataclass(frozen=True)
class Picture:
    """A figure and the sentences that say what to see in it.

    Attributes:
        name: its file's name without the ending.
        caption: how to read it and what this run shows in it.
        drawn: the figure.
        title: what it shows, in a few words.
    """

    kind: ClassVar[str] = "picture"
    name: str
    caption: str
    drawn: Figure
    title: str = ""

    @property
    def svg(self) -> Markup:
        """The figure as an element of an HTML page."""
        return Markup(style.to_svg(self.drawn, self.name, self.title or self.caption))

    @property
    def png(self) -> bytes:
        """The figure as a file."""
        return style.to_png(self.drawn)


@dataclasses.dataclass(frozen=True)
class Tile:
    """An image with its name.

    Attributes:
        pixels: uint8, (height, width) or (height, width, 1, 3 or 4).
        text: what stands below it.
    """

    pixels: np.ndarray
    text: str = ""

    @property
    def png(self) -> bytes:
        """The image as a PNG file, pixel for pixel."""
        return to_png(self.pixels)


@dataclasses.dataclass(frozen=True)
class Gallery:
    """Images side by side.

    Attributes:
        name: the name of the sheet that Markdown shows.
        caption: what they are.
        tiles: the images.
    """

    kind: ClassVar[str] = "gallery"
    name: str
    caption: str
    tiles: Sequence[Tile]

    @property
    def png(self) -> bytes:
        """All images on one sheet, in reading order."""
        return to_png(sheet([tile.pixels for tile in self.tiles]))


@dataclasses.dataclass(frozen=True)
class Reading:
    """What one strategy makes of images.

    Attributes:
        strategy: its label.
        shape: of the sequence, in words.
        timesteps: how many there are.
        places: the image in the colours of the timesteps.
        sequences: an image and its sequence, time from left to right, each.
    """

    strategy: str
    shape: str
    timesteps: int
    places: Tile
    sequences: Sequence[tuple[Tile, Tile]]


@dataclasses.dataclass(frozen=True)
class Readings:
    """What each strategy makes of the same images."""

    kind: ClassVar[str] = "readings"
    name: str
    caption: str
    rows: Sequence[Reading]

    @property
    def png(self) -> bytes:
        """The maps of all strategies on one sheet, in reading order."""
        return to_png(sheet([row.places.pixels for row in self.rows], per_row=6))


@dataclasses.dataclass(frozen=True)
class TrialTable:
    """All trials, to be sorted and filtered.

    Attributes:
        name: its CSV file's name.
        columns: the head.
        rows: text; the first column is the strategy's label, the second the status.
        keys: by the column's place, the numbers by which it is sorted (None sorts last).
        frame: what the CSV file holds.
        shown: how many rows are shown before anybody asks for more.
        note: how to read it.
    """

    kind: ClassVar[str] = "trials"
    name: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    keys: dict[int, list[float | None]]
    frame: pd.DataFrame
    shown: int = 25
    note: str = ""

    def csv(self) -> bytes:
        """Returns the trials as CSV."""
        return to_csv(self.frame)


Part = Table | Picture | Gallery | Readings | TrialTable


@dataclasses.dataclass(frozen=True)
class Section:
    """One section of a report.

    Attributes:
        name: its anchor in the page.
        title: the heading.
        prose: paragraphs before the parts.
        parts: figures, tables and images, in order.
        code: a command to be shown as such; may be empty.
    """

    name: str
    title: str
    prose: Sequence[str] = ()
    parts: Sequence[Part] = ()
    code: str = ""


def to_csv(frame: pd.DataFrame) -> bytes:
    """Returns a frame as CSV; text that a spreadsheet would compute gets an apostrophe."""

    def safe(value: object) -> object:
        return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value

    texts = frame.select_dtypes(include=["object", "string"]).columns
    guarded = frame.assign(**{str(name): frame[name].map(safe) for name in texts})
    guarded.columns = [safe(str(name)) for name in guarded.columns]
    return guarded.to_csv(index=False, lineterminator="\n").encode()


def to_png(pixels: np.ndarray) -> bytes:
    """Returns uint8 pixels as a PNG file: (height, width), or with 1, 3 or 4 channels."""
    flat = pixels[:, :, 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
    content = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(flat)).save(content, format="png")
    return content.getvalue()


def colours(pixels: np.ndarray) -> np.ndarray:
    """Returns uint8 pixels as (height, width, 4), opaque unless they say otherwise."""
    shaped = pixels[:, :, None] if pixels.ndim == 2 else pixels
    alpha = np.full((*shaped.shape[:2], 1), 255, np.uint8)
    if shaped.shape[2] == 4:
        shaped, alpha = shaped[:, :, :3], shaped[:, :, 3:]
    return np.concatenate([np.broadcast_to(shaped, (*shaped.shape[:2], 3)), alpha], axis=2)


def sheet(images: Sequence[np.ndarray], per_row: int = 8, side: int = 96) -> np.ndarray:
    """Returns images on one sheet (height, width, 4), each enlarged to about `side` pixels."""
    step = side + 8
    rows = -(-len(images) // per_row)
    columns = min(per_row, len(images))
    whole = np.full((rows * step + 8, columns * step + 8, 4), 255, np.uint8)
    for place, image in enumerate(images):
        pixels = colours(image)
        # Whole pixels, so that none is wider than another; a large image is thinned.
        longest = max(pixels.shape[:2])
        scale, thin = max(1, side // longest), max(1, -(-longest // side))
        grown = pixels[::thin, ::thin].repeat(scale, 0).repeat(scale, 1)
        top, left = (8 + step * n for n in divmod(place, per_row))
        whole[top : top + grown.shape[0], left : left + grown.shape[1]] = grown
    return whole
