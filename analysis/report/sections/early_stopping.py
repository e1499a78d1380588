"""Was it fair to stop configurations early? Ranks from rung to rung, and shorter searches."""

from __future__ import annotations

import math

import pandas as pd

from analysis.formatting import decimal, listing, plural
from analysis.report.elements import Part, Section, Table
from analysis.report.findings import Findings
from analysis.run import Run
from analysis.statistics.early_stopping import (
    FEWEST,
    Fairness,
    fairness,
    rank_correlations,
    shorter_searches,
)


def section(found: Findings) -> Section:
    """Whether it was fair to stop configurations early."""
    run = found.run
    correlations = rank_correlations(run.trials)
    shorter = shorter_searches(run.trials, run.experiment.objective)
    prose = sentences(fairness(correlations, shorter), run)
    tables = (_correlations(correlations, run), _shorter(shorter, run))
    parts: list[Part] = [table for table in tables if table]
    return Section("stopping", "Was stopping early fair?", prose, parts)


def sentences(found: Fairness, run: Run) -> list[str]:
    """Returns in words whether stopping early was fair.

    Args:
        found: whether it was.
        run: the run that it is of, for its names.
    """
    said = [_order(found.kendall, run)]
    if found.lost:
        gap = run.experiment.objective.gap_in_words
        named = [f"{run.label(name)} ({gap(lost)})" for name, lost in found.lost.items()]
        said.append(
            f"After the first rung ({plural(found.first_epoch, 'epoch')}) a shorter search would "
            f"have chosen another configuration for {listing(named)}; in brackets the validation "
            f"{run.experiment.objective.label} lost by it, at least where the one chosen was "
            "stopped early."
        )
    elif found.first_epoch:
        said.append("Every finalist was its strategy's best after the first rung already.")
    return said


def _order(kendall: dict[str, float], run: Run) -> str:
    if not kendall:
        return (
            f"Too few configurations went on from one rung to the next (fewer than {FEWEST} of any "
            "strategy) to say whether their order held."
        )
    low, high = min(kendall, key=lambda n: kendall[n]), max(kendall, key=lambda n: kendall[n])
    start = "Kendall's \N{GREEK SMALL LETTER TAU} between one rung and the next is "
    if low == high:
        return f"{start}{kendall[low]:.2f} for {run.label(low)}."
    return (
        f"{start}lowest for {run.label(low)} ({kendall[low]:.2f}) and highest for "
        f"{run.label(high)} ({kendall[high]:.2f}): 1 is the same order, 0 no relation."
    )


def _correlations(correlations: pd.DataFrame, run: Run) -> Table | None:
    known = correlations[correlations.consecutive].dropna(subset=["kendall", "spearman"])
    if known.empty:
        return None
    rows = [
        [
            run.label(row["strategy"]),
            f"{row['epoch']} to {row['later']}",
            str(row["configurations"]),
            *(decimal(row[name]) for name in ("kendall", "spearman")),
        ]
        for row in known.to_dict("records")
    ]
    names = ["Kendall's \N{GREEK SMALL LETTER TAU}", "Spearman's \N{GREEK SMALL LETTER RHO}"]
    columns = ["strategy", "epochs", "configurations", *names]
    note = (
        "How well the order at the end of one rung predicted that at the next, of those that "
        "went on. The CSV file has every pair of rungs."
    )
    return Table("rank-correlations", columns, rows, note=note, frame=correlations)


def _shorter(shorter: pd.DataFrame, run: Run) -> Table | None:
    cut = shorter[shorter.epoch < shorter.groupby("strategy").epoch.transform("max")]
    if cut.empty:
        return None
    lost = "points lost" if run.experiment.objective.in_percent else "lost"
    rows = [
        [
            run.label(row["strategy"]),
            str(row["epoch"]),
            "kept" if row["same"] else "lost",
            "not begun" if math.isnan(row["rank"]) else f"{row['rank']:.0f} of {row['of']}",
            run.experiment.objective.gap(row["lost"]),
        ]
        for row in cut.to_dict("records")
    ]
    columns = ["strategy", "stopped at epoch", "finalist", "its place then", lost]
    note = (
        "What a search that trained nothing longer would have sent to the finals: the same "
        f"configuration (kept) or another (lost). The last column is validation "
        f"{run.experiment.objective.label}, at least, by what the other reached."
    )
    return Table("shorter-searches", columns, rows, note=note, frame=shorter)
