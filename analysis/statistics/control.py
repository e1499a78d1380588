"""Frames -> frame: whether recurrence helps, by how much, and what it costs."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pandas as pd

from analysis.statistics import comparisons, samples
from analysis.statistics.budgets import COSTS
from analysis.statistics.comparisons import FEWEST, SIGNIFICANT
from analysis.statistics.intervals import LEVEL, for_looks, holm, unknown
from search.store import Metric


def against_controls(
    finals: pd.DataFrame,
    labels: np.ndarray | None,
    strategies: pd.DataFrame,
    costs: pd.DataFrame,
    metric: Metric,
    level: float = LEVEL,
) -> pd.DataFrame:
    """Compares every recurrent strategy with every control.

    Args:
        finals: the rows of one data set, as for `samples.correctness`.
        labels: the test images' classes, shape (test images,), or None.
        strategies: those that competed, as `Run.strategies`.
        costs: what `budgets.costs` returns.
        metric: what is judged by.
        level: of each look (`Experiment.level`).

    Returns:
        A row a recurrent strategy and control that were tested, by strategy, then control, the
        best first: `strategy`, `control`; `difference`, by how much the strategy is better than
        the control in the test; the 95 % interval `low` to `high` of this one comparison; `p`,
        corrected by Holm for all rows, and for the looks; `helps`: "yes" where it is better beyond
        chance (p below 0.05), "no" where it is worse, "unclear" where chance explains the
        difference, "unknown" where nobody knows whether it does (p is NaN); and what it costs as a
        multiple of the control's `parameters`, `multiply_adds`, `train_seconds` and `latency_ms`.

    >>> from analysis.statistics.budgets import costs
    >>> from analysis.example import example
    >>> from search.store import ACCURACY
    >>> run = example(lines=0.9, cnn_control=0.5)
    >>> summary = comparisons.by_strategy(run.finals, None, run.experiment.strategies, ACCURACY)
    >>> rows = against_controls(
    ...     run.finals, run.test_labels, run.strategies, costs(run, summary), ACCURACY
    ... )
    >>> rows[["strategy", "control", "helps"]].to_dict("records")
    [{'strategy': 'lines', 'control': 'cnn_control', 'helps': 'yes'}]
    """
    names = [str(name) for name in strategies.index]
    summary = comparisons.by_strategy(finals, None, names, metric)
    tested = [str(name) for name in summary.index if summary.seeds[name]]
    correct = samples.samples(finals, labels, names, metric)
    rows: list[tuple[object, ...]] = []
    for name in tested:
        for control in tested:
            if not strategies.recurrent[name] or strategies.recurrent[control]:
                continue
            gap = metric.better(summary["mean"][name]) - metric.better(summary["mean"][control])
            found = unknown(float(gap))
            if min(len(correct.get(each, ())) for each in (name, control)) >= FEWEST:
                found = samples.gain(correct[name], correct[control], metric, level)
            rows.append((name, control, *found[:4]))
    columns = ["strategy", "control", "difference", "low", "high", "p"]
    frame = pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(columns[2:], float))
    frame["p"] = for_looks(holm(frame.p.to_numpy(dtype=float)), level)
    frame["helps"] = [_helps(gap, p) for gap, p in zip(frame.difference, frame.p, strict=True)]
    for kind in COSTS:
        own, base = (frame[column].map(costs[kind]) for column in ("strategy", "control"))
        frame[kind] = own.astype(float) / base.astype(float).replace(0.0, math.nan)
    return frame


def _helps(gap: float, p: float) -> str:
    if math.isnan(p):
        return "unknown"
    return "unclear" if p >= SIGNIFICANT else "yes" if gap > 0 else "no"


def hardest(rows: pd.DataFrame) -> pd.DataFrame:
    """Returns each recurrent strategy's comparison with the control that is hardest to beat.

    To help is to beat every control, and the hardest one stands for all: "yes" against it is "yes"
    against each. It is chosen by the test itself, which flatters no one, because each p is
    corrected for the comparisons with all controls, the chosen one and the others.

    Args:
        rows: what `against_controls` returns.

    Returns:
        A frame indexed by strategy, the best first, with the columns of `rows`. Of a strategy's
        controls it is the one that speaks most against it: beyond chance better than it, else the
        one over which its lead is least sure; where nobody knows how sure, the best.

    >>> rows = pd.DataFrame({
    ...     "strategy": "lines", "control": ["cnn", "mlp"], "difference": [0.1, 0.2],
    ...     "p": [0.01, 0.2],
    ... })
    >>> hardest(rows).control["lines"]
    'mlp'
    """
    # From −1, surely worse than the control, to 1, surely better.
    surely = np.sign(rows.difference) * (1 - rows.p.fillna(1.0))
    order = rows.assign(surely=surely, place=range(len(rows)))
    order = order.sort_values(["surely", "difference"], kind="stable").drop_duplicates("strategy")
    return order.sort_values("place").drop(columns=["surely", "place"]).set_index("strategy")


@dataclasses.dataclass(frozen=True)
class Recurrence:
    """Whether an LSTM earns its place, as the best recurrent strategy answers.

    Attributes:
        helps: "yes", "no", "unclear", or "unknown" where there is no control to compare with, or
            nobody knows how sure the comparison is.
        best: the best recurrent strategy, or None where unknown.
        control: the control that is hardest for it to beat, or None where unknown.
        difference: by how much it is better than that control.
        low: the lower end of the difference's 95 % interval, NaN where nobody knows.
        high: the upper end.
        p: corrected by Holm, NaN where nobody knows.
        comparisons: how many p is corrected for.
        ratios: what it costs as a multiple of the control's, by `COSTS`, without the unknown.
    """

    helps: str
    best: str | None = None
    control: str | None = None
    difference: float = math.nan
    low: float = math.nan
    high: float = math.nan
    p: float = math.nan
    comparisons: int = 0
    ratios: dict[str, float] = dataclasses.field(default_factory=dict)


def recurrence(rows: pd.DataFrame) -> Recurrence:
    """Returns the answer that the best recurrent strategy gives.

    Args:
        rows: what `against_controls` returns.

    >>> recurrence(pd.DataFrame()).helps
    'unknown'
    """
    if rows.empty:
        return Recurrence("unknown")
    frame = hardest(rows)
    row = frame.iloc[0]
    return Recurrence(
        helps=str(row.helps),
        best=str(frame.index[0]),
        control=str(row.control),
        difference=float(row.difference),
        low=float(row.low),
        high=float(row.high),
        p=float(row.p),
        comparisons=len(rows),
        ratios={kind: float(row[kind]) for kind in COSTS if not math.isnan(row[kind])},
    )
