"""Does recurrence earn its place? The table and the answer, with one control and with two."""

import math

import pytest

from analysis import load_run
from analysis.report.findings import find
from analysis.report.sections.recurrence import section, sentence
from analysis.statistics.control import Recurrence
from tests.support.synthetic_runs import make_run


@pytest.mark.parametrize(("level", "words"), [(0.6, "helps here"), (0.99, "does not help")])
def test_every_recurrent_strategy_has_a_row_against_the_control(tmp_path, level, words):
    levels = {"lines": 0.9, "cnn_control": level, "line_cnn": 0.8}
    found = find(load_run(make_run(tmp_path / "run", list(levels), levels, images=2000)))
    made = section(found)
    (said,), (table,) = made.prose, made.parts
    assert words in said and "lines" in said and "cnn_control (control, no recurrence)" in said
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
    assert {row[1] for row in table.rows} == {"mlp (control, no recurrence)"}
    assert all(row[4] == "no" for row in table.rows)
    assert "hardest" in table.note
    assert "Recurrence does not help here" in said and "than mlp (control, no recurrence)" in said
    assert "by Holm's correction for 4)" in said


def test_without_a_control_there_is_no_section(tmp_path):
    run = load_run(make_run(tmp_path / "run", ["lines", "cnn_control"], controls=[]))
    assert section(find(run)) is None
    assert "is not known" in sentence(Recurrence("unknown"), run)


def test_few_seeds_are_said_to_be_few(tmp_path):
    run = load_run(make_run(tmp_path / "run", ["lines", "cnn_control"], seeds=1))
    answer = Recurrence("unclear", "lines", "cnn_control", -0.02)
    assert math.isnan(answer.p)
    said = sentence(answer, run)
    assert "on so few seeds nobody knows" in said and "2.0 percentage points less accurate" in said
    assert "nan" not in said
