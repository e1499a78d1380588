"""Does recurrence earn its place? Every recurrent strategy against the controls."""

from __future__ import annotations

import math

import pandas as pd

from analysis.formatting import NOTHING, listing, multiple, p_value
from analysis.report.elements import Section, Table
from analysis.report.evidence import in_terms_of
from analysis.report.findings import Findings
from analysis.run import Run
from analysis.statistics import budgets, control
from analysis.statistics.control import Recurrence

RATIOS = {
    "parameters": "the parameters",
    "multiply_adds": "the multiply-adds",
    "train_seconds": "the training time",
    "latency_ms": "the latency",
}


def section(found: Findings) -> Section | None:
    """Whether recurrence earns its place; nothing where no control was tested beside it."""
    run = found.run
    rows = control.against_controls(
        run.finals,
        found.labels,
        run.strategies,
        budgets.costs(run, found.summary),
        run.experiment.objective,
        run.experiment.level,
    )
    if rows.empty:
        return None
    said = sentence(control.recurrence(rows), run)
    several = rows.control.nunique() > 1
    table = _table(control.hardest(rows).reset_index(), several, run)
    return Section("recurrence", "Does recurrence earn its place?", [said], parts=[table])


def _table(frame: pd.DataFrame, several: bool, run: Run) -> Table:
    rows, gap = [], run.experiment.objective.gap
    for row in frame.to_dict("records"):
        named = [run.label(row["control"])] if several else []
        rows.append(
            [
                run.label(row["strategy"]),
                *named,
                gap(row["difference"], signed=True),
                NOTHING
                if math.isnan(row["low"])
                else " to ".join(gap(row[end], signed=True) for end in ("low", "high")),
                row["helps"],
                *(multiple(row[cost]) for cost in ("multiply_adds", "train_seconds", "latency_ms")),
            ]
        )
    difference = run.experiment.objective.gap_heading("difference")
    columns = [
        *("strategy", *(["control"] if several else []), difference, "95 % interval"),
        *("does it help", "multiply-adds", "training time", "latency"),
    ]
    metric = run.experiment.objective.label
    note = f"Test {metric} minus the control's; the costs are multiples of the control's."
    if several:
        note += (
            " Of several controls it is the one that is hardest for the strategy to beat: it helps "
            "where it beats them all, and p counts the comparisons with each."
        )
    return Table("against-control", columns, rows, note=note, frame=frame)


def sentence(answer: Recurrence, run: Run) -> str:
    """Returns the answer in words, with its interval and its cost.

    Args:
        answer: the answer.
        run: the run that it is of, for its names.
    """
    if answer.best is None or answer.control is None:
        reason = "No control without recurrence was tested beside a recurrent strategy"
        return f"{reason}, so what an LSTM is worth is not known."
    best, base = run.label(answer.best), run.label(answer.control)
    metric = run.experiment.objective
    interval = (
        "; on so few seeds, or without predictions, nobody knows how sure that is"
        if answer.helps == "unknown"
        else f" (95 % interval {metric.gap(answer.low, True)} to {metric.gap(answer.high, True)}; "
        f"{p_value(answer.p)}, by Holm's correction for {answer.comparisons})"
    )
    more, less = (
        in_terms_of(run, "more accurate", "better"),
        in_terms_of(run, "less accurate", "worse"),
    )
    size = f"{metric.gap_in_words(abs(answer.difference))} "
    size += more if answer.difference >= 0 else less
    start = {
        "yes": f"Recurrence helps here: {best} is {size} than {base}",
        "no": f"Recurrence does not help here: its best, {best}, is {size} than {base}",
        "unclear": f"Whether recurrence helps is not settled: its best, {best}, is {size} "
        f"than {base}, which chance explains",
        "unknown": f"Whether recurrence helps is not known: its best, {best}, is {size} than "
        f"{base}",
    }[answer.helps]
    ratios = [f"{multiple(answer.ratios[k])} {w}" for k, w in RATIOS.items() if k in answer.ratios]
    cost = f" It takes {listing(ratios)}." if ratios else ""
    return f"{start}{interval}.{cost}"
