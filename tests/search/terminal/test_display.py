"""The display: what it counts, how it estimates, and that it fits every terminal."""

from __future__ import annotations

import dataclasses
import io
import itertools
import json
import random

import pytest
from rich.cells import cell_len
from rich.console import Console

from search.experiment import Experiment
from search.schema import TrialRow
from search.terminal.display import LiveDisplay, PlainDisplay, make_display
from search.terminal.progress import Final, Plan, Progress, seconds_left
from search.terminal.screen import in_words, on_the_clock, one_line, screen, sparkline

STRATEGIES = ("lines", "cnn_lines", "cnn_flat", "line_cnn")
EXPERIMENT = Experiment("digits", STRATEGIES)
PLAN = {strategy: Plan(4, 12) for strategy in STRATEGIES}
HIDE_CURSOR, SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"
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


def display(encoding=None, **options):
    """Returns a display of four trials of 12 epochs for each strategy, and its file."""
    file = io.TextIOWrapper(io.BytesIO(), encoding) if encoding else io.StringIO()
    totals = dict.fromkeys(STRATEGIES, 4), dict.fromkeys(STRATEGIES, 12)
    return make_display(EXPERIMENT, *totals, Console(file=file, **options)), file


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


# What is counted


def test_counts_are_right_whatever_the_order():
    rows = some_trials()
    random.Random(0).shuffle(rows)
    progress = Progress(EXPERIMENT, PLAN)
    for row in rows:
        progress = progress.trial_started(dataclasses.replace(row, status="running"))
    for row in reversed(rows):
        progress = progress.trial_finished(row)
    assert not progress.running
    for index, strategy in enumerate(STRATEGIES):
        assert len(progress.by_strategy[strategy]) == 4
        assert sum(row.status == "failed" for row in progress.by_strategy[strategy]) == 1
        assert progress.best[strategy].score == pytest.approx(0.2 + 0.01 * index)


def test_replay_equals_live_events():
    rows = some_trials()
    live, _ = display()
    for row in rows:
        live.trial_started(dataclasses.replace(row, status="running"))
        live.epoch_finished(row.trial_id, epoch(1, row.score or 0.0))
        live.trial_finished(row)
    replayed, _ = display()
    replayed.replay(rows)
    same_clock = [dataclasses.replace(each.progress, began=0.0) for each in (live, replayed)]
    assert seen(same_clock[0]) == seen(same_clock[1])
    assert same_clock[0].time_left(0.0) == same_clock[1].time_left(0.0)


def test_a_trial_that_starts_again_is_counted_once():
    row = trial(last=3)
    progress = Progress(EXPERIMENT, PLAN).trial_started(row)
    progress = progress.epoch_finished(row.trial_id, epoch(1)).trial_started(row)
    assert progress.running[row.trial_id].epoch == 0
    progress = progress.trial_finished(completed(row)).trial_finished(completed(row))
    assert len(progress.by_strategy["lines"]) == 1


def test_curve_goes_on_from_the_trial_it_continues():
    parent, child = trial(), trial(first=1, last=3, parent_id="lines-0-1")
    progress = Progress(EXPERIMENT, PLAN).trial_started(parent)
    progress = progress.epoch_finished("lines-0-1", epoch(1, 0.2))
    progress = progress.trial_finished(completed(parent, 0.2)).trial_started(child)
    progress = progress.epoch_finished("lines-0-3", epoch(2, 0.4))
    assert progress.curves["lines-0-3"] == {1: 0.2, 2: 0.4}
    assert "▅█ 40.0 %" in "\n".join(seen(progress))
    assert "2 of 3 epochs" in "\n".join(seen(progress))


def test_epochs_from_before_a_resume_are_marked_unknown():
    replayed = completed(trial(last=3, trial_id="parent"), 0.3)
    progress = Progress(EXPERIMENT, PLAN).trial_finished(replayed)
    progress = progress.trial_started(trial(first=3, last=9, parent_id="parent"))
    assert "··█ 30.0 %" in "\n".join(seen(progress))


# What is estimated


@pytest.mark.parametrize("known", [1, 2, 4])
def test_estimate_scales_with_the_durations(known):
    rows = [completed(trial(name), 0.5, 2.0 + i) for i, name in enumerate(STRATEGIES[:known])]
    twice = [
        dataclasses.replace(
            row, train_seconds=2 * row.train_seconds, setup_seconds=2 * row.setup_seconds
        )
        for row in rows
    ]
    assert seconds_left(PLAN, rows) > 0
    assert seconds_left(PLAN, twice) == pytest.approx(2 * seconds_left(PLAN, rows))


def test_estimate_by_hand():
    plan = {"lines": Plan(3, 10), "cnn_flat": Plan(2, 10), "line_cnn": Plan(1, 1)}
    done = [
        completed(trial("lines", 0, 2), train_seconds=2.0, setup_seconds=3.0),
        completed(trial("cnn_flat", 0, 1), train_seconds=10.0, setup_seconds=5.0),
        failed(trial("cnn_flat", 1, 3)),  # used up its two epochs, and says nothing of the pace
    ]
    lines = 8 * 1.0 + 2 * 3.0
    cnn_flat = 7 * 10.0 + 0 * 5.0
    line_cnn = 1 * 5.5 + 1 * 4.0  # the mean of the others
    assert seconds_left(plan, done) == pytest.approx(lines + cnn_flat + line_cnn)


def test_estimate_is_none_before_the_first_measurement_and_zero_when_done():
    assert seconds_left(PLAN, []) is None
    assert seconds_left(PLAN, [failed(trial())]) is None
    plan = {"lines": Plan(1, 1)}
    assert seconds_left(plan, [failed(trial())]) == 0
    assert seconds_left(plan, [completed(trial())]) == 0
    assert seconds_left(plan, [completed(trial()), completed(trial(last=9))]) == 0


def test_time_left_is_never_negative():
    for progress, now in itertools.product((busy(), busy(3), in_finals()), (0.0, 60.0, 1e6)):
        seconds, _ = progress.time_left(now)
        assert seconds is not None and seconds >= 0


def test_a_smaller_time_limit_is_named():
    limited = dataclasses.replace(EXPERIMENT, time_limit=0.1, final_seeds=0)
    progress = dataclasses.replace(busy(), experiment=limited)
    assert progress.time_left(1.0) == (pytest.approx(5.0), True)
    assert progress.time_left(100.0) == (pytest.approx(4.0), True)  # the running trial's epochs
    assert "(time limit)" in seen(progress)[0]
    assert "(time limit)" not in seen(busy())[0]


def test_finals_are_part_of_the_time_left():
    progress = Progress(Experiment("digits", ("lines",), final_seeds=3), {"lines": Plan(1, 1)})
    progress = progress.trial_finished(completed(trial(), train_seconds=2.0, setup_seconds=1.0))
    assert progress.time_left(0.0) == (3 * (9 * 2.0 + 1.0), False)
    training = progress.final_started("first", Final("lines", 1, 7))
    assert training.time_left(14.0) == (3 * 19.0, False)
    training = training.epoch_finished("first", {"epoch": 4})
    assert training.time_left(14.0) == (3 * 19.0 - 4 * 2.0, False)
    two = training.final_started("second", Final("lines", 2, 8))
    assert two.time_left(14.0) == ((3 * 19.0 - 4 * 2.0) / 2, False)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "under a minute"),
        (59, "under a minute"),
        (170, "~3 min"),
        (5000, "~83 min"),
        (9000, "~2.5 h"),
        (200_000, "~2.3 days"),
    ],
)
def test_durations_in_words(seconds, words):
    assert in_words(seconds) == words


def test_clock():
    assert [on_the_clock(s) for s in (0, 61.9, 3599, 3661)] == ["0:00", "1:01", "59:59", "1:01:01"]


# What is seen


@pytest.mark.parametrize("width", [20, 40, 80, 120])
@pytest.mark.parametrize("height", [12, 24, 50])
@pytest.mark.parametrize("running", [0, 1, 3, 16])
def test_the_screen_fits_the_terminal(width, height, running):
    for progress in (Progress(EXPERIMENT, PLAN), busy(running), in_finals()):
        lines = seen(progress, width, height)
        assert max(map(cell_len, lines)) <= width
        assert len(lines) <= height


@pytest.mark.parametrize("width", [40, 80, 120])
def test_all_strategies_appear(width):
    for progress in (Progress(EXPERIMENT, PLAN), busy(), in_finals()):
        text = "\n".join(seen(progress, width))
        assert all(strategy in text for strategy in STRATEGIES)


def test_many_strategies_leave_room_for_what_runs():
    names = tuple(f"strategy_{number}" for number in range(30))
    progress = Progress(Experiment("digits", names), dict.fromkeys(names, Plan(4, 12)))
    progress = progress.trial_finished(completed(trial("strategy_29"), 0.9))
    lines = seen(progress.trial_started(trial("strategy_7", last=9)))
    assert len(lines) <= 24
    text = "\n".join(lines)
    assert "90.0 %" in text
    assert "more" in text
    assert "strategy_7  0 of 9 epochs" in text


def test_an_overestimated_plan_ends_at_most_full():
    progress = Progress(EXPERIMENT, dict.fromkeys(STRATEGIES, Plan(2, 2)))
    for row in some_trials():
        progress = progress.trial_finished(row)
    text = "\n".join(seen(progress))
    assert "16 of 16 epochs, 16 of 16 trials" in text
    assert "4/4" in text


def test_finals_show_every_result():
    text = "\n".join(seen(in_finals()))
    assert "90.0 failed 95.0" in text
    assert "finals: 3 of 12" in text
    assert "cnn_lines  final 1 of 3, seed 7, 2 of 9 epochs" in text


def test_sparkline_has_one_character_an_epoch():
    for length in range(12):
        curve = {number: number / 12 for number in range(1, length + 1)}
        assert len(sparkline(curve, 1.0)) == length
    assert sparkline({1: 0.0, 2: 0.5, 4: 1.0, 5: 2.0, 6: None}, 1.0) == "▁▅·██·"


def test_text_from_outside_is_one_tame_line():
    assert one_line("a\n\x1b[31mb\t c\udcff[x]") == "a [31mb c [x]"
    folder = Experiment("/data/[red]my\nimages:smile:", ("[bold]x",))
    progress = Progress(folder, {"[bold]x": Plan(1, 1)}).trial_started(trial("[bold]x"))
    text = "\n".join(seen(progress))
    assert "[red]my images:smil" in text
    assert text.count("[bold]x") == 2


# Where it is shown


def play(each):
    """Sends every kind of event: 3 trials that end, 2 finals, 1 note."""
    each.replay([completed(trial(slot=9))])
    for row in (completed(trial()), failed(trial("cnn_flat"), NASTY), completed(trial(slot=1))):
        each.trial_started(dataclasses.replace(row, status="running"))
        each.epoch_finished(row.trial_id, epoch(1))
        each.trial_finished(row)
    each.note("time limit reached")
    each.final_started("lines-final-7", "lines", 1, 7)
    each.epoch_finished("lines-final-7", {"epoch": 1, "loss": 1.0, "accuracy": 0.5})
    each.final_finished("lines", 1, 0.9, None)
    each.final_started("lines-final-8", "lines", 2, 8)
    each.final_finished("lines", 2, None, NASTY)


def test_plain_output_has_one_line_an_event():
    plain, file = display()
    with plain:
        play(plain)
    assert isinstance(plain, PlainDisplay)
    lines = file.getvalue().splitlines()
    assert lines[0] == "trials done before: 1"
    assert lines[1].startswith("[2/16] lines bracket 2 rung 0 epoch 1: validation accuracy 50.0 %")
    assert lines[2].startswith("[3/16] cnn_flat bracket 2 rung 0 failed after 0.0 s: out of [bold]")
    assert lines[4:6] == ["time limit reached", "final 1/3 lines: test accuracy 90.0 %"]
    assert lines[6].startswith("final 2/3 lines: failed: out of [bold]memory[/]")
    assert len(lines) == 7
    assert all(line.isprintable() for line in lines)


def test_plain_output_survives_a_narrow_encoding():
    plain, file = display(encoding="ascii")
    plain.note("kept in blüten")
    assert file.buffer.getvalue() == b"kept in bl\\xfcten\n"  # and it was flushed


@pytest.mark.parametrize("width", [40, 80])
def test_live_display_plays_every_event_and_restores_the_terminal(width):
    live, file = display(force_terminal=True, width=width, height=24, _environ={"TERM": "xterm"})
    assert isinstance(live, LiveDisplay)
    with live:
        play(live)
    output = file.getvalue()
    assert "cnn_flat failed: out of [bold]" in output
    assert "time limit reached" in output
    assert output.count(HIDE_CURSOR) == 1
    assert output.rindex(SHOW_CURSOR) > output.rindex(HIDE_CURSOR)


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_exception_passes_through_and_the_terminal_is_restored(error):
    live, file = display(force_terminal=True, width=80, height=24, _environ={"TERM": "xterm"})
    with pytest.raises(error), live:
        live.trial_started(trial())
        raise error
    assert file.getvalue().rindex(SHOW_CURSOR) > file.getvalue().rindex(HIDE_CURSOR)
    assert not live.live.is_started


@pytest.mark.parametrize("environment", [{"TERM": "dumb"}, {"TERM": "xterm"}])
def test_a_terminal_that_cannot_draw_gets_plain_lines(environment):
    encoding = "ascii" if environment["TERM"] == "xterm" else None
    plain, _ = display(encoding=encoding, force_terminal=True, _environ=environment)
    assert isinstance(plain, PlainDisplay)
