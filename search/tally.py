"""What trials come to when they are added up: a value that takes one more in no time."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import NamedTuple

from search.rows import TrialRow


class Tally(NamedTuple):
    """Sums over trials. A failed one counts for its plan alone: it broke off who knows where.

    >>> one = Tally(trials=1, epochs=3, timed_epochs=3, seconds=6.0)
    >>> one.plus(one).seconds
    12.0

    Attributes:
        trials: how many.
        failed: how many of them failed.
        epochs: that they had.
        timed_epochs: those whose seconds are known.
        seconds: what those took.
        counted_epochs: those of them whose multiply-adds are known.
        multiply_adds: for one image in each of those epochs.
        setups: set-ups whose seconds are known.
        setup_seconds: what those took, with all else of a trial that is no epoch.
    """

    trials: int = 0
    failed: int = 0
    epochs: int = 0
    timed_epochs: int = 0
    seconds: float = 0.0
    counted_epochs: int = 0
    multiply_adds: int = 0
    setups: int = 0
    setup_seconds: float = 0.0

    def plus(self, other: Tally) -> Tally:
        """Returns the sums over both."""
        return Tally(*map(operator.add, self, other))

    def minus(self, other: Tally) -> Tally:
        """Returns the sums without what the other has added."""
        return Tally(*map(operator.sub, self, other))


NOTHING = Tally()


def tally_of(row: TrialRow) -> Tally:
    """Returns what a trial counts that has ended."""
    if row.status == "failed":
        return Tally(trials=1, failed=1, epochs=row.epochs)
    tally = Tally(trials=1, epochs=row.epochs)
    if row.epochs > 0 and row.train_seconds is not None:
        tally = tally._replace(timed_epochs=row.epochs, seconds=row.train_seconds)
        if row.multiply_adds is not None:
            work = row.epochs * row.multiply_adds
            tally = tally._replace(counted_epochs=row.epochs, multiply_adds=work)
    if row.setup_seconds is not None:
        tally = tally._replace(setups=1, setup_seconds=besides_epochs(row))
    return tally


def besides_epochs(row: TrialRow) -> float:
    """Returns the seconds of a trial that went into no epoch: mostly its set-up.

    Its way to the worker and back and what is cleared away after it are a tenth of a short trial.
    """
    known = row.setup_seconds or 0.0
    if row.started is None or row.finished is None or row.retries:
        return known
    # Of a trial that went on after a kill, the epochs before it are not in between.
    return max(known, row.finished - row.started - (row.train_seconds or 0.0))


def tallies(rows: Iterable[TrialRow]) -> dict[str, Tally]:
    """Returns strategy to what its trials come to."""
    found: dict[str, Tally] = {}
    for row in rows:
        found[row.strategy] = found.get(row.strategy, NOTHING).plus(tally_of(row))
    return found
