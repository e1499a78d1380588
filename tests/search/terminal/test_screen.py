"""What a search looks like: words and lines from values, in the terminal and for `--status`."""

import dataclasses

import pytest

from search.experiment import Experiment
from search.schema import FinalRow, TrialRow
from search.store import Store
from search.terminal.progress import Plan, Progress
from search.terminal.screen import count_finals, on_the_clock, one_line, sparkline
from search.terminal.status import read_status, status_screen

EXPERIMENT = Experiment("digits", ("lines", "cnn_lines"), seed=5, final_seeds=2)


def trial(strategy, slot, status="completed"):
    return TrialRow(
        trial_id=f"{strategy}-0-2-0-{slot}", dataset="digits", strategy=strategy, iteration=0,
        bracket=2, rung=0, slot=slot, seed=slot, hyperparameters="{}", first_epoch=0, last_epoch=1,
        status=status, score=0.5 if status == "completed" else None,
    )  # fmt: skip


def shown(path):
    """The lines of `--status`, without their colours."""
    screen = status_screen(read_status(Store(path), now=2e9), width=80)
    return [str(part) for part in screen.renderables]


@pytest.mark.parametrize("ended", [0, 1, 2])
def test_a_run_killed_in_its_finals_says_how_many_are_done(tmp_path, ended):
    """Before the first has ended, too; a strategy whose every trial failed has none."""
    with Store.create(tmp_path / "run", EXPERIMENT, {}) as store:
        store.record_plan("digits", {"lines": (3, 3), "cnn_lines": (3, 3)})
        for slot in range(3):
            store.start_trial(trial("lines", slot))
            store.start_trial(trial("cnn_lines", slot, "failed"))
        for seed in range(5, 5 + ended):
            row = FinalRow("digits", "lines", "lines-0-2-0-0", seed, "completed", 0.9)
            store.record_final(row)
    assert count_finals(read_status(Store(tmp_path / "run"), now=2e9).progress) == (ended, 2)
    if not ended:
        assert "finals: 0 of 2 trained and tested" in shown(tmp_path / "run")


def test_while_it_searches_every_strategy_may_still_have_finals():
    progress = Progress(EXPERIMENT, {name: Plan(3, 3) for name in EXPERIMENT.strategies})
    assert count_finals(progress) == (0, 4)
    failed = progress.trial_finished(trial("lines", 0, "failed"))
    assert count_finals(failed) == (0, 4)


def test_text_keeps_to_its_line_and_does_not_steer_the_terminal():
    assert one_line("a\nb\x1b[31m\tc") == "a b [31m c"


def test_a_duration_as_on_a_clock():
    assert [on_the_clock(s) for s in (0, 65, 3600, 36061)] == [
        "0:00",
        "1:05",
        "1:00:00",
        "10:01:01",
    ]


def test_a_curve_has_a_letter_an_epoch_and_a_dot_where_nothing_is_known():
    assert sparkline({1: 0.0, 3: 0.5}, top=0.5) == "▁·█"
    assert sparkline({}, top=1.0) == ""


def test_the_words_are_the_metrics(monkeypatch):
    from search.metric import ACCURACY
    from search.terminal.screen import final_line, trial_line

    other = dataclasses.replace(ACCURACY, label="error rate")
    monkeypatch.setattr(Experiment, "metric", property(lambda _: other))
    progress = Progress(EXPERIMENT, {})
    assert "validation error rate 50.0 %" in trial_line(progress, trial("lines", 0))
    assert final_line(progress, "lines", 1, 0.5, None).endswith("test error rate 50.0 %")
