"""Every trial, to be sorted and filtered, and how many of each strategy ended in which way."""

from __future__ import annotations

import json
import math
from typing import Any

import pandas as pd

from analysis import formatting
from analysis.formatting import clean_first_line
from analysis.report.elements import Part, Section, Table, TrialTable
from analysis.report.findings import Findings
from analysis.run import Run, best_first
from search.store import Metric

# By the column's place: the frame's column by which it is sorted.
_SORTED_BY = {2: "score", 3: "val_loss", 4: "last_epoch", 5: "parameters", 6: "multiply_adds",
              7: "train_seconds"}  # fmt: skip


def section(found: Findings) -> Section:
    """Returns both tables; the second where a trial has begun."""
    parts: list[Part] = [_progress(found)]
    if len(found.run.trials):
        parts.append(trial_table(found.run))
    return Section("trials", "All trials", parts=parts)


def _progress(found: Findings) -> Table:
    run = found.run
    rows = []
    for name in run.experiment.strategies:
        mine = run.trials[run.trials.strategy == name]
        states = [str(int((mine.status == s).sum())) for s in ("completed", "failed", "running")]
        epochs = int((run.epochs.strategy == name).sum())
        seconds = float(mine.train_seconds.sum() + mine.setup_seconds.sum())
        rows.append(
            [
                found.label(name),
                str(mine.configuration.nunique()),
                *states,
                f"{epochs:,}",
                formatting.duration(seconds),
            ]
        )
    columns = "strategy|configurations|trials completed|failed|unfinished|epochs|time in trials"
    return Table("tried", columns.split("|"), rows)


def trial_table(run: Run) -> TrialTable:
    """Returns every trial of a run, the best first, the unscored last."""
    ranked = best_first(run.trials, run.experiment.objective)
    others = run.trials.drop(ranked.index).sort_values("trial_id")
    trials = pd.concat([ranked, others])
    columns = (
        "strategy", "status", f"validation {run.experiment.objective.label}", "validation loss",
        "epochs", "parameters", "multiply-adds", "seconds", "trial",
        "configuration, or why it failed",
    )  # fmt: skip
    # Without the mark of a control, which every row would repeat.
    names = {name: formatting.clean(name, 40) for name in trials.strategy.unique()}
    rows = [
        _cells(row, names[row["strategy"]], run.experiment.objective)
        for row in trials.to_dict("records")
    ]
    keys = {
        place: [None if math.isnan(value) else float(f"{value:.6g}") for value in trials[column]]
        for place, column in _SORTED_BY.items()
    }
    frame = trials.drop(columns="configuration").assign(
        hyperparameters=trials.hyperparameters.map(json.dumps)
    )
    note = (
        "One row a trial: a configuration trained over one rung, scored on the validation images "
        "at its end. A heading sorts by its column, and a second time the other way round."
    )
    return TrialTable("trials", columns, rows, keys, frame, note=note)


def _cells(row: dict[Any, Any], name: str, metric: Metric) -> list[str]:
    loss, seconds = row["val_loss"], row["train_seconds"]
    if row["status"] == "failed":
        said = clean_first_line(row["message"]) if isinstance(row["message"], str) else ""
    else:
        said = formatting.configuration(row["hyperparameters"])
    return [
        name,
        row["status"],
        metric.in_words(row["score"]),
        formatting.NOTHING if math.isnan(loss) else f"{loss:.3f}",
        str(int(row["last_epoch"])),
        formatting.amount(row["parameters"]),
        formatting.amount(row["multiply_adds"]),
        formatting.NOTHING if math.isnan(seconds) else f"{seconds:,.1f}",
        formatting.clean(row["trial_id"], 60),
        said,
    ]
