"""Does recurrence earn its place? The table and the answer, with one control and with two."""

import math

import pytest

from analysis import load_run
from analysis.formatting import NOTHING
from analysis.report.findings import find
from analysis.report.sections.recurrence import section, sentence
from analysis.statistics.control import Recurrence
from tests.support.synthetic_runs import make_run, with_finals


@pytest.mark.parametrize(("level", "words"), [(0.6, "helps here"), (0.99, "does not help")])
def test_every_recurrent_strategy_has_a_row_against_the_control(tmp_path, level, words):
    levels = {"lines": 0.9, "cnn_control": level, "line_cnn": 0.8}
    found = find(load_run(make_run(tmp_path / "run", list(levels), levels, images=2000)))
    made = section(found)
    (said,), (table,) = made.prose, made.parts
    assert words in said and "lines" in said and "cnn_control (control)" in said
    assert "the parameters" in said and "nan" not in said
    assert "by Holm's correction for 2)" in said
    assert table.columns[:3] == ["strategy", "difference, points", "95 % interval"]
    assert [row[0] for row in table.rows] == ["lines", "line_cnn"]
    assert all(len(row) == len(table.columns) for row in table.rows)


def test_a_second_control_is_compared_with_and_not_judged(tmp_path):
    levels = {"lines": 0.9, "cnn_control": 0.5, "mlp": 0.97, "line_cnn": 0.8}
    path = make_run(
        tmp_path / "run", list(levels), levels, images=2000, controls=["cnn_control", "mlp"]
    )
    made = section(find(load_run(path)))
    (said,), (table,) = made.prose, made.parts
    assert [row[0] for row in table.rows] == ["lines", "line_cnn"]
    assert table.columns[1] == "control"
    assert {row[1] for row in table.rows} == {"mlp (control)"}
    assert all(row[4] == "no" for row in table.rows)
    assert "hardest" in table.note
    assert "Recurrence does not help here" in said and "than mlp (control)" in said
    assert "by Holm's correction for 4)" in said


def test_without_a_control_there_is_no_section(tmp_path):
    run = load_run(make_run(tmp_path / "run", ["lines", "cnn_control"], controls=[]))
    assert section(find(run)) is None
    assert "is not known" in sentence(Recurrence("unknown"), run)


def test_few_seeds_are_said_to_be_few(tmp_path):
    run = load_run(make_run(tmp_path / "run", ["lines", "cnn_control"], seeds=1))
    answer = Recurrence("unknown", "lines", "cnn_control", -0.02)
    assert math.isnan(answer.p)
    said = sentence(answer, run)
    assert "nobody knows how sure" in said and "2.0 percentage points less accurate" in said
    assert "nan" not in said and "chance" not in said


@pytest.mark.parametrize("blind", [False, True])
def test_a_lead_whose_spread_is_unknown_is_not_explained_by_chance(tmp_path, blind):
    """On one seed, and where predictions are missing: 40 points may be anything."""
    levels = {"lines": 0.9, "cnn_control": 0.5}
    run = load_run(make_run(tmp_path / "run", list(levels), levels, seeds=3 if blind else 1))
    if blind:
        run = with_finals(run, run.finals, None, 3)
    made = section(find(run))
    (said,), (table,) = made.prose, made.parts
    assert "is not known" in said and "chance" not in said and "nobody knows" in said
    assert [row[3] for row in table.rows] == ["unknown"]
    assert [row[2] for row in table.rows] == [NOTHING]
