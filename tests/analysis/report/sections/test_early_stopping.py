"""Whether stopping early was fair, on the page and in words."""

import pytest

from analysis import load_run
from analysis.report.sections.early_stopping import sentences
from analysis.report.write import write_report
from analysis.statistics.early_stopping import Fairness
from search.store import Store
from tests.support.reports import csv_of
from tests.support.synthetic_runs import make_run


def test_early_stopping_is_shown_by_rung(tmp_path):
    path = make_run(tmp_path / "run", ["lines"], configurations=8)
    with Store(path).connect() as database:
        # The first slot, which goes on to the end, was the third best at first.
        for slot, score in enumerate([0.5, 0.9, 0.6, 0.4, 0.3, 0.2, 0.1]):
            database.execute(
                "UPDATE trials SET score = ? WHERE rung = 0 AND slot = ?", (score, slot)
            )
        database.execute("UPDATE trials SET score = 0.95 WHERE rung > 0")
    write_report(path)
    note = (path / "report" / "report.md").read_text("utf-8")
    assert "| lines | 1 | lost | 3 of 7 | 5.0 |" in note
    assert len(csv_of(path, "shorter-searches")) == 3


@pytest.fixture
def run(tmp_path):
    return load_run(make_run(tmp_path / "run", ["lines", "cnn_control"], seeds=0))


def test_every_finalist_was_the_best_already(run):
    kept, order = Fairness({"lines": 1.0}, {}, 1), "Kendall's \N{GREEK SMALL LETTER TAU}"
    first, second = sentences(kept, run)
    assert first == f"{order} between one rung and the next is 1.00 for lines."
    assert "already" in second


def test_who_was_lost_is_named_with_what_was_lost_by_it(run):
    first, second = sentences(Fairness({"lines": 0.5, "cnn_control": 0.2}, {"lines": 0.05}, 1), run)
    assert "lowest for cnn_control (control) (0.20)" in first
    assert "another configuration for lines (5.0 percentage points)" in second
    assert "validation accuracy lost by it" in second


def test_too_few_to_say(run):
    (said,) = sentences(Fairness({}, {}, 0), run)
    assert said.startswith("Too few")
