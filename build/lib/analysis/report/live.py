"""The report's page of a run that is still searching: written again now and then."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from analysis.report.write import RELOAD_SECONDS, write_report
from search.store import ExperimentError

SHARE = 0.02
"""Of the time, what the page may take: the search waits for it."""


class LivePage:
    """Writes the page when it is called, but neither too often nor for too long in all.

    The page grows with the run. One that took so many seconds is followed by 50 times as many
    without, or by half a minute, whichever is longer.

    Args:
        path: the run directory.
        note: is told, once, why a page could not be made.
        clock: the time in seconds, from any moment on.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        note: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ):
        self._path, self._note, self._clock = path, note, clock
        self._due = -float("inf")
        self._said: set[str] = set()

    def __call__(self) -> None:
        """Writes the page if it is time for one.

        A search of days is not lost for a page: what goes wrong is said, and tried again with the
        next one.

        Raises:
            OSError: the disk is full or gone. That would stop the search at its next trial, too.
        """
        began = self._clock()
        if began < self._due:
            return
        try:
            write_report(self._path, unfinished=True)
        except ExperimentError as error:
            if isinstance(error.__cause__, OSError):
                raise error.__cause__ from error
            self._say(error)
        except Exception as error:  # whatever it is: the report at the end will meet it again
            self._say(error)
        ended = self._clock()
        self._due = ended + max(RELOAD_SECONDS, (ended - began) * (1 / SHARE - 1))

    def _say(self, error: Exception) -> None:
        text = f"the report cannot be written yet: {error or type(error).__name__}"
        if text not in self._said:
            self._said.add(text)
            self._note(text)
