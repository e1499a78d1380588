"""The trials that have ended, by strategy and search: values of which one more changes a few.

A new value shares with the old one what has not changed. So it is made as fast after ten thousand
trials as after ten, and whoever keeps an old one keeps it whole.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Mapping

from search.metric import Metric
from search.ranking import finalists_of_iterations
from search.rows import TrialRow
from search.tally import NOTHING, Tally, tally_of

Curve = Mapping[int, float | None]
"""Epoch to validation score."""


@dataclasses.dataclass(frozen=True)
class SearchSoFar:
    """One search of a strategy, an iteration.

    Attributes:
        rows: its trials that have ended, by trial_id.
        curves: theirs, each with that of the trials that it continues.
    """

    rows: Mapping[str, TrialRow] = dataclasses.field(default_factory=dict)
    curves: Mapping[str, Curve] = dataclasses.field(default_factory=dict)

    def plus(self, rows: Iterable[TrialRow], seen: Mapping[str, Curve]) -> SearchSoFar:
        """Returns the search after these trials have ended; arguments as in `ArmSoFar`."""
        ended, curves = dict(self.rows), dict(self.curves)
        for row in rows:
            curve = {**curves.get(row.parent_id or "", {}), **seen.get(row.trial_id, {})}
            if row.status == "completed":
                curve[row.last_epoch] = row.score
            ended[row.trial_id], curves[row.trial_id] = row, curve
        return SearchSoFar(ended, curves)


@dataclasses.dataclass(frozen=True)
class ArmSoFar:
    """A strategy.

    Attributes:
        searches: by iteration.
        finalists: iteration to the trial whose configuration would be in the finals, if any would.
        tally: what its trials come to that have ended.
    """

    searches: Mapping[int, SearchSoFar] = dataclasses.field(default_factory=dict)
    finalists: Mapping[int, TrialRow] = dataclasses.field(default_factory=dict)
    tally: Tally = NOTHING

    def rows(self) -> list[TrialRow]:
        """Returns its trials that have ended."""
        return [row for search in self.searches.values() for row in search.rows.values()]

    def whole(self, trials: int) -> tuple[float, ...]:
        """Returns the finalists' scores of the searches of which so many trials have ended."""
        return tuple(
            row.score
            for iteration, row in self.finalists.items()
            if len(self.searches[iteration].rows) >= trials and row.score is not None
        )

    def curve(self, row: TrialRow) -> Curve:
        """Returns the curve of the trial that another continues, as far as it is known."""
        search = self.searches.get(row.iteration, SearchSoFar())
        return search.curves.get(row.parent_id or "", {})

    def plus(self, rows: Iterable[TrialRow], metric: Metric, seen: Mapping[str, Curve]) -> ArmSoFar:
        """Returns the strategy after these of its trials have ended.

        Args:
            rows: the trials; one that ended before has ended otherwise now.
            metric: what is judged by.
            seen: trial_id to the curve of epochs that were seen.
        """
        new: dict[int, dict[str, TrialRow]] = {}
        for row in rows:
            new.setdefault(row.iteration, {})[row.trial_id] = row
        searches, finalists, tally = dict(self.searches), dict(self.finalists), self.tally
        again = False
        for iteration, ended in new.items():
            before = searches.get(iteration, SearchSoFar())
            search = searches[iteration] = before.plus(ended.values(), seen)
            finalists.pop(iteration, None)
            for row in finalists_of_iterations(search.rows.values(), metric).values():
                finalists[iteration] = row
            tally = functools.reduce(Tally.plus, map(tally_of, ended.values()), tally)
            again = again or not before.rows.keys().isdisjoint(ended)
        arm = ArmSoFar(searches, finalists, tally)
        if not again:
            return arm
        whole = functools.reduce(Tally.plus, map(tally_of, arm.rows()), NOTHING)
        return dataclasses.replace(arm, tally=whole)


NO_TRIAL = ArmSoFar()
Arms = Mapping[str, ArmSoFar]
"""By strategy."""


def with_ended(
    arms: Arms,
    rows: Iterable[TrialRow],
    metric: Metric,
    seen: Mapping[str, Curve] | None = None,
) -> dict[str, ArmSoFar]:
    """Returns the strategies after trials have ended; arguments as in `ArmSoFar.plus`."""
    after = dict(arms)
    new: dict[str, list[TrialRow]] = {}
    for row in rows:
        new.setdefault(row.strategy, []).append(row)
    for strategy, ended in new.items():
        after[strategy] = after.get(strategy, NO_TRIAL).plus(ended, metric, seen or {})
    return after
