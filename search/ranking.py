"""Which trial, and which strategy, is better: the one order of search, finals and report."""

from __future__ import annotations

import math
import statistics
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from search.metric import Metric

if TYPE_CHECKING:
    from search.rows import TrialRow


def merit(score: float, val_loss: float | None) -> tuple[float, float]:
    """Returns a key that sorts the better first: the higher score, then the lower loss.

    Args:
        score: so that more is better.
        val_loss: one that is unknown or not a number comes last; NaN is neither more nor less than
            anything, so it would be no order at all.
    """
    return -score, math.inf if val_loss is None or math.isnan(val_loss) else val_loss


def trial_rank(
    score: float, val_loss: float | None, last_epoch: int, trial_id: str, metric: Metric
) -> tuple[float, float, int, str]:
    """Returns a key that sorts completed trials, the best first; the arguments are its columns.

    The best has the best score at the end of its rung; ties go to the lower validation loss, then
    to the one that took fewer epochs, then to the lower name.
    """
    return *merit(metric.better(score), val_loss), last_epoch, trial_id


def best_first(rows: Iterable[TrialRow], metric: Metric) -> list[TrialRow]:
    """Returns the completed trials, the best first by `trial_rank`."""

    def rank(row: TrialRow) -> tuple[float, float, int, str]:
        assert row.score is not None  # a completed trial has one
        return trial_rank(row.score, row.val_loss, row.last_epoch, row.trial_id, metric)

    return sorted((row for row in rows if row.status == "completed"), key=rank)


def latest(rows: Iterable[TrialRow]) -> list[TrialRow]:
    """Returns of each configuration the trial that has trained it longest, of those that ended.

    A configuration is what its last rung has shown: a higher score before that was chance, or the
    beginning of overfitting.
    """
    longest: dict[tuple[object, ...], TrialRow] = {}
    for row in rows:
        configuration = row.strategy, row.iteration, row.bracket, row.slot
        known = longest.get(configuration)
        if row.status != "running" and (known is None or row.rung > known.rung):
            longest[configuration] = row
    return [*longest.values()]


Search = tuple[str, int]  # the strategy, and the iteration


def cut_short(searches: Iterable[Mapping[str, Any]]) -> set[Search]:
    """Returns the searches that the budget cut short, by rows of the table `searches`.

    >>> cut_short([{"strategy": "lines", "iteration": 2, "whole": 0}])
    {('lines', 2)}
    """
    return {(row["strategy"], row["iteration"]) for row in searches if not row["whole"]}


def finalists(
    rows: Iterable[TrialRow], metric: Metric, cut: Collection[Search] = ()
) -> dict[str, TrialRow]:
    """Strategy to its best of `finalists_of_iterations`, by validation; the best strategy first."""
    best: dict[str, TrialRow] = {}
    for row in finalists_of_iterations(rows, metric, cut).values():
        best.setdefault(row.strategy, row)
    return best


def finalists_of_iterations(
    rows: Iterable[TrialRow], metric: Metric, cut: Collection[Search] = ()
) -> dict[Search, TrialRow]:
    """(Strategy, iteration) to the trial of its best configuration, by its last rung; best first.

    A configuration that failed in its last rung is none.

    Args:
        rows: of the table of trials.
        metric: what is judged by.
        cut: the searches that the budget cut short. They had less than their share, so they send
            nobody; but whoever asked for a strategy wants its design, so of one without a whole
            search the first does.
    """
    best: dict[Search, TrialRow] = {}
    for row in best_first(latest(rows), metric):
        best.setdefault((row.strategy, row.iteration), row)
    first: dict[str, Search] = {}
    for each in sorted(best, key=lambda search: (search in cut, search[1])):
        first.setdefault(each[0], each)
    return {each: row for each, row in best.items() if each not in cut or each == first[each[0]]}


def by_mean(scores: Mapping[str, Collection[float]], metric: Metric) -> list[str]:
    """Returns the names whose scores have the best mean first; equals stay in their order.

    >>> from search.metric import ACCURACY
    >>> by_mean({"lines": [0.5, 0.7], "cnn_lines": [0.9], "patches": [0.9]}, ACCURACY)
    ['cnn_lines', 'patches', 'lines']
    """
    return sorted(scores, key=lambda name: -metric.better(statistics.fmean(scores[name])))
