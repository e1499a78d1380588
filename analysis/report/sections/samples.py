"""Some of the training images."""

from __future__ import annotations

from analysis import formatting
from analysis.report.elements import Gallery, Section, Tile
from analysis.report.findings import Findings


def section(found: Findings) -> Section | None:
    """Returns the images that the run keeps, by class, or nothing where it keeps none."""
    rows = sorted(found.images("train"), key=lambda row: (row["label"], row["position"]))
    if not rows:
        return None
    tiles = [Tile(row["pixels"], found.class_name(row["label"])) for row in rows]
    caption = f"{formatting.plural(len(tiles), 'training image')}, by class."
    return Section("samples", "The images", parts=[Gallery("samples", caption, tiles)])
