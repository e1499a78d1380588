"""Why it is so: sections on recurrence, equal budgets, hyperparameters and early stopping."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from analysis import budgets, early_stopping, words
from analysis.control import against_control
from analysis.control import recurrence as answer
from analysis.findings import Findings
from analysis.importance import importance
from analysis.parts import Part, Section, Table

MOST_MATTERING = 5  # hyperparameters shown of each strategy


def recurrence(found: Findings) -> Section | None:
    """Whether recurrence earns its place: every strategy against the control."""
    run = found.run
    frame = against_control(
        run.finals, found.labels, run.experiment.strategies, budgets.costs(run, found.summary)
    )
    if frame.empty:
        return None
    rows = [
        [
            words.label(str(row.Index)),
            f"{100 * float(row.difference):+.1f}",
            f"{100 * float(row.low):+.1f} to {100 * float(row.high):+.1f}",
            str(row.helps),
            *(times(value) for value in (row.multiply_adds, row.train_seconds, row.latency_ms)),
        ]
        for row in rows_of(frame)
    ]
    columns = [
        *("strategy", "difference, points", "95 % interval", "does it help"),
        *("multiply-adds", "training time", "latency"),
    ]
    note = "Test accuracy minus the control's; the costs are multiples of the control's."
    table = Table("against-control", columns, rows, note=note, frame=frame.reset_index())
    title = "Does recurrence earn its place?"
    return Section("recurrence", title, [answer(frame).sentence], parts=[table])


def times(value: object) -> str:
    """Returns a multiple in words."""
    number = float(str(value))
    return words.NOTHING if pd.isna(number) else f"{number:.2g} times"


def equal_budgets(found: Findings) -> Section | None:
    """What each strategy had reached when all had spent the same epochs, time or computation."""
    run = found.run
    images = float(run.datasets.train_images.iloc[0]) if len(run.datasets) else float("nan")
    frame = budgets.at_equal(budgets.progress(run.trials, run.epochs, images))
    if frame.empty:
        return None
    whole = frame[frame.fraction == 1.0].pivot(index="strategy", columns="measure", values="best")
    whole = whole.sort_values(str(whole.columns[0]), ascending=False, kind="stable")
    rows = [
        [
            words.label(str(name)),
            *(words.NOTHING if pd.isna(best) else words.percent(best) for best in row),
        ]
        for name, row in zip(whole.index, whole.to_numpy(), strict=True)
    ]
    columns = ["strategy", *(f"equal {str(name).replace('_', '-')}" for name in whole.columns)]
    note = (
        "Best validation accuracy when every strategy had spent as much as the one that spent "
        "least in all. The CSV file also has a quarter and a half of it."
    )
    table = Table("equal-budgets", columns, rows, note=note, frame=frame)
    return Section("equal-budgets", "At equal budgets", parts=[table])


def rows_of(frame: pd.DataFrame) -> Iterator[Any]:
    """Yields a frame's rows, their columns by name."""
    yield from frame.itertuples()


def figure(cell: object) -> str:
    """Returns a cell of a frame as text."""
    if isinstance(cell, float):
        return words.NOTHING if pd.isna(cell) else f"{cell:.3g}"
    return str(cell)


def matters(found: Findings) -> Section | None:
    """Which hyperparameters matter within each strategy, and how far that is to be trusted."""
    parts: list[Part] = []
    prose = []
    for strategy in found.run.experiment.strategies:
        result = importance(found.run.trials, strategy)
        prose.append(f"{words.label(strategy)}: {result.sentence}")
        if result.main.empty:
            continue
        top = result.main.head(MOST_MATTERING)
        rows = [[str(row.hyperparameter), f"{100 * float(row.share):.0f} %", figure(row.unseen)]
                for row in rows_of(top)]  # fmt: skip
        note = f"{words.label(strategy)}: the share of the spread along it alone; R² lost without."
        columns = ["hyperparameter", "share", "lost on unseen"]
        name = f"what-matters-{strategy}"
        parts.append(Table(name, columns, rows, note=note, frame=result.main))
    return Section("matters", "What matters", prose, parts=parts) if prose else None


def stopping(found: Findings) -> Section | None:
    """Whether it was fair to stop configurations early."""
    correlations = early_stopping.rank_correlations(found.run.trials)
    shorter = early_stopping.shorter_searches(found.run.trials)
    sentences = early_stopping.fairness(correlations, shorter)
    return Section("stopping", "Was stopping early fair?", sentences) if sentences else None
