"""Several runs in one report."""

import numpy as np
import pandas as pd
import pytest

from analysis import load_run
from analysis.__main__ import main
from analysis.report.comparison import accuracies, labels, looks, write_comparison
from analysis.report.findings import find
from search.store import ExperimentError
from tests.support.synthetic_runs import STRATEGIES, make_run


@pytest.fixture
def runs(tmp_path):
    return [
        make_run(tmp_path / "one", dataset="digits", accuracies={"lines": 0.99}),
        make_run(tmp_path / "two", dataset="mnist", strategies=["cnn_lines", "new"], seeds=2),
        make_run(tmp_path / "three", dataset="digits", seeds=0, final_seeds=3),
    ]


def test_runs_are_compared_in_one_report(runs, capsys):
    assert main([str(path) for path in runs]) == 0
    assert "3 runs on 2 data sets compared" in capsys.readouterr().out
    folder = runs[0] / "report"
    page = (folder / "comparison.html").read_text("utf-8")
    note = (folder / "comparison.md").read_text("utf-8")
    for text in (page, note):
        assert "digits (one)" in text
        assert "digits (three)" in text
        assert "Not alike: final seeds" in text
    assert not (folder / "report.html").exists()  # the runs' own reports stay as they are
    assert not (runs[1] / "report").exists()
    table = pd.read_csv(folder / "tables" / "comparison-accuracy.csv", index_col=0)
    summary = find(load_run(runs[0])).summary["mean"]
    assert table["digits (one)"].to_dict() == pytest.approx(
        {**summary.to_dict(), "new": np.nan}, nan_ok=True
    )
    assert table["digits (three)"].isna().all()


def test_the_comparison_goes_where_it_is_told(runs, tmp_path, capsys):
    out = tmp_path / "elsewhere" / "all.html"
    assert main([*map(str, runs[:2]), "--out", str(out)]) == 0
    assert {file.name for file in out.parent.iterdir()} == {
        "all.html", "all.md", "all-accuracy.png", "tables"
    }  # fmt: skip
    for wrong in ([str(runs[0]), "--out", str(out)], [*map(str, runs), "--out", "page"]):
        with pytest.raises(SystemExit) as refused:
            main(wrong)
        assert refused.value.code == 2
    assert main([str(runs[0]), str(tmp_path / "none")]) == 2
    assert len(capsys.readouterr().err.splitlines()) > 1


def test_runs_of_one_name_are_told_apart(tmp_path):
    paths = [make_run(tmp_path / place / "run", strategies=["lines"]) for place in "ab"]
    found = [find(load_run(path)) for path in paths]
    assert labels(found) == ["digits (run) 1", "digits (run) 2"]
    assert list(accuracies(found).columns) == labels(found)
    write_comparison([paths[0], paths[0]])  # a run with itself, too


def test_runs_without_a_test_are_compared_too(tmp_path):
    paths = [
        make_run(tmp_path / "failed", broken=STRATEGIES),
        make_run(tmp_path / "begun", seeds=0, configurations=0, final_seeds=3),
    ]
    report = write_comparison(paths)
    assert "No run has tested a model yet." in report.verdict.sentences


def test_no_two_strategies_of_any_run_look_alike(runs):
    found = [find(load_run(path)) for path in runs]
    look = looks(found)
    assert set(look) == {*STRATEGIES, "new"}
    assert len(set(look.values())) == len(look)
    # As in the report of a run alone.
    assert {name: look[name] for name in STRATEGIES} == found[0].look


def test_runs_that_are_judged_by_different_metrics_are_not_compared(tmp_path):
    paths = [make_run(tmp_path / name) for name in ("one", "two")]
    asked = paths[1] / "experiment.json"
    text = asked.read_text().replace('"metric": "accuracy"', '"metric": "f1_macro"')
    asked.write_text(text)
    with pytest.raises(ExperimentError, match="judged by accuracy and f1_macro"):
        write_comparison(paths)
