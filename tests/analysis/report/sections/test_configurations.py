"""The best hyperparameters of each strategy."""

from analysis import load_run
from analysis.formatting import NOTHING
from analysis.report.findings import find
from analysis.report.sections import configurations
from tests.support.synthetic_runs import STRATEGIES, make_run


def test_a_row_a_hyperparameter_a_column_a_strategy(tmp_path):
    (table,) = configurations.section(find(load_run(make_run(tmp_path / "run")))).parts
    assert table.columns == ["hyperparameter", *STRATEGIES]
    rows = {row[0]: row[1:] for row in table.rows}
    assert rows["axis"] == ["rows"] * 4
    assert rows["units"] == ["32"] * 4
    assert rows["learning_rate"] == ["0.00123"] * 4
    assert rows["own_1"] == [NOTHING, "yes", NOTHING, NOTHING]  # of one strategy alone


def test_nothing_ended_well(tmp_path):
    found = find(load_run(make_run(tmp_path / "run", broken=STRATEGIES)))
    assert configurations.section(found).prose == ["No trial has ended well."]
