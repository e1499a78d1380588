"""Made-up trials and how far a search has come by them, for what is shown of it."""

from __future__ import annotations

import dataclasses
import io
import json

from rich.console import Console

from search.experiment import Experiment
from search.forecast import Plan
from search.rows import TrialRow
from search.terminal.display import make_display
from search.terminal.progress import Final, Progress
from search.terminal.screen import screen

STRATEGIES = ("lines", "cnn_lines", "cnn_flat", "line_cnn")
EXPERIMENT = Experiment("digits", STRATEGIES)
PLAN = {strategy: Plan(4, 12) for strategy in STRATEGIES}
NASTY = "out of [bold]memory[/] [/nothing]\n\x1b[31m:smile:\r" + "and so on " * 50


def trial(strategy="lines", first=0, last=1, *, slot=0, parent_id=None, **more):
    """Returns the row of a trial that starts."""
    values = {"strategy": strategy, "axis": "rows", "learning_rate": 0.0012345, "lstm_units": 64}
    row = TrialRow(
        trial_id=f"{strategy}-{slot}-{last}", parent_id=parent_id, dataset="digits",
        strategy=strategy, iteration=0, bracket=2, rung=0, slot=slot, seed=1,
        hyperparameters=json.dumps(values), first_epoch=first, last_epoch=last, status="running",
    )  # fmt: skip
    return dataclasses.replace(row, **more)


def completed(row, score=0.5, train_seconds=2.0, setup_seconds=1.0):
    measured = {"train_seconds": train_seconds, "setup_seconds": setup_seconds}
    return dataclasses.replace(row, status="completed", score=score, **measured)


def failed(row, message="out of memory"):
    return dataclasses.replace(row, status="failed", message=message)


def epoch(number, accuracy=0.5, seconds=1.0):
    values = {"loss": 1.0, "accuracy": accuracy, "val_loss": 1.0, "val_accuracy": accuracy}
    return {"epoch": number, **values, "seconds": seconds}


def seen(progress, width=80, height=24, now=60.0):
    """Returns the screen's lines, without colour."""
    console = Console(
        file=io.StringIO(), force_terminal=True, width=width, height=height, color_system=None
    )
    console.print(screen(progress, now, width, height))
    return console.file.getvalue().splitlines()


def some_trials():
    """Returns ended trials of every strategy: three scores and a failure each."""
    return [
        failed(trial(strategy, slot=slot))
        if slot == 3
        else completed(trial(strategy, slot=slot), score=0.1 * slot + 0.01 * index)
        for index, strategy in enumerate(STRATEGIES)
        for slot in range(4)
    ]


def busy(running=1):
    """Returns a progress with ended and running trials."""
    progress = Progress(EXPERIMENT, PLAN)
    for row in some_trials()[:9]:
        progress = progress.trial_finished(row)
    for slot in range(running):
        row = trial("line_cnn", 0, 9, slot=slot)
        progress = progress.trial_started(row)
        for number in range(1, 6):
            progress = progress.epoch_finished(row.trial_id, epoch(number, number / 10))
    return progress


def in_finals():
    """Returns a progress in the middle of the finals."""
    progress = Progress(EXPERIMENT, PLAN)
    for row in some_trials():
        progress = progress.trial_finished(row)
    finals = {("lines", 1): 0.9, ("lines", 2): None, ("lines", 3): 0.95}
    return dataclasses.replace(progress, training={"c": Final("cnn_lines", 1, 7, 2)}, finals=finals)


def display(encoding=None, **options):
    """Returns a display of four trials of 12 epochs for each strategy, and its file."""
    file = io.TextIOWrapper(io.BytesIO(), encoding) if encoding else io.StringIO()
    totals = dict.fromkeys(STRATEGIES, (4, 12))
    return make_display(EXPERIMENT, totals, Console(file=file, **options)), file
