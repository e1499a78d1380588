"""All trials as one table that the page sorts and filters."""

from __future__ import annotations

import json
import math
from typing import Any

from analysis import formatting
from analysis.report.elements import TrialTable
from analysis.run import Run
from analysis.statistics.decision import clean_first_line

COLUMNS = (
    "strategy", "status", "validation accuracy", "validation loss", "epochs", "parameters",
    "multiply-adds", "seconds", "trial", "configuration, or why it failed",
)  # fmt: skip
# By the column's place: the frame's column by which it is sorted.
_SORTED_BY = {2: "score", 3: "val_loss", 4: "last_epoch", 5: "parameters", 6: "multiply_adds",
              7: "train_seconds"}  # fmt: skip


def trial_table(run: Run) -> TrialTable:
    """Returns every trial of a run, the most accurate first, the unscored last."""
    trials = run.trials.sort_values(
        ["score", "val_loss", "trial_id"], ascending=[False, True, True], kind="stable"
    )
    # Without the mark of a control, which every row would repeat.
    labels = {name: formatting.clean(name, 40) for name in trials.strategy.unique()}
    records = trials.to_dict("records")
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
    rows = [_cells(row, labels[row["strategy"]]) for row in records]
    return TrialTable("trials", COLUMNS, rows, keys, frame, note=note)


def _cells(row: dict[Any, Any], label: str) -> list[str]:
    loss, seconds = row["val_loss"], row["train_seconds"]
    if row["status"] == "failed":
        said = clean_first_line(row["message"]) if isinstance(row["message"], str) else ""
    else:
        said = formatting.clean(
            " ".join(f"{k}={_short(v)}" for k, v in row["hyperparameters"].items()), 400
        )
    return [
        label,
        row["status"],
        formatting.percent(row["score"]),
        formatting.NOTHING if math.isnan(loss) else f"{loss:.3f}",
        str(int(row["last_epoch"])),
        formatting.amount(row["parameters"]),
        formatting.amount(row["multiply_adds"]),
        formatting.NOTHING if math.isnan(seconds) else f"{seconds:,.1f}",
        formatting.clean(row["trial_id"], 60),
        said,
    ]


def _short(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
