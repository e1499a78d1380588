"""How well runs tell the time left, from what they print."""

import json

import pytest

from benchmarks import forecasts
from benchmarks.forecasts import Told, errors, record, table, told
from tests.support import small_run

LINES = [
    (1.0, "read: 10 images"),
    (2.0, "expected: ~2 min, search ~1 min, finals and report under a minute"),
    (10.0, "[1/4] lines bracket 1 rung 0 epoch 1: validation accuracy 57.6 %, 0.3 s, ~2 min left"),
    (20.0, "[2/4] lines bracket 1 rung 0 failed after 1.0 s: out of memory"),
    (30.0, "a note, ~9 min left"),
    (40.0, "[3/4] lines bracket 1 rung 1 epoch 1: 66.0 %, 0.3 s, ~1.5 h left"),
    (80.0, "final 1/3 lines: test accuracy 90.0 %, under a minute left"),
]


def test_what_was_said_of_the_time_left_is_read():
    found = told(["--seed", "1"], LINES, took=100.0)
    assert found.expected == 120.0
    assert found.left == [(10.0, 120.0), (40.0, 5400.0), (80.0, 30.0)]
    assert errors(found) == [pytest.approx(30 / 90), pytest.approx(89.0), pytest.approx(0.5)]
    assert table([found]).splitlines()[-1] == "| `--seed 1` | 1.7 | 2.0 | +33 | +8900 | +50 |"


def test_a_run_that_says_nothing_late_is_not_judged_there():
    assert errors(Told([], 100.0, None, [(30.0, 70.0)])) == [0.0, 0.0, None]


def test_a_run_is_recorded_as_it_goes(tmp_path, capsys):
    file, run = tmp_path / "runs.jsonl", tmp_path / "run"
    options = [*small_run.ARGUMENTS, "--out", str(run)]
    record(file, options)
    (line,) = file.read_text().splitlines()
    found = Told(**json.loads(line))
    assert found.command == options and len(found.left) >= small_run.TRIALS - 1
    assert all(0 < when < found.took for when, _ in found.left)
    assert "report: " in capsys.readouterr().out


def test_a_search_that_fails_is_not_recorded(tmp_path, monkeypatch):
    monkeypatch.setattr(forecasts, "PROGRAM", tmp_path / "none.py")
    with pytest.raises(SystemExit, match="ended with code 2"):
        record(tmp_path / "runs.jsonl", [])
    assert not (tmp_path / "runs.jsonl").exists()
