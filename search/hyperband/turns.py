"""Whose turn it is: that of the strategy which has had the fewest seconds."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence


class Turns:
    """What each strategy has had of the workers' time, set-ups included.

    So whenever time runs out, every one that still has trials has had its equal part. A trial that
    runs counts with what it is likely to take, or several workers would take turns together.

    >>> now = 0.0
    >>> turns = Turns(clock=lambda: now)
    >>> turns.begin("lines", "lines-0-0-0-0")
    >>> turns.order(["lines", "patches"])
    ['patches', 'lines']
    >>> now = 5.0
    >>> turns.end("lines", "lines-0-0-0-0")
    >>> turns.add("patches", 9.0)
    >>> turns.order(["lines", "patches"])
    ['lines', 'patches']
    >>> turns.seconds
    {'lines': 5.0, 'patches': 9.0}

    Args:
        clock: tells the seconds.

    Attributes:
        seconds: strategy to those of its trials that have ended.
    """

    def __init__(self, clock: Callable[[], float]):
        self._clock = clock
        self.seconds: dict[str, float] = {}
        self._ended: dict[str, int] = {}
        self._running: dict[str, dict[str, float]] = {}  # trial_id to when it began

    def begin(self, name: str, trial_id: str) -> None:
        """Takes note of a trial that starts."""
        self._running.setdefault(name, {})[trial_id] = self._clock()

    def end(self, name: str, trial_id: str) -> None:
        """Takes note that it has ended."""
        began = self._running.get(name, {}).pop(trial_id, None)
        if began is not None:
            self.add(name, self._clock() - began)

    def add(self, name: str, seconds: float) -> None:
        """Takes note of a trial that ended earlier, after so many seconds."""
        self.seconds[name] = self.seconds.get(name, 0.0) + seconds
        self._ended[name] = self._ended.get(name, 0) + 1

    def order(self, names: Sequence[str]) -> list[str]:
        """Returns the strategies, the one whose turn it is first; ties stay in the order given."""
        now = self._clock()
        ended = sum(self._ended.values())
        usual = sum(self.seconds.values()) / ended if ended else 1.0

        def charged(name: str) -> float:
            seconds, count = self.seconds.get(name, 0.0), self._ended.get(name, 0)
            likely = seconds / count if count else usual
            running = self._running.get(name, {}).values()
            # They began in this order, so those that take longer than is likely come first.
            late = itertools.takewhile(lambda began: now - began > likely, running)
            return seconds + len(running) * likely + sum(now - began - likely for began in late)

        return sorted(names, key=charged)
