"""What failed, and why."""

from analysis import load_run
from analysis.report.findings import find
from analysis.report.sections import failures
from search.store import Store
from tests.support.synthetic_runs import make_run


def test_reasons_are_counted_the_most_frequent_first(tmp_path):
    path = make_run(tmp_path / "run", ["lines", "cnn_lines"], broken=["lines"])
    with Store(path).connect() as database:
        database.execute(
            "UPDATE trials SET message = 'not a number' WHERE status = 'failed' "
            "AND strategy = 'lines' AND slot = 0"
        )
    (table,) = failures.section(find(load_run(path))).parts
    assert table.rows == [
        ["out of memory", "4 trials", "lines and cnn_lines"],
        ["not a number", "1 trial", "lines"],
    ]


def test_rare_reasons_are_summed_up(tmp_path):
    path = make_run(tmp_path / "run", ["lines"], broken=["lines"], configurations=23)
    with Store(path).connect() as database:
        database.execute("UPDATE trials SET message = 'reason ' || slot")
    (table,) = failures.section(find(load_run(path))).parts
    assert len(table.rows) == failures.MOST_REASONS + 1
    assert table.rows[-1] == ["3 other reasons", "3 in all", ""]


def test_nothing_failed(tmp_path):
    path = make_run(tmp_path / "run", ["lines"], configurations=1)
    assert failures.section(find(load_run(path))).prose == ["Nothing failed."]
