"""What a search looks like: words and lines from values, in the terminal and for `--status`."""

from __future__ import annotations

import dataclasses
import re

import pytest
from rich.cells import cell_len

from search.experiment import Experiment
from search.forecast import Plan
from search.rows import FinalRow, TrialRow
from search.store import Store
from search.terminal.progress import Progress
from search.terminal.screen import (
    count_finals,
    expected_in_words,
    in_words,
    on_the_clock,
    sparkline,
)
from search.terminal.status import read_status, status_screen
from tests.support.progress import (
    EXPERIMENT,
    PLAN,
    STRATEGIES,
    busy,
    completed,
    in_finals,
    seen,
    some_trials,
    trial,
)

TWO_STRATEGIES = Experiment("digits", ("lines", "cnn_lines"), seed=5, final_seeds=2)


def row_of(strategy, slot, status="completed"):
    return TrialRow(
        trial_id=f"{strategy}-0-2-0-{slot}", dataset="digits", strategy=strategy, iteration=0,
        bracket=2, rung=0, slot=slot, seed=slot, hyperparameters="{}", first_epoch=0, last_epoch=1,
        status=status, score=0.5 if status == "completed" else None, train_seconds=1.0,
    )  # fmt: skip


def shown(path):
    """The lines of `--status`, without their colours."""
    screen = status_screen(read_status(Store(path), now=2e9), width=80)
    return [str(part) for part in screen.renderables]


@pytest.mark.parametrize("ended", [0, 1, 2])
def test_a_run_killed_in_its_finals_says_how_many_are_done(tmp_path, ended):
    """Before the first has ended, too; a strategy whose every trial failed has none."""
    with Store.create(tmp_path / "run", TWO_STRATEGIES, {}) as store:
        store.record_plan("digits", {"lines": (3, 3), "cnn_lines": (3, 3)})
        for slot in range(3):
            store.start_trial(row_of("lines", slot))
            store.start_trial(row_of("cnn_lines", slot, "failed"))
        for seed in range(5, 5 + ended):
            row = FinalRow("digits", "lines", "lines-0-2-0-0", seed, "completed", 0.9)
            store.record_final(row)
    assert count_finals(read_status(Store(tmp_path / "run"), now=2e9).progress) == (ended, 2)
    if not ended:
        assert "finals: 0 of 2 trained and tested" in shown(tmp_path / "run")


def test_while_it_searches_every_strategy_may_still_have_finals():
    progress = Progress(TWO_STRATEGIES, {name: Plan(3, 3) for name in TWO_STRATEGIES.strategies})
    assert count_finals(progress) == (0, 4)
    failed = progress.trial_finished(row_of("lines", 0, "failed"))
    assert count_finals(failed) == (0, 4)


def test_the_words_are_the_metrics(monkeypatch):
    from search.metric import ACCURACY
    from search.terminal.screen import final_line, trial_line

    other = dataclasses.replace(ACCURACY, label="error rate")
    monkeypatch.setattr(Experiment, "objective", property(lambda _: other))
    progress = Progress(TWO_STRATEGIES, {})
    assert "validation error rate 50.0 %" in trial_line(progress, row_of("lines", 0))
    assert final_line(progress, "lines", 1, 0.5, None).endswith("test error rate 50.0 %")


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
    folder = Experiment("/data/[red]my\nimages:smile:", ("[bold]x",))
    progress = Progress(folder, {"[bold]x": Plan(1, 1)}).trial_started(trial("[bold]x"))
    text = "\n".join(seen(progress))
    assert "[red]my images:smil" in text
    assert text.count("[bold]x") == 2


def test_the_time_that_it_takes_is_said_where_something_tells_it():
    assert expected_in_words(Progress(EXPERIMENT, PLAN)) is None
    said = expected_in_words(dataclasses.replace(busy(), workers=2))
    assert re.fullmatch(r"expected: ~\d+ min, search \S.*, finals and report ~\d+ min", said)
    more = dataclasses.replace(EXPERIMENT, most_iterations=3)
    said = expected_in_words(dataclasses.replace(busy(), experiment=more))
    assert re.search(r", with 3 searches of each; ~\d+ \w+ where 1 tell who is best$", said)
