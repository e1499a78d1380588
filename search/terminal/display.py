"""What a search shows while it runs: a live display in a terminal, plain lines elsewhere.

The screen is a pure function of a `Progress`, which never changes. So Rich's refresh thread draws
whenever it likes, and there is nothing to catch.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from search.experiment import Experiment
from search.forecast import Outlook, plans
from search.rows import TrialRow
from search.terminal.progress import Final, Progress
from search.terminal.screen import final_line, in_words, screen, trial_line
from search.wording import one_line


class Display:
    """Follows a search and shows nothing: what the live and the plain display have in common.

    Attributes:
        progress: what is known so far.
    """

    def __init__(self, progress: Progress):
        self.progress = progress

    def __enter__(self) -> Display:
        """Starts to show."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stops showing and leaves the terminal as it was."""

    def replay(self, rows: Iterable[TrialRow]) -> None:
        """Counts trials that ended before this process started."""
        self.progress = self.progress.trials_finished(rows)

    def plan(self, totals: Mapping[str, tuple[int, int]]) -> None:
        """Takes note of how many (trials, epochs) each strategy's whole search has by now."""
        self.progress = dataclasses.replace(self.progress, planned=plans(totals))

    @property
    def longer(self) -> float:
        """How many times longer than a trial's a final's epoch is."""
        return self.progress.outlook.longer

    def expect(self, outlook: Outlook, ends: float) -> None:
        """Takes note of what the time that is left follows from, and when the run has to end."""
        workers = max(self.progress.workers, outlook.workers)
        self.progress = dataclasses.replace(
            self.progress, outlook=outlook, workers=workers, ends=ends
        )

    def search_until(self) -> float:
        """Returns when the search has to end, so that its finals and the report are in time."""
        known = self.progress
        if known.ends == math.inf:
            return math.inf
        return known.ends - known.finals_of_begun() - known.seconds_under_way()

    def trial_started(self, row: TrialRow) -> None:
        """Takes note of a trial that starts: its row in the trial table."""
        self.progress = self.progress.trial_started(row)

    def epoch_finished(self, trial_id: str, epoch: Mapping[str, Any]) -> None:
        """Takes note of a trial's epoch, or a finalist's: its row in the table of epochs."""
        self.progress = self.progress.epoch_finished(trial_id, epoch)

    def trial_finished(self, row: TrialRow) -> None:
        """Takes note of a trial that completed or failed: its row in the trial table."""
        self.progress = self.progress.trial_finished(row)

    def final_started(self, trial_id: str, strategy: str, number: int, seed: int) -> None:
        """Takes note that a strategy's finalist is trained on one more seed, the first being 1."""
        self.progress = self.progress.final_started(trial_id, Final(strategy, number, seed))

    def final_finished(
        self, strategy: str, number: int, test_score: float | None, message: str | None
    ) -> None:
        """Takes note of a finalist's result; without a test score, the message says why."""
        self.progress = self.progress.final_finished(strategy, number, test_score)

    def note(self, text: str) -> None:
        """Says one thing that matters."""


class PlainDisplay(Display):
    """One line an event, for files and pipes."""

    def __init__(self, progress: Progress, console: Console):
        super().__init__(progress)
        self.console = console

    def replay(self, rows: Iterable[TrialRow]) -> None:
        """Counts trials that ended before this process started."""
        done = [*rows]
        super().replay(done)
        if done:
            self.note(f"trials done before: {len(done)}")

    def trial_finished(self, row: TrialRow) -> None:
        """Prints how it ended."""
        super().trial_finished(row)
        self.note(trial_line(self.progress, row) + self._left(row.status == "completed"))

    def final_finished(
        self, strategy: str, number: int, test_score: float | None, message: str | None
    ) -> None:
        """Prints the result."""
        super().final_finished(strategy, number, test_score, message)
        text = final_line(self.progress, strategy, number, test_score, message)
        self.note(text + self._left(test_score is not None))

    def _left(self, said: bool) -> str:
        """How long it still takes, behind what did not fail."""
        seconds, _ = self.progress.time_left(time.monotonic())
        return f", {in_words(seconds)} left" if said and seconds is not None else ""

    def note(self, text: str) -> None:
        """Prints a line, whatever the file's encoding can hold; Rich flushes it."""
        encoding = self.console.encoding
        encodable = one_line(text).encode(encoding, "backslashreplace").decode(encoding)
        self.console.out(encodable, highlight=False)


class LiveDisplay(Display):
    """A screen at the bottom of the terminal; failures and notes scroll by above it."""

    def __init__(self, progress: Progress, console: Console):
        super().__init__(progress)
        self.console = console
        self.live = Live(console=console, get_renderable=self.draw, refresh_per_second=4)

    def draw(self) -> Group:
        """Returns the screen as it is now."""
        size = self.console.size
        return screen(self.progress, time.monotonic(), size.width, size.height)

    def __enter__(self) -> LiveDisplay:
        """Starts to show."""
        self.live.start(refresh=True)
        return self

    def __exit__(self, *_: object) -> None:
        """Leaves the last screen in place and gives the cursor back."""
        self.progress = dataclasses.replace(self.progress, ended=True)
        self.live.stop()

    def trial_finished(self, row: TrialRow) -> None:
        """Prints why it failed, if it did."""
        super().trial_finished(row)
        if row.status == "failed":
            self.print_failure(f"{row.strategy} failed: {row.message}")

    def final_finished(
        self, strategy: str, number: int, test_score: float | None, message: str | None
    ) -> None:
        """Prints why it failed, if it did."""
        super().final_finished(strategy, number, test_score, message)
        if test_score is None:
            self.print_failure(final_line(self.progress, strategy, number, test_score, message))

    def print_failure(self, text: str) -> None:
        """Prints one line above the screen, cut where it ends: the reason may be very long."""
        self.console.print(Text(one_line(text), "red"), no_wrap=True, overflow="ellipsis")

    def note(self, text: str) -> None:
        """Prints a line above the screen, wrapped where it has to be."""
        self.console.print(Text(one_line(text)))


def make_display(
    experiment: Experiment, totals: Mapping[str, tuple[int, int]], console: Console | None = None
) -> Display:
    """Returns the display that suits the console: live in a terminal, else plain lines.

    Args:
        experiment: what was asked for.
        totals: (trials, epochs) planned for each strategy, all its trials together; it may be
            more than there will be.
        console: where to show; None for standard output.
    """
    console = console or Console()
    progress = Progress(experiment, plans(totals), began=time.monotonic())
    # A screen needs a cursor that moves, and block characters.
    fancy = console.is_terminal and not console.is_dumb_terminal and not console.options.ascii_only
    return LiveDisplay(progress, console) if fancy else PlainDisplay(progress, console)
