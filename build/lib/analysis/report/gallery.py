"""Findings -> the sections that look at images and classes: samples, sequences, mistakes."""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd

from analysis import formatting
from analysis.report import captions, plots
from analysis.report.elements import (
    Gallery,
    Part,
    Picture,
    Reading,
    Readings,
    Section,
    Table,
    Tile,
    colours,
)
from analysis.report.findings import Findings
from analysis.statistics import comparisons

MOST_CLASSES = 12  # in a figure; more do not fit on a phone
MOST_CONFUSIONS = 15
MOST_COUNTED = 2000  # classes: beyond, the table of all pairs would fill the memory
SHOWN = 3  # images whose sequences are shown


def class_accuracy(found: Findings) -> Picture | None:
    """Draws which strategy is right how often in which class."""
    names = found.run.experiment.strategies
    correct = comparisons.correctness(found.run.finals, found.labels, names)
    if found.labels is None or not correct:
        return None
    images = pd.DataFrame({name: seeds.mean(axis=0) for name, seeds in correct.items()})
    shares = images.groupby(found.labels).mean()
    shares = shares[[name for name in found.tested.index if name in shares]]
    spread = shares.max(axis=1) - shares.min(axis=1)
    shown = shares.loc[spread.sort_values(ascending=False, kind="stable").index[:MOST_CLASSES]]
    shown = shown.sort_index()
    named = shown.rename(index=lambda label: name(found, label, 16))
    drawn = plots.figure(
        lambda ax: plots.heat(named.T.rename(index=formatting.label), ax, "class", ""),
        plots.WIDTH,
        1.3 + 0.36 * len(shown.columns),
    )
    caption = captions.classes(named, len(shares))
    return Picture("accuracy-by-class", caption, drawn, "Test accuracy by strategy and class")


def samples(found: Findings) -> Section | None:
    """Some of the training images."""
    rows = sorted(_images(found, "train"), key=lambda row: (row["label"], row["position"]))
    if not rows:
        return None
    tiles = [Tile(row["pixels"], name(found, row["label"])) for row in rows]
    caption = f"{formatting.plural(len(tiles), 'training image')}, by class."
    return Section("samples", "The images", parts=[Gallery("samples", caption, tiles)])


def readings(found: Findings) -> Section | None:
    """The sequence that each strategy makes of the same images."""
    images = [row["pixels"] for row in _images(found, "train")[:SHOWN]]
    kept = found.run.sequences
    maps = dict(zip(kept.strategy, kept.timesteps, strict=True))
    if not images or not maps:
        return None
    rows = []
    for strategy in [name for name in found.standing.index if name in maps]:
        standing: Any = found.standing.loc[strategy]
        timesteps = int(np.nan_to_num(standing.timesteps, nan=maps[strategy].max() + 1))
        steps = formatting.plural(timesteps, "timestep")
        shape = f"{steps}{formatting.TIMES}{standing.features:,.0f} features"
        times = fitted(maps[strategy], images[0].shape[:2])
        pairs = [(Tile(image), Tile(unrolled(image, times))) for image in images]
        places = Tile(painted(times, timesteps))
        rows.append(Reading(formatting.label(strategy), shape, timesteps, places, pairs))
    part = Readings("sequences", captions.READINGS, rows)
    return Section("sequences", "What each strategy makes of an image", parts=[part])


def _images(found: Findings, split: str) -> list[dict[Any, Any]]:
    return [row for row in found.run.images.to_dict("records") if row["split"] == split]


def fitted(times: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Returns a map of timesteps at the size (height, width) of an image."""
    rows, columns = (
        np.arange(side) * of // side for side, of in zip(shape, times.shape, strict=True)
    )
    return times[np.ix_(rows, columns)]


def painted(times: np.ndarray, timesteps: int) -> np.ndarray:
    """Returns a map of timesteps in colours, dark for the first and light for the last."""
    shades = mpl.colormaps["viridis"](times / max(1, timesteps - 1), bytes=True)
    return np.asarray(shades, dtype=np.uint8)


def unrolled(image: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Returns an image's pixels by the timestep that they reach: one column a timestep.

    Args:
        image: uint8, (height, width, channels).
        times: integers (height, width).

    Returns:
        uint8, (most pixels of a timestep, timesteps that have pixels, 4). A column holds its
        timestep's pixels in reading order, and is clear below the last.
    """
    pixels = colours(image).reshape(-1, 4)
    order = np.argsort(times.ravel(), kind="stable")
    _, starts, counts = np.unique(times.ravel()[order], return_index=True, return_counts=True)
    column = np.repeat(np.arange(len(counts)), counts)
    row = np.arange(len(order)) - np.repeat(starts, counts)
    strip = np.zeros((counts.max(), len(counts), 4), np.uint8)
    strip[row, column] = pixels[order]
    return strip


def mistakes(found: Findings) -> Section | None:
    """Which classes the best strategy confuses, and images that it gets wrong."""
    best = found.tested.index[0] if len(found.tested) else None
    rows = found.run.finals[
        (found.run.finals.strategy == best) & (found.run.finals.status == "completed")
    ]
    labels = found.labels
    if (
        labels is None
        or not all(named is not None and len(named) == len(labels) for named in rows.predictions)
        or rows.empty
    ):
        return None
    named = np.stack(list(rows.predictions))
    known, places = np.unique(np.append(named, labels), return_inverse=True)
    if len(known) > MOST_COUNTED:
        return None
    *said, true = places.reshape(len(named) + 1, -1)
    counts = confusion(true, np.stack(said), len(known))
    parts: list[Part | None] = [
        _confusion_picture(found, known, counts, str(best)),
        _confusions(found, known, counts),
    ]
    wrong = (named != labels).mean(axis=0)
    tiles = [
        Tile(
            row["pixels"],
            f"{name(found, row['label'], 24)}, named "
            f"{name(found, np.bincount(named[:, row['position']]).argmax(), 24)}",
        )
        for row in _images(found, "test")
        if row["position"] < len(labels) and wrong[row["position"]] > 0.5
    ]
    if tiles:
        caption = captions.mistakes(str(best), len(tiles), int((wrong > 0.5).sum()), len(rows))
        parts.append(Gallery("mistakes", caption, tiles))
    title = f"What {formatting.label(str(best))} gets wrong"
    return Section("mistakes", title, parts=[part for part in parts if part])


def confusion(labels: np.ndarray, named: np.ndarray, classes: int) -> np.ndarray:
    """Counts how often each class was named each class.

    Args:
        labels: (test images,).
        named: (seeds, test images).
        classes: how many there are.

    Returns:
        Integers (classes, classes): true by named, summed over seeds.
    """
    pairs = np.broadcast_to(labels, named.shape) * classes + named
    return np.bincount(pairs.ravel(), minlength=classes * classes).reshape(classes, classes)


def _confusion_picture(
    found: Findings, known: np.ndarray, counts: np.ndarray, best: str
) -> Picture:
    errors = counts - np.diag(np.diag(counts))
    involved = errors.sum(axis=0) + errors.sum(axis=1)
    shown = np.sort(np.argsort(-involved, kind="stable")[:MOST_CLASSES])
    totals = np.maximum(counts.sum(axis=1, keepdims=True), 1)
    labels = [name(found, known[place], 16) for place in shown]
    shares = pd.DataFrame((counts / totals)[np.ix_(shown, shown)], index=labels, columns=labels)
    drawn = plots.figure(
        lambda ax: plots.heat(shares, ax, "named", "true class"),
        plots.WIDTH,
        1.4 + 0.36 * len(shown),
    )
    caption = captions.confusion(best, len(shown), len(counts))
    return Picture("confusion", caption, drawn, f"Confusion matrix of {formatting.label(best)}")


def _confusions(found: Findings, known: np.ndarray, counts: np.ndarray) -> Table | None:
    rows = []
    totals = counts.sum(axis=1)
    errors = counts - np.diag(np.diag(counts))
    for place in np.argsort(-errors, axis=None, kind="stable")[:MOST_CONFUSIONS]:
        true, said = divmod(int(place), len(counts))
        if errors[true, said] == 0:
            break
        share = formatting.percent(errors[true, said] / totals[true])
        pair = [name(found, known[true]), name(found, known[said])]
        rows.append([*pair, f"{errors[true, said]:,}", share])
    if not rows:
        return None
    columns = ["true class", "named", "times, all seeds", "of the class"]
    whole = pd.DataFrame(
        [
            {
                "true": name(found, known[true]),
                "named": name(found, known[said]),
                "count": int(counts[true, said]),
            }
            for true, said in zip(*np.nonzero(counts), strict=True)
        ]
    )
    return Table("confusion", columns, rows, note="The most frequent confusions.", frame=whole)


def name(found: Findings, label: Any, limit: int = 40) -> str:
    """Returns a class's name, or its number where it has none."""
    known = int(label) < len(found.class_names)
    return formatting.clean(found.class_names[int(label)] if known else int(label), limit)
