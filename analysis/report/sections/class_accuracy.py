"""What wins where, by class: a figure below the table by strategy."""

from __future__ import annotations

import pandas as pd

from analysis import formatting
from analysis.report import style
from analysis.report.elements import Picture
from analysis.report.findings import Findings
from analysis.statistics import samples
from search.store import ACCURACY

MOST_CLASSES = 12  # more do not fit on a phone


def picture(found: Findings) -> Picture | None:
    """Draws which strategy is correct how often in which class."""
    names = found.run.experiment.strategies
    # Of one class any metric's shares of images are hard to read; how many are right is not.
    correct = samples.correctness(found.run.finals, found.labels, names, ACCURACY)
    if found.labels is None or not correct:
        return None
    images = pd.DataFrame({name: seeds.mean(axis=0) for name, seeds in correct.items()})
    shares = images.groupby(found.labels).mean()
    shares = shares[[name for name in found.tested.index if name in shares]]
    spread = shares.max(axis=1) - shares.min(axis=1)
    shown = shares.loc[spread.sort_values(ascending=False, kind="stable").index[:MOST_CLASSES]]
    shown = shown.sort_index().rename(index=lambda label: found.class_name(label, 16))
    drawn = style.figure(
        lambda ax: style.heat(shown.T.rename(index=found.label), ax, "class", ""),
        style.WIDTH,
        1.3 + 0.36 * len(shown.columns),
    )
    caption = _caption(found, shown, len(shares))
    title = "Test accuracy by strategy and class"
    return Picture("accuracy-by-class", caption, drawn, title)


def _caption(found: Findings, shares: pd.DataFrame, there: int) -> str:
    """Describes shares in [0, 1], (classes shown, strategies), the best strategy first."""
    text = [
        "A cell is the share of a class's test images that are classified correctly, in percent."
    ]
    if len(shares) < there:
        text.append(
            f"Shown are the {len(shares)} of {there} classes in which strategies differ most."
        )
    leaders = shares.idxmax(axis=1)
    first = str(shares.columns[0])
    hardest = int(shares[first].argmin())  # by its place: two classes may be cut to one name
    share = formatting.percent(float(shares[first].iloc[hardest]))
    text.append(
        f"{found.label(first)} leads in {int((leaders == first).sum())} of these "
        f"{formatting.plural(len(shares), 'class', 'classes')}. Its lowest share is {share}, of "
        f'class "{shares.index[hardest]}".'
    )
    return " ".join(text)
