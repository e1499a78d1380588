"""Which classes the best strategy confuses, and images that it gets wrong."""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis import formatting
from analysis.report import style
from analysis.report.elements import Gallery, Part, Picture, Section, Table, Tile
from analysis.report.findings import Findings
from search.store import mostly_wrong

MOST_CLASSES = 12  # in the figure; more do not fit on a phone
MOST_CONFUSIONS = 15
MOST_COUNTED = 2000  # classes: beyond, the table of all pairs would fill the memory


def section(found: Findings) -> Section | None:
    """Returns the confusion matrix as figure and table, and the images, as far as they are kept."""
    best = str(found.tested.index[0]) if len(found.tested) else None
    finals = found.run.finals
    predictions = list(
        finals.predictions[(finals.strategy == best) & (finals.status == "completed")]
    )
    labels = found.labels
    if best is None or labels is None or not predictions:
        return None
    if not all(one is not None and len(one) == len(labels) for one in predictions):
        return None
    predicted = np.stack(predictions)  # (seeds, test images)
    classes, places = np.unique(np.append(predicted, labels), return_inverse=True)
    if len(classes) > MOST_COUNTED:
        return None
    *places_predicted, true = places.reshape(len(predicted) + 1, -1)
    counts = confusion(true, np.stack(places_predicted), len(classes))
    parts: list[Part | None] = [
        _confusion_picture(found, best, classes, counts),
        _confusion_table(found, classes, counts),
        _gallery(found, best, labels, predicted),
    ]
    title = f"What {found.label(best)} gets wrong"
    return Section("mistakes", title, parts=[part for part in parts if part])


def confusion(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Counts how often each class was predicted as each class.

    Args:
        labels: true classes in [0, classes), (test images,).
        predicted: classes in [0, classes), (seeds, test images).
        classes: how many there are.

    Returns:
        Integers (classes, classes): true by predicted, summed over seeds.

    >>> confusion(np.array([0, 1]), np.array([[0, 0], [0, 1]]), 2).tolist()
    [[2, 0], [1, 1]]
    """
    pairs = np.broadcast_to(labels, predicted.shape) * classes + predicted
    return np.bincount(pairs.ravel(), minlength=classes * classes).reshape(classes, classes)


def _confusion_picture(
    found: Findings, best: str, classes: np.ndarray, counts: np.ndarray
) -> Picture:
    """Draws the classes (classes,) that are confused most, of counts (classes, classes)."""
    errors = counts - np.diag(np.diag(counts))
    involved = errors.sum(axis=0) + errors.sum(axis=1)
    shown = np.sort(np.argsort(-involved, kind="stable")[:MOST_CLASSES])
    totals = np.maximum(counts.sum(axis=1, keepdims=True), 1)
    names = [found.class_name(int(classes[place]), 16) for place in shown]
    shares = pd.DataFrame((counts / totals)[np.ix_(shown, shown)], index=names, columns=names)
    drawn = style.figure(
        lambda ax: style.heat(shares, ax, "predicted", "true class"),
        style.WIDTH,
        1.4 + 0.36 * len(shown),
    )
    caption = (
        "A row is a true class, a column what was predicted, in percent of the class over all "
        "seeds: off the diagonal are the mistakes."
    )
    if len(shown) < len(counts):
        caption += (
            f" Shown are the {len(shown)} of {len(counts)} classes that {found.label(best)} "
            "confuses most."
        )
    return Picture("confusion", caption, drawn, f"Confusion matrix of {found.label(best)}")


def _confusion_table(found: Findings, classes: np.ndarray, counts: np.ndarray) -> Table | None:
    names = [found.class_name(int(label)) for label in classes]
    totals = counts.sum(axis=1)
    errors = counts - np.diag(np.diag(counts))
    rows = []
    for place in np.argsort(-errors, axis=None, kind="stable")[:MOST_CONFUSIONS]:
        true, said = divmod(int(place), len(counts))
        if errors[true, said] == 0:
            break
        share = formatting.percent(errors[true, said] / totals[true])
        rows.append([names[true], names[said], f"{errors[true, said]:,}", share])
    if not rows:
        return None
    columns = ["true class", "predicted", "times, all seeds", "of the class"]
    frame = pd.DataFrame(
        [
            {"true": names[true], "predicted": names[said], "count": int(counts[true, said])}
            for true, said in zip(*np.nonzero(counts), strict=True)
        ]
    )
    return Table("confusion", columns, rows, note="The most frequent confusions.", frame=frame)


def _gallery(
    found: Findings, best: str, labels: np.ndarray, predicted: np.ndarray
) -> Gallery | None:
    """Shows images that most seeds get wrong: labels (images,), predicted (seeds, images)."""
    wrong = mostly_wrong(predicted, labels)
    tiles = [
        Tile(
            row["pixels"],
            f"{found.class_name(row['label'], 24)}, predicted "
            f"{found.class_name(int(np.bincount(predicted[:, row['position']]).argmax()), 24)}",
        )
        for row in found.images("test")
        if row["position"] < len(labels) and wrong[row["position"]]
    ]
    if not tiles:
        return None
    seeds, count = len(predicted), int(wrong.sum())
    how = "the one seed classifies" if seeds == 1 else f"most of the {seeds} seeds classify"
    start = f"{len(tiles)}, drawn evenly over the classes, of the" if len(tiles) < count else "The"
    images = formatting.plural(count, "test image")
    caption = f"{start} {images} that {how} wrongly, with {found.label(best)}."
    return Gallery("mistakes", caption, tiles)
