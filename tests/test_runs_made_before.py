"""A run that an older version made still opens: report, status, resume and warm start.

`fixtures/before_the_move` was made by the version whose folders were flat (commit 3acf257):
`finished` is a small search, without its weights; `stopped` is one that started from the designs
of `finished` and was killed in its search; `undisturbed.json` is what the same version ended with
when nobody killed it.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from search.data.datasets import load_dataset
from search.experiment import Experiment
from search.search_spaces import search_spaces
from search.store import Store
from search.warm_start import read_initial
from tests.support import small_run

FIXTURES = Path(__file__).parent / "fixtures" / "before_the_move"
UNDISTURBED = json.loads((FIXTURES / "undisturbed.json").read_text())


@pytest.fixture
def runs(tmp_path):
    shutil.copytree(FIXTURES, tmp_path / "runs")
    return tmp_path / "runs"


def planned(rows):
    """Returns what follows from the plan alone: a processor's rounding may move a score."""
    return [{n: v for n, v in row.items() if n not in ("score", "val_loss")} for row in rows]


@pytest.mark.parametrize("name", ["finished", "stopped"])
def test_its_report_is_made(runs, name):
    from analysis.report.write import write_report

    report = write_report(runs / name)
    page = report.path.read_text(encoding="utf-8")
    assert "cnn_control (control)" in page
    assert report.verdict.best in ("lines", "cnn_control")


def test_its_status_is_told(runs):
    before = small_run.everything_below(runs)
    ended = small_run.execute(["--status", "stopped"], runs)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "killed" in ended.stdout and "5 of 10 trials" in ended.stdout
    assert small_run.everything_below(runs) == before


def test_it_goes_on_to_what_it_would_have_been(runs):
    known = {row["trial_id"]: row for row in Store(runs / "stopped").rows("trials")}
    done = {name: row for name, row in known.items() if row["status"] == "completed"}
    assert len(done) == 5 < len(UNDISTURBED["trials"])
    ended = small_run.execute(["--resume", "stopped", "--workers", "1"], runs)
    assert ended.returncode == 0, ended.stderr
    store = Store(runs / "stopped")
    trials = sorted(store.rows("trials"), key=lambda row: row["trial_id"])
    wanted = UNDISTURBED["trials"]
    found = [{name: row[name] for name in wanted[0]} for row in trials]
    assert planned(found) == planned(wanted)
    for row in trials:
        if row["trial_id"] in done:  # what was done is left as it was
            assert {name: row[name] for name in known[row["trial_id"]]} == done[row["trial_id"]]
    finals = [(row["strategy"], row["seed"], row["status"]) for row in store.rows("finals")]
    assert sorted(finals) == [
        (row["strategy"], row["seed"], row["status"]) for row in UNDISTURBED["finals"]
    ]
    assert len(store.design_files()) == 2


@pytest.mark.parametrize("name", ["finished", "stopped"])
def test_a_search_starts_from_it(runs, name):
    """From the designs of one, and from the best trials of the other."""
    experiment = Experiment("digits", ("lines", "cnn_control"), train_limit=100)
    spaces = search_spaces(experiment, load_dataset(experiment))
    initial, notes = read_initial([runs / name], experiment, spaces)
    assert notes == []
    assert sorted(each.strategy for each in initial) == ["cnn_control", "lines"]
    tried = [json.loads(row["hyperparameters"]) for row in Store(runs / name).rows("trials")]
    assert all(each.values in tried and not each.translated for each in initial)
