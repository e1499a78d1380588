"""What was reached when all had spent the same."""

from analysis import load_run
from analysis.report.findings import find
from analysis.report.sections import equal_budgets
from tests.support.synthetic_runs import make_run


def test_a_column_a_budget_the_best_first(tmp_path):
    found = find(load_run(make_run(tmp_path / "run", accuracies={"cnn_flat": 0.97, "lines": 0.6})))
    (table,) = equal_budgets.section(found).parts
    assert table.columns == ["strategy", "equal epochs", "equal time", "equal multiply-adds"]
    assert [row[0] for row in table.rows][0::3] == ["cnn_flat", "lines"]
    assert set(table.frame.fraction) == {0.25, 0.5, 1.0}


def test_nothing_has_ended(tmp_path):
    path = make_run(tmp_path / "run", seeds=0, final_seeds=3, configurations=0)
    assert equal_budgets.section(find(load_run(path))) is None
