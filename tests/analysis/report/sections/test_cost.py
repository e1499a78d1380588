"""Accuracy against what it costs."""

import pytest

from analysis import load_run
from analysis.report.findings import find
from analysis.report.sections import cost
from analysis.report.write import write_report
from analysis.statistics import budgets
from search.metric import ACCURACY
from tests.support.reports import csv_of
from tests.support.synthetic_runs import make_run


def test_the_page_draws_the_front_of_every_cost(tmp_path):
    path = make_run(tmp_path / "run", accuracies={"lines": 0.6, "cnn_lines": 0.97})
    page = write_report(path).path.read_text("utf-8")
    found = find(load_run(path))
    front = csv_of(path, "pareto")
    expected = budgets.pareto(budgets.costs(found.run, found.summary), ACCURACY)
    assert front.to_dict("list") == pytest.approx(expected.to_dict("list"))
    assert set(front.cost) == set(budgets.COSTS)
    for name, _ in cost.COSTS.values():
        assert f">{name}<" in page
    cheap = front[(front.cost == "parameters") & front.front].strategy
    assert list(cheap) == ["lines", "cnn_lines"]
