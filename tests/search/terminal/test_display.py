"""The display: what it shows where there is a terminal, and where there is none."""

from __future__ import annotations

import dataclasses
import re

import pytest

from search.terminal.display import LiveDisplay, PlainDisplay
from tests.support.progress import (
    NASTY,
    completed,
    display,
    epoch,
    failed,
    trial,
)

HIDE_CURSOR, SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"


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
    final = {"epoch": 1, "loss": 1.0, "accuracy": 0.5, "seconds": 1.0}
    each.epoch_finished("lines-final-7", final)
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
    assert lines[4] == "time limit reached"
    assert re.fullmatch(r"final 1/3 lines: test accuracy 90.0 %, .* left", lines[5])
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
