"""What every metric says of the finals, how sure they may be, and how each class is found."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from analysis import formatting
from analysis.report import style
from analysis.report.elements import Part, Picture, Section, Table
from analysis.report.findings import Findings
from analysis.statistics import reliability
from analysis.statistics.samples import completed
from search.store import METRICS

MOST_CLASSES = 100  # rows; the CSV file has all


def section(found: Findings) -> Section | None:
    """Returns the finals by every metric; nothing before the test, or of an older run."""
    frame = reliability.by_metric(found.run)
    if frame.empty or not len(found.tested):
        return None
    parts: list[Part | None] = [_metrics(found, frame), _picture(found), _classes(found)]
    return Section("measures", "By every metric", parts=[part for part in parts if part])


def _metrics(found: Findings, frame: pd.DataFrame) -> Table:
    names = [("strategy", name) for name in found.order] + [
        ("baseline", label) for label in found.baselines.label
    ]
    rows = []
    for kind, name in names:
        if (kind, name) in frame.index:
            row = frame.loc[(kind, name)]
            values = [metric.in_words(row[key]) for key, metric in METRICS.items()]
            error = formatting.percent(row[reliability.ECE])
            rows.append([found.label(name) if kind == "strategy" else name, *values, error])
    columns = ["what", *(metric.label for metric in METRICS.values()), "calibration error"]
    note = (
        "Means over the finals, on the test images; the simple classifiers stand below. Balanced "
        "accuracy and macro F1 count every class alike. ROC AUC is the mean over classes of how "
        "often an image of the class gets a higher probability of it than another image. The log "
        "loss is of the probabilities, 0 at best. The calibration error is how far confidence lies "
        "from how often it is right."
    )
    flat = frame.reset_index()
    return Table("metrics", columns, rows, note=note, frame=flat)


def _picture(found: Findings) -> Picture | None:
    finals = completed(found.run.finals)
    curves = {}
    for name in found.tested.index:
        measures = list(finals.measures[finals.strategy == name])
        if measures and all(measures):
            curves[str(name)] = reliability.reliability_curve(measures)
    if not curves:
        return None
    drawn = style.figure(lambda ax: draw(curves, found, ax), style.WIDTH, 4.2)
    caption = (
        "How often a strategy's finals are right against how sure they are of the class that they "
        "predict, all images and finals of a strategy together. On the grey line confidence can be "
        "taken at its word; below it they are too sure. A mark is a bin of a fifteenth, with ten "
        "images or more."
    )
    return Picture("reliability", caption, drawn, "Reliability by strategy")


def draw(curves: dict[str, pd.DataFrame], found: Findings, ax: Axes) -> Axes:
    """Draws how often predictions are right against how sure they are, a line a strategy.

    Args:
        curves: strategy to what `reliability_curve` returns.
        found: how strategies look and what they are called.
        ax: where to draw.
    """
    ax.plot([0, 1], [0, 1], color=style.FAINT, lw=1.6, zorder=1)
    for name, curve in curves.items():
        colour, marker = found.look[name]
        label = formatting.bare(found.label(name))
        ax.plot(
            curve.confidence, curve.correct, color=colour, marker=marker, markersize=6, lw=1.4,
            alpha=0.85, label=label,
        )  # fmt: skip
    ax.set(xlabel="confidence", ylabel="classified correctly", xlim=(0, 1.02), ylim=(0, 1.02))
    for axis in (ax.xaxis, ax.yaxis):
        style.score_axis(axis, METRICS["accuracy"])
    ax.legend(loc="upper left", fontsize=9)
    return ax


def _classes(found: Findings) -> Table | None:
    best = str(found.tested.index[0])
    finals = completed(found.run.finals)
    predictions = list(finals.predictions[finals.strategy == best])
    labels = found.labels
    if labels is None or not predictions:
        return None
    if not all(one is not None and len(one) == len(labels) for one in predictions):
        return None
    frame = reliability.by_class(np.stack(predictions), labels)
    rows = [
        [
            found.class_name(int(str(label))),
            f"{int(row['images']):,}",
            *(formatting.percent(row[name]) for name in ("precision", "recall", "f1")),
        ]
        for label, row in frame.head(MOST_CLASSES).iterrows()
    ]
    columns = ["class", "test images", "precision", "recall", "F1"]
    note = (
        f"Of {found.label(best)}, means over its finals. Precision is the share of the images "
        "predicted to be of a class that are; recall the share of its images that are found."
    )
    if len(frame) > MOST_CLASSES:
        note += f" The first {MOST_CLASSES} of {len(frame):,} classes; the CSV file has all."
    named = frame.reset_index().assign(name=[found.class_name(int(label)) for label in frame.index])
    return Table("by-class", columns, rows, note=note, frame=named)
