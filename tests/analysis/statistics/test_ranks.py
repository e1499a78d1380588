"""Several data sets: ranks, Friedman and Nemenyi against SciPy and published tables."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis import load_run
from analysis.statistics.ranks import (
    accuracies,
    accuracy_table,
    cliques,
    compare_ranks,
    critical_difference,
    ranks,
    win_matrix,
)
from search.metric import ACCURACY
from tests.support.synthetic_runs import make_run


def table(data, strategies, seed=0, gap=0.0):
    values = np.random.default_rng(seed).normal(0.8, 0.02, (data, strategies))
    values += gap * np.arange(strategies)[::-1]
    return pd.DataFrame(
        values, [f"data_{i}" for i in range(data)], [f"s{i}" for i in range(strategies)]
    )


def test_ranks_are_scipys():
    accuracies = table(6, 4).round(2)  # so coarse that some are equal
    placed = ranks(accuracies, ACCURACY)
    for name in accuracies.index:
        expected = stats.rankdata(-accuracies.loc[name])
        assert list(placed[name][accuracies.columns]) == list(expected)
    assert placed["mean rank"].is_monotonic_increasing
    assert placed["mean rank"].mean() == pytest.approx(2.5)


@pytest.mark.parametrize("gap", [0.0, 0.02])
def test_friedman_is_scipys(gap):
    accuracies = table(8, 5, gap=gap)
    found = compare_ranks(accuracies, ACCURACY)
    expected = stats.friedmanchisquare(*(accuracies[name] for name in accuracies))
    assert (found.statistic, found.p) == pytest.approx((expected.statistic, expected.pvalue))
    assert found.finding == ("differ" if expected.pvalue < 0.05 else "alike")
    assert found.first == ("s0" if gap else None)


# q over √2 of Demšar 2006, table 5 (a), at 0.05.
@pytest.mark.parametrize(
    ("strategies", "q"), [(2, 1.960), (3, 2.343), (5, 2.728), (7, 2.949), (10, 3.164)]
)
def test_the_critical_difference_is_the_published_one(strategies, q):
    expected = q * np.sqrt(strategies * (strategies + 1) / (6 * 14))
    assert critical_difference(strategies, 14) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(("data", "strategies"), [(1, 5), (4, 5), (9, 2), (1, 1)])
def test_too_few_are_said_to_be(data, strategies):
    found = compare_ranks(table(data, strategies), ACCURACY)
    assert np.isnan([found.statistic, found.p, found.critical_difference]).all()
    assert found.finding == "too_few"
    assert (found.datasets, found.strategies) == (data, strategies)


def test_equal_strategies_do_not_differ():
    accuracies = table(6, 4) * 0 + 0.5
    assert compare_ranks(accuracies, ACCURACY).p == 1
    assert compare_ranks(accuracies, ACCURACY).finding == "equal"
    assert (ranks(accuracies, ACCURACY)["mean rank"] == 2.5).all()


def test_what_lacks_a_data_set_is_left_out_and_named():
    accuracies = table(6, 4)
    accuracies.iloc[2, 1] = np.nan
    found = compare_ranks(accuracies, ACCURACY)
    assert found.left_out == ("s1",)
    assert sorted(ranks(accuracies, ACCURACY).index) == ["s0", "s2", "s3"]


def test_bars_join_neighbours_within_the_critical_difference():
    mean = pd.Series([1.0, 1.5, 2.4, 4.0, 4.1], index=list("abcde"))
    assert cliques(mean, 1.0) == [("a", "b"), ("b", "c"), ("d", "e")]
    assert cliques(mean, 1.5) == [("a", "b", "c"), ("d", "e")]
    assert cliques(mean, 9) == [tuple("abcde")]
    assert cliques(mean, 0.01) == []


def test_runs_are_compared_by_data_set(tmp_path):
    levels = {"lines": 0.95, "cnn_lines": 0.7}
    names = ["lines", "cnn_lines"]
    runs = [
        load_run(make_run(tmp_path / str(i), names, levels, images=1000, dataset=data))
        for i, data in enumerate(["digits", "digits", "mnist"])
    ]
    scores = accuracies(dict(zip("abc", runs, strict=True)))
    assert list(scores.run) == list("aabbcc")
    by_run = accuracy_table(scores, "run")
    assert by_run.lines["b"] == runs[1].finals.test_score[:3].mean()
    found = accuracy_table(scores)
    assert list(found.index) == ["digits", "mnist"]
    # A data set counts once, however many runs it had.
    assert found.lines["digits"] == pytest.approx(by_run.lines[["a", "b"]].mean())
    assert (found.lines > found.cnn_lines).all()
    wins = win_matrix(runs).set_index(["strategy", "other"])
    assert list(wins.loc[("lines", "cnn_lines")]) == [3, 0, 0, 0, 3]
    assert list(wins.loc[("cnn_lines", "lines")]) == [0, 0, 3, 0, 0]
    assert compare_ranks(found, ACCURACY).finding == "too_few"


def test_what_nobody_knows_is_no_tie(tmp_path):
    levels = {"lines": 0.95, "cnn_lines": 0.7}
    run = load_run(make_run(tmp_path / "run", list(levels), levels, seeds=1))
    (there, back) = win_matrix([run]).to_dict("records")
    assert (there["wins"], there["ties"], there["losses"], there["unknown"]) == (0, 0, 0, 1)
    assert (back["ties"], back["unknown"], there["ahead"]) == (0, 1, 1)


def test_nothing_to_compare_is_an_empty_frame(tmp_path):
    assert accuracies({}).empty and win_matrix([]).empty
    untested = load_run(make_run(tmp_path / "run", seeds=0))
    assert accuracies({"run": untested}).empty
    assert win_matrix([untested]).empty
    assert (
        compare_ranks(accuracy_table(accuracies({"run": untested})), ACCURACY).finding == "too_few"
    )
