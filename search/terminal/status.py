"""How far a run is, for another terminal: read from the run directory, which stays as it is."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.text import Text

from search.forecast import Plan
from search.rows import TrialRow
from search.store import Store
from search.terminal.arms import with_ended
from search.terminal.progress import Progress
from search.terminal.screen import (
    finals_in_words,
    header,
    in_brief,
    line,
    on_the_clock,
    overall,
    position,
    strategies,
    strategy_name,
)
from search.wording import one_line

# A run that was made before sessions were kept says no more than this.
OLDER = {"started": None, "ended": None, "outcome": None}


@dataclasses.dataclass(frozen=True)
class Status:
    """What can be told from outside.

    Attributes:
        progress: as the display has it, but for the epochs of a trial under way: those are written
            when it ends, or pauses. Its times are seconds since 1970.
        state: whether the run goes on, is finished, was stopped or was killed, in words.
        now: until when its time counts: this moment, or the last that is known of it.
    """

    progress: Progress
    state: str
    now: float


def read_status(store: Store, now: float) -> Status:
    """Returns how far a run is.

    Args:
        store: the run, opened for reading.
        now: seconds since 1970.
    """
    in_use = store.in_use
    sessions = store.rows("sessions")
    session = sessions[-1] if sessions else OLDER
    trials = store.trials()
    # Those of an extended run may be from before its search.
    finals = store.finals() if store.search_over else []
    moments = [moment for row in trials for moment in (row.started, row.finished) if moment]
    began = session["started"] or min(moments, default=now)
    last = now if in_use else session["ended"] or max(moments, default=began)
    ended = [row for row in trials if row.status != "running"]
    open_trials = [row for row in trials if row.status == "running"]
    under_way = open_trials if in_use and not finals else []
    recent = [row for row in trials if (row.started or 0) >= began]
    plans = {row["strategy"]: Plan(row["trials"], row["epochs"]) for row in store.rows("plans")}
    experiment = store.experiment
    progress = Progress(
        experiment,
        {name: plans.get(name, Plan(0, 0)) for name in experiment.strategies},
        began=began,
        arms=with_ended({}, ended, experiment.objective),
        finals={(row.strategy, experiment.final_number(row.seed)): row.score for row in finals},
        ended=not in_use,
    )
    for row in under_way:
        progress = progress.trial_started(row)
    workers = max(1, most_at_once(recent or trials, last))  # those left running may be more
    progress = dataclasses.replace(progress, workers=workers)
    return Status(progress, in_words(session, in_use, last, len(open_trials)), last)


def most_at_once(trials: Iterable[TrialRow], now: float) -> int:
    """Returns how many trials were under way at once, at most."""
    events = []
    for row in trials:
        if row.started is not None:
            ended = now if row.finished is None else row.finished
            # Of one moment's events the ends come first.
            events += [(row.started, 1), (max(row.started, ended), -1)]
    most = current = 0
    for _, step in sorted(events):
        current += step
        most = max(most, current)
    return most


def in_words(session: Mapping[str, Any], in_use: bool, last: float, under_way: int) -> str:
    """Returns whether a run goes on, and how it ended if it does not.

    Args:
        session: the last row of `sessions`.
        in_use: whether a process holds the run.
        last: when it was last heard of, in seconds since 1970.
        under_way: how many trials had begun and not ended.
    """
    outcome = session["outcome"]
    if in_use and outcome is None:
        return "running"
    if in_use:  # between its start and its work, or between that and its end
        return f"{outcome}; now its images are read, to go on, or its report is written"
    moment = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(last))
    if outcome == "finished":
        return f"finished at {moment}"
    again = f" ({under_way} under way, to start again)" if under_way else ""
    if session["started"] is None:
        return f"not running, last heard of at {moment}{again}"
    if outcome is None:  # whoever can still say a last word does
        return f"killed, last heard of at {moment}{again}"
    if outcome == "interrupted":
        return f"stopped at {moment}{again}, by Ctrl-C or a signal"
    return one_line(f"stopped at {moment}{again}, by an error: {outcome}")


def running_lines(progress: Progress, now: float) -> list[Text]:
    """Returns two lines on each trial under way: where it runs, and what is tried."""
    lines = []
    for trial in progress.running.values():
        row = trial.row
        since = on_the_clock(max(0.0, now - (row.started or now)))
        text = f"to epoch {row.last_epoch}, {position(row)}, for {since} on {row.worker}"
        name = strategy_name(progress, row.strategy).append(f"  {one_line(text)}", "default")
        lines += [name, line((f"  {in_brief(row.hyperparameters)}", "dim"))]
    return lines


def show_status(store: Store) -> None:
    """Prints how far a run is; needs no backend and leaves the run alone."""
    status = read_status(store, time.time())
    console = Console(highlight=False)
    console.print(status_screen(status, console.width))


def status_screen(status: Status, width: int) -> Group:
    """Returns all that is known, in the words and the colours of the live display.

    Args:
        status: what `read_status` returns.
        width: columns of the terminal.
    """
    progress = status.progress
    parts: list[RenderableType] = [
        header(progress, status.now),
        Text(status.state),
        overall(progress),
        *([] if progress.in_finals else [line(finals_in_words(progress))]),
        "",
        strategies(progress, width, len(progress.planned)),
    ]
    if running := running_lines(progress, status.now):
        parts += ["", *running]
    return Group(*parts)
