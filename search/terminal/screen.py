"""What a search looks like: pure functions from a `Progress` to words, lines and the screen."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from search.forecast import remaining
from search.rows import TrialRow
from search.terminal.progress import Final, Progress, Running
from search.wording import one_line, values_in_words

BLOCKS = "▁▂▃▄▅▆▇█"
UNKNOWN = "·"
# The numbers of markers and colours share no factor: 20 strategies look different, and 5 of them
# without colour. Red is left for failures.
MARKERS = "●■▲◆▼"
COLOURS = ("cyan", "magenta", "yellow", "green")


# From values to words


def in_words(seconds: float) -> str:
    """Returns a rough duration as people say it."""
    minutes = seconds / 60
    if minutes < 1:
        return "under a minute"
    if minutes < 90:
        return f"~{minutes:.0f} min"
    if minutes < 48 * 60:
        return f"~{minutes / 60:.1f} h"
    return f"~{minutes / 60 / 24:.1f} days"


def on_the_clock(seconds: float) -> str:
    """Returns a duration as h:mm:ss, or m:ss below an hour."""
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def sparkline(curve: Mapping[int, float | None], top: float) -> str:
    """Returns one character for each epoch from 1 to the last; a full block is `top`."""
    return "".join(
        UNKNOWN
        if (value := curve.get(epoch)) is None
        else BLOCKS[min(7, max(0, int(8 * value / top)))]
        for epoch in range(1, max(curve, default=0) + 1)
    )


def in_brief(hyperparameters: str) -> str:
    """Returns hyperparameters (JSON) as name=value."""
    values = json.loads(hyperparameters)
    return one_line(values_in_words({name: values[name] for name in values if name != "strategy"}))


def position(row: TrialRow) -> str:
    """Returns where in Hyperband a trial stands."""
    return f"bracket {row.bracket} rung {row.rung}"


def trial_line(progress: Progress, row: TrialRow) -> str:
    """Returns how a trial ended, in one line."""
    trials = sum(plan.trials for plan in progress.planned.values())
    done = progress.ended_trials
    count = f"[{done}/{max(done, trials)}] {row.strategy} {position(row)}"
    seconds = (row.train_seconds or 0) + (row.setup_seconds or 0)
    if row.status == "failed":
        return one_line(f"{count} failed after {seconds:.1f} s: {row.message}")
    first, last = row.first_epoch + 1, row.last_epoch
    epochs = f"epoch {last}" if first == last else f"epochs {first}-{last}"
    metric = progress.experiment.objective
    score = f"validation {metric.label} {metric.in_words(row.score)}"
    return one_line(f"{count} {epochs}: {score}, {seconds:.1f} s")


def expected_in_words(progress: Progress) -> str | None:
    """Returns how long the whole takes; None where nothing tells before the first trials."""
    parts = progress.parts_left()
    if parts is None:
        return None
    search, finals = map(in_words, parts)
    said = f"expected: {in_words(sum(parts))}, search {search}, finals and report {finals}"
    asked = progress.experiment
    sooner = dataclasses.replace(asked, most_iterations=asked.iterations)
    without = dataclasses.replace(progress, experiment=sooner).parts_left()
    if progress.further and without:
        said += (
            f", with {asked.most_iterations} searches of each; {in_words(sum(without))} where "
            f"{asked.iterations} tell who is best"
        )
    return said


def final_line(
    progress: Progress,
    strategy: str,
    number: int,
    test_score: float | None,
    message: str | None,
) -> str:
    """Returns how a finalist did, in one line."""
    result = f"failed: {message}"
    if test_score is not None:
        metric = progress.experiment.objective
        result = f"test {metric.label} {metric.in_words(test_score)}"
    return one_line(f"final {number}/{progress.finals_of(strategy)} {strategy}: {result}")


# From a progress to the screen. Every line is one Text that is cut where the screen ends, so a
# block's height is known before it is drawn.


def line(*parts: str | tuple[str, str]) -> Text:
    """Returns one line of (text, style) parts."""
    return Text.assemble(*parts, no_wrap=True, overflow="ellipsis")


def strategy_name(progress: Progress, strategy: str, style: str = "") -> Text:
    """Returns a strategy's name behind its marker, in its colour."""
    index = [*progress.planned, strategy].index(strategy)
    marker = MARKERS[index % len(MARKERS)]
    colour = COLOURS[index % len(COLOURS)]
    return line((f"{marker} {one_line(strategy)}", f"{style} {colour}"))


def header(progress: Progress, now: float) -> Text:
    """Returns the data set, the time that has passed and the time left."""
    name = Text(one_line(progress.experiment.dataset_name))
    name.truncate(20, overflow="ellipsis")  # a folder's name may be long; the time must be seen
    clock = on_the_clock(now - progress.began)
    parts: list[str | tuple[str, str]] = [(f" {name.plain} ", "bold reverse"), f"  {clock}"]
    if not progress.ended:
        seconds, limited = progress.time_left(now)
        left = "estimating time left" if seconds is None else f"{in_words(seconds)} left"
        parts.append(f", {left}")
        if limited:
            parts.append((" (budget)", "yellow"))
    return line(*parts)


def overall(progress: Progress) -> Table:
    """Returns a bar and its counts: of the search, then of the finals."""
    if progress.in_finals:
        done, total = count_finals(progress)
        counts = finals_in_words(progress)
    else:
        trained = sum(tally.epochs for tally in progress.done.values())
        left = remaining(progress.planned, progress.done).values()
        # What was done and what is left, not what was planned: so a bar never overflows.
        done, total = trained, trained + sum(plan.epochs for plan in left)
        ended = progress.ended_trials
        trials = max(ended, sum(plan.trials for plan in progress.planned.values()))
        counts = f"{done} of {total} epochs, {ended} of {trials} trials"
    grid = Table.grid(expand=True)
    grid.add_row(ProgressBar(total=max(1, total), completed=done))
    grid.add_row(line(counts))
    return grid


def count_finals(progress: Progress) -> tuple[int, int]:
    """Returns how many finals have ended, and how many there will be."""
    done = len(progress.finals)
    return done, done + sum(progress.finals_left().values())


def finals_in_words(progress: Progress) -> str:
    """Returns how far the finals are."""
    done, total = count_finals(progress)
    return f"finals: {done} of {total} trained and tested"


def strategies(progress: Progress, width: int, room: int) -> Table:
    """Returns a table with a row a strategy; the weakest are left out where room is short."""
    metric = progress.experiment.objective
    wide = width >= 60
    counted = wide or not progress.in_finals
    padding = 2 if wide else 1
    table = Table(box=None, padding=(0, padding, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("strategy")
    headings = ["trials", "failed"] if counted else []
    headings += ["best validation", "epochs"] if wide else ["best"]
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    if progress.in_finals:
        table.add_column(f"test {metric.heading}")
    best = {name: row.score for name, row in progress.best.items() if row.score is not None}
    ranked = [*best, *(name for name in progress.planned if name not in best)]
    shown = ranked if len(ranked) <= room else ranked[: max(1, room - 1)]
    for name, plan in progress.planned.items():
        if name not in shown:
            continue
        tally = progress.arm(name).tally
        leads = "bold" if best and name == ranked[0] else ""
        cells: list[RenderableType] = [strategy_name(progress, name, leads)]
        if counted:
            cells += [
                f"{tally.trials}/{max(tally.trials, plan.trials)}",
                Text(str(tally.failed), "red" if tally.failed else "dim"),
            ]
        cells.append(Text(metric.in_words(best.get(name)), leads))
        if wide:
            cells.append(str(progress.best[name].last_epoch) if name in best else "")
        if progress.in_finals:
            cells.append(line(final_scores(progress, name)))
        table.add_row(*cells)
    if len(shown) < len(ranked):
        table.add_row(line((f"and {len(ranked) - len(shown)} more", "dim")))
    return table


def final_scores(progress: Progress, strategy: str) -> str:
    """Returns the strategy's test scores so far."""
    return " ".join(
        "failed" if score is None else progress.experiment.objective.number(score)
        for (name, _), score in sorted(progress.finals.items(), key=lambda item: item[0])
        if name == strategy
    )


def current_trial(progress: Progress, trial: Running, width: int) -> list[Text]:
    """Returns three lines on a trial under way; the first two make sense alone."""
    row = trial.row
    curve, metric = trial.curve, progress.experiment.objective
    heights = {
        epoch: None if value is None else metric.height(value) for epoch, value in curve.items()
    }
    known = [value for value in heights.values() if value is not None]
    # All curves end below the same top, so their heights compare.
    best = [metric.height(row.score) for row in progress.best.values() if row.score is not None]
    top = max([*known, *best], default=0.0) or 1.0
    blocks = sparkline(heights, top)[-(width - 12) :]
    latest = metric.in_words(curve[max(curve)]) if curve else "starting"
    return [
        strategy_name(progress, row.strategy).append(
            f"  {trial.epoch} of {row.last_epoch} epochs, {position(row)}", "default"
        ),
        line("  ", (blocks, "bold"), f" {latest}" if blocks else latest),
        line((f"  {in_brief(row.hyperparameters)}", "dim")),
    ]


def current_final(progress: Progress, final: Final) -> Text:
    """Returns a line on a finalist under way."""
    strategy, number, seed, epoch = final
    return strategy_name(progress, strategy).append(
        f"  final {number} of {progress.finals_of(strategy)}, seed {seed}, "
        f"{epoch} of {progress.experiment.epochs_of_finals} epochs",
        "default",
    )


def current(progress: Progress, width: int, room: int) -> list[Text]:
    """Returns what runs now, in no more lines than there is room for."""
    if progress.ended:
        return []
    blocks = [current_trial(progress, trial, width) for trial in progress.running.values()]
    blocks += [[current_final(progress, final)] for final in progress.training.values()]
    for height in (3, 2):
        if height * len(blocks) <= room:
            return [text for block in blocks for text in block[:height]]
    shown = max(1, (room - 1) // 2)
    lines = [text for block in blocks[:shown] for text in block[:2]]
    return [*lines, line((f"and {len(blocks) - shown} more", "dim"))]


def screen(progress: Progress, now: float, width: int = 80, height: int = 24) -> Group:
    """Returns the whole live display.

    Args:
        progress: what is known.
        now: the time on the monotonic clock, in seconds.
        width: columns of the terminal.
        height: lines of the terminal.
    """
    # Header, bar, counts, the table's heading and three blank lines take seven.
    room = max(4, height - 7)
    rows = min(len(progress.planned), room - 3)
    return Group(
        header(progress, now),
        overall(progress),
        "",
        strategies(progress, width, rows),
        "",
        *current(progress, width, room - rows),
        "",  # the cursor's, so that an echoed ^C at the end of a full line shifts nothing
    )
