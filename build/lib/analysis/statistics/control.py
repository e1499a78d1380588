"""Frame -> frame: whether recurrence helps, by how much, and what it costs."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import pandas as pd

from analysis.formatting import label, listing, multiple, p_value, points
from analysis.run import CONTROLS
from analysis.statistics import comparisons
from analysis.statistics.intervals import CONFIDENCE, difference, holm

RATIOS = ("parameters", "multiply_adds", "train_seconds", "latency_ms")


def against_control(
    finals: pd.DataFrame,
    labels: object,
    strategies: Sequence[str],
    costs: pd.DataFrame,
) -> pd.DataFrame:
    """Compares every recurrent strategy with the control, the best one where there are several.

    Args:
        finals: the rows of one data set.
        labels: the test images' classes, shape (test images,), or None.
        strategies: every strategy that competed.
        costs: what `budgets.costs` returns.

    Returns:
        A frame indexed by strategy, most accurate first, empty where no control or nothing else was
        tested: `control`, its name; `difference`, the strategy's test accuracy minus the control's;
        the 95 % interval `low` to `high` of this one comparison; `p`, corrected by Holm for all
        strategies; `helps`: "yes" where it is more accurate beyond chance (p below 0.05), "no"
        where it is less, "unclear" otherwise; and what it costs as a multiple of the control's
        `parameters`, `multiply_adds`, `train_seconds` and `latency_ms`.
    """
    summary = comparisons.by_strategy(finals, None, strategies)
    tested = [str(name) for name in summary.index if summary.seeds[name]]
    controls = [name for name in tested if name in CONTROLS]
    recurrent = [name for name in tested if name not in CONTROLS]
    columns = ["difference", "low", "high", "p"]
    if not controls:
        recurrent = []
    right = comparisons.correctness(finals, labels, strategies)  # type: ignore[arg-type]
    rows = []
    for name in recurrent:
        gap = float(summary["mean"][name] - summary["mean"][controls[0]])
        known = name in right and controls[0] in right
        found = difference(right[name], right[controls[0]]) if known else (gap, *[math.nan] * 3)
        rows.append(found[:4])
    frame = pd.DataFrame(
        rows, index=pd.Index(recurrent, name="strategy"), columns=columns, dtype=float
    )
    corrected = holm(frame.p.to_numpy(dtype=float))
    clear = corrected < 1 - CONFIDENCE
    frame.insert(0, "control", controls[0] if controls else "")
    frame["p"] = corrected
    frame["helps"] = [
        ("yes" if gap > 0 else "no") if sure else "unclear"
        for gap, sure in zip(frame.difference, clear, strict=True)
    ]
    for kind in RATIOS:
        base = costs[kind].get(controls[0], math.nan) if controls else math.nan
        frame[kind] = costs[kind].reindex(frame.index).astype(float) / (base or math.nan)
    return frame


@dataclasses.dataclass(frozen=True)
class Recurrence:
    """Whether an LSTM earns its place.

    Attributes:
        helps: "yes", "no", "unclear", or "unknown" where there is no control to compare with.
        best: the most accurate recurrent strategy, or None.
        sentence: the answer in words, with its interval and its cost.
    """

    helps: str
    best: str | None
    sentence: str


def recurrence(comparison: pd.DataFrame) -> Recurrence:
    """Returns the answer that the most accurate recurrent strategy gives.

    Args:
        comparison: what `against_control` returns.
    """
    if comparison.empty:
        reason = "No control without recurrence was tested beside a recurrent strategy"
        return Recurrence("unknown", None, f"{reason}, so what an LSTM is worth is not known.")
    row = comparison.iloc[0]
    best, helps = str(comparison.index[0]), str(row.helps)
    gap, base = float(row.difference), label(str(row.control))
    interval = (
        f" (95 % interval {points(row.low, True)} to {points(row.high, True)}; "
        f"{p_value(float(row.p))}, by Holm's correction for {len(comparison)})"
        if not math.isnan(row.p)
        else " (on so few seeds nobody knows how sure that is)"
    )
    size = f"{points(abs(gap))} percentage points {'more' if gap >= 0 else 'less'} accurate"
    start = {
        "yes": f"Recurrence helps here: {label(best)} is {size} than {base}",
        "no": f"Recurrence does not help here: its best, {label(best)}, is {size} than {base}",
        "unclear": f"Whether recurrence helps is not settled: its best, {label(best)}, is {size} "
        f"than {base}, which chance explains",
    }[helps]
    words = {
        "parameters": "the parameters",
        "multiply_adds": "the multiply-adds",
        "train_seconds": "the training time",
        "latency_ms": "the latency",
    }
    ratios = [f"{multiple(row[k])} {w}" for k, w in words.items() if not math.isnan(row[k])]
    cost = f" It takes {listing(ratios)}." if ratios else ""
    return Recurrence(helps, best, f"{start}{interval}.{cost}")
