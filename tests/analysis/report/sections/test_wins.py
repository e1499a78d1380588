"""The table by strategy."""

from analysis import load_run
from analysis.formatting import MINUS, NOTHING
from analysis.report.findings import find
from analysis.report.sections import wins
from tests.support.synthetic_runs import make_run


def test_each_strategy_has_its_result_and_its_score(tmp_path):
    found = find(load_run(make_run(tmp_path / "run", accuracies={"lines": 0.9, "line_cnn": 0.6})))
    (table,) = wins.section(found).parts
    assert [row[0] for row in table.rows] == list(found.summary.index)
    rows = {row[0]: dict(zip(table.columns, row, strict=True)) for row in table.rows}
    best, last = rows["lines"], rows["line_cnn"]
    assert best["difference, points"] == "best" and best["p"] == NOTHING
    assert last["difference, points"].startswith(MINUS)
    assert float(last["p"]) < 0.05 <= float(rows["cnn_flat"]["p"])
    assert (best["may be the best"], last["may be the best"]) == ("yes", "no")
    assert {row["trainings"] for row in rows.values()} == {"3"}
    assert list(table.frame.strategy) == list(found.summary.index)
    assert {"against_best_p", "validation_score"} <= set(table.frame.columns)


def test_one_seed_gives_no_spread_and_no_group(tmp_path):
    found = find(load_run(make_run(tmp_path / "run", seeds=1)))
    (table,) = wins.section(found).parts
    for row in table.rows:
        cells = dict(zip(table.columns, row, strict=True))
        assert "±" not in cells["test accuracy, mean ± SD"]
        assert cells["may be the best"] == NOTHING


def test_before_the_finals_it_says_so(tmp_path):
    found = find(load_run(make_run(tmp_path / "run", seeds=0, final_seeds=3)))
    assert wins.section(found).prose == ["No model has been tested yet."]
