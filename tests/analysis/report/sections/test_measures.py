"""The finals by every metric."""

from __future__ import annotations

import dataclasses

from analysis import load_run
from analysis.report.findings import find
from analysis.report.sections import measures
from search.store import METRICS
from tests.support.synthetic_runs import make_run, many_classes

BINS = {"images": [0, 100], "confidence": [0.0, 90.0], "correct": [0, 80]}


def measured(path):
    """Findings of a run whose finals were measured."""
    run = load_run(path)
    known = {**dict.fromkeys(METRICS, 0.5), "reliability": BINS}
    finals = run.finals.assign(measures=[known] * len(run.finals))
    return find(dataclasses.replace(run, finals=finals))


def test_a_row_a_strategy_and_a_column_a_metric(tmp_path):
    found = measured(make_run(tmp_path / "run"))
    section = measures.section(found)
    table, picture, classes = section.parts
    assert list(table.columns) == [
        *("what", *(metric.label for metric in METRICS.values()), "calibration error")
    ]
    assert [row[0] for row in table.rows] == [found.label(name) for name in found.order]
    assert table.rows[0][1:] == ["50.0 %"] * 4 + ["0.500", "10.0 %"]
    (ax,) = picture.drawn.axes
    shown = [text.get_text() for text in ax.get_legend().get_texts()]
    assert shown == [found.label(str(name)) for name in found.tested.index]
    assert len(classes.rows) == len(found.class_names)


def test_of_many_classes_the_first_are_shown(tmp_path):
    path = many_classes(tmp_path / "run")
    found = measured(path)
    assert len(measures.section(found).parts[-1].rows) == 100


def test_before_the_test_and_in_an_older_run_there_is_nothing(tmp_path):
    older = find(load_run(make_run(tmp_path / "older")))
    before = find(load_run(make_run(tmp_path / "before", seeds=0, final_seeds=3)))
    assert measures.section(older) is None and measures.section(before) is None
