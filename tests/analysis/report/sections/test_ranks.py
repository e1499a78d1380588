"""What several data sets say together, on the page and in words."""

import numpy as np
import pandas as pd
import pytest

from analysis import load_run
from analysis.report.comparison import write_comparison
from analysis.report.render import markdown
from analysis.report.sections.ranks import sentence
from analysis.statistics import ranks as rankings
from search.metric import ACCURACY
from tests.support.reports import csv_of
from tests.support.synthetic_runs import make_run


def test_what_many_data_sets_say_together(tmp_path):
    levels = {"lines": 0.95, "cnn_lines": 0.9, "cnn_flat": 0.6, "cnn_control": 0.5}
    paths = [
        make_run(tmp_path / name, list(levels), levels, images=500, dataset=name)
        for name in ("a", "b", "c", "d", "e", "f")
    ]
    report = write_comparison(paths)
    note = report.path.with_suffix(".md").read_text("utf-8")
    runs = [load_run(path) for path in paths]
    table = rankings.accuracy_table(rankings.accuracies(dict(zip("abcdef", runs, strict=True))))
    said = sentence(rankings.compare_ranks(table, ACCURACY), runs)
    assert "Friedman's test: p < 0.001" in said
    assert said in report.verdict.sentences
    assert note.count(str(markdown(said))) == 2  # on the first screen, and beside the ranks
    assert "![Mean rank over data sets" in note
    ranks = csv_of(paths[0], "comparison-ranks").set_index("strategy")
    assert ranks["mean rank"].to_dict() == rankings.ranks(table, ACCURACY)["mean rank"].to_dict()
    wins = csv_of(paths[0], "comparison-win-matrix").set_index(["strategy", "other"])
    assert tuple(wins.loc[("lines", "cnn_flat")][["wins", "ties", "losses"]]) == (6, 0, 0)
    assert "| cnn_flat | 0 / 0 / 6 |" in note


def test_a_few_data_sets_are_said_to_be_too_few_and_get_no_diagram(tmp_path):
    paths = [make_run(tmp_path / name, dataset=name) for name in ("a", "b")]
    note = write_comparison(paths).path.with_suffix(".md").read_text("utf-8")
    assert "2 data sets and 4 strategies are too few to test ranks" in note
    assert "critical-difference" not in note
    assert len(csv_of(paths[0], "comparison-ranks")) == 4
    assert len(csv_of(paths[0], "comparison-win-matrix")) == 12


@pytest.fixture
def runs(tmp_path):
    return [load_run(make_run(tmp_path / "run", ["s0", "s1", "s2"], controls=["s1"], seeds=0))]


def levels(data, strategies=3, gap=0.0, seed=0):
    values = np.random.default_rng(seed).normal(0.8, 0.02, (data, strategies))
    values += gap * np.arange(strategies)[::-1]
    return pd.DataFrame(
        values, [f"data_{i}" for i in range(data)], [f"s{i}" for i in range(strategies)]
    )


@pytest.mark.parametrize("gap", [0.0, 0.05])
def test_whether_ranks_differ_is_said_with_its_p(runs, gap):
    found = rankings.compare_ranks(levels(8, gap=gap), ACCURACY)
    said = sentence(found, runs)
    assert ("rank differently" in said) is bool(found.p < 0.05)
    if gap:
        assert "s0 ranks highest, on average 1.0" in said
        assert f"the critical difference of {found.critical_difference:.2f}" in said


@pytest.mark.parametrize(("data", "strategies"), [(1, 5), (4, 5), (9, 2), (1, 1)])
def test_too_few_are_said_to_be(runs, data, strategies):
    said = sentence(rankings.compare_ranks(levels(data, strategies), ACCURACY), runs)
    assert "too few" in said
    assert "1 strategies" not in said and "1 data sets" not in said


def test_who_lacks_a_data_set_is_named_with_its_mark(runs):
    table = levels(6)
    table.iloc[2, 1] = np.nan
    said = sentence(rankings.compare_ranks(table, ACCURACY), runs)
    assert said.endswith("left out: s1 (control).")


def test_equal_strategies_are_said_to_be_equal(runs):
    said = sentence(rankings.compare_ranks(levels(6) * 0 + 0.5, ACCURACY), runs)
    assert said == "All strategies are equally accurate on every data set."
