"""Which trial is better: the one order of search, finals and display."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from search.metric import ACCURACY, Metric

if TYPE_CHECKING:
    from search.schema import TrialRow


def merit(score: float, val_loss: float | None) -> tuple[float, float]:
    """Returns a key that sorts the better first: the higher score, then the lower loss.

    Args:
        score: so that more is better.
        val_loss: one that is unknown or not a number comes last; NaN is neither more nor less than
            anything, so it would be no order at all.
    """
    return -score, math.inf if val_loss is None or math.isnan(val_loss) else val_loss


def best_first(rows: Iterable[TrialRow], metric: Metric = ACCURACY) -> list[TrialRow]:
    """Returns the completed trials, the best first.

    The best has the best score at the end of its rung; ties go to the lower validation loss, then
    to the one that took fewer epochs, then to the lower name.
    """

    def rank(row: TrialRow) -> tuple[float, float, int, str]:
        assert row.score is not None  # a completed trial has one
        return *merit(metric.better(row.score), row.val_loss), row.last_epoch, row.trial_id

    return sorted((row for row in rows if row.status == "completed"), key=rank)


def finalists(rows: Iterable[TrialRow], metric: Metric = ACCURACY) -> dict[str, TrialRow]:
    """Strategy to its best completed trial, the best strategy first."""
    best: dict[str, TrialRow] = {}
    for row in best_first(rows, metric):
        best.setdefault(row.strategy, row)
    return best
