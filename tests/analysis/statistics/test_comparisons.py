"""Comparisons of strategies, against planted truth."""

import numpy as np
import pandas as pd
import pytest

from analysis import load_run
from analysis.statistics.comparisons import (
    against_best,
    by_strategy,
    compare,
    cut_short,
    pairwise,
)
from analysis.statistics.samples import correctness, gain, samples
from search.metric import ACCURACY
from search.store import Store
from tests.support.synthetic_runs import blob, finals, make_run, outcomes


@pytest.mark.parametrize(("others", "seeds"), [((), 3), ((), 5), ((0.9, 0.7), 3), ((0.95,), 3)])
def test_a_strategy_and_its_copy_are_seldom_declared_different(others, seeds):
    """A/A: 200 experiments, each with images, seeds and chance of its own, drawn from one model.

    An image has a difficulty that all strategies share, a seed an effect of its own, and whether a
    seed gets an image right is chance with these odds. The copy has the strategy's skill and draws
    its own seeds, as a copy under another name would in a search.
    """
    generator = np.random.default_rng(11)
    levels = [0.9, 0.9, *others]
    names = ["original", "copy", *(f"other_{i}" for i in range(len(others)))]
    different = 0
    for _ in range(200):
        labels, found = outcomes(levels, seeds, 200, generator)
        pairs = pairwise(finals(names, labels, found), labels, names, ACCURACY)
        mine = pairs.strategy.isin(names[:2]) & pairs.other.isin(names[:2])
        different += bool(pairs.significant[mine].item())
    assert different <= 0.05 * 200


def test_of_four_copies_any_two_are_seldom_declared_different():
    generator = np.random.default_rng(12)
    names = [f"copy_{i}" for i in range(4)]
    drawn = (outcomes([0.9] * 4, 3, 200, generator) for _ in range(200))
    different = [
        pairwise(finals(names, *d), d[0], names, ACCURACY).significant.any() for d in drawn
    ]
    assert sum(different) <= 0.05 * 200


def test_pairs_are_compared_in_order_and_corrected_together():
    labels, found = outcomes([0.7, 0.95, 0.8, 0.7], 3, 2000, np.random.default_rng(3), 0.02)
    names = ["a", "b", "c", "d"]
    pairs = pairwise(finals(names, labels, found), labels, names, ACCURACY)
    assert len(pairs) == 6
    assert (pairs.difference >= 0).all()
    assert list(pairs.strategy[:3]) == ["b"] * 3
    looked = pairwise(finals(names, labels, found), labels, names, ACCURACY, level=0.025)
    assert looked.p.to_numpy() == pytest.approx(np.minimum(2 * pairs.p, 1))


def evidence(names, labels, found):
    """Returns the evidence on each strategy, the best first."""
    rows = finals(names, labels, found)
    order = by_strategy(rows, labels, names, ACCURACY, 100).index
    mine = samples(rows, labels, names, ACCURACY)
    return {name: mine[name] for name in order}


def test_the_best_is_compared_with_each_other():
    names, generator = ["a", "b", "c", "d"], np.random.default_rng(3)
    judged = evidence(names, *outcomes([0.7, 0.95, 0.8, 0.9], 3, 2000, generator, 0.02))
    best = against_best(judged, ACCURACY, 0.05)
    assert list(best.index) == ["d", "c", "a"] and set(best.best) == {"b"}
    assert best.difference.is_monotonic_decreasing and (best.difference <= 0).all()
    assert against_best(dict(list(judged.items())[:1]), ACCURACY, 0.05).empty
    assert against_best({}, ACCURACY, 0.05).empty


@pytest.mark.parametrize("spread", [0.02, 0.4])
@pytest.mark.parametrize("level", [0.05, 0.0221])
def test_p_and_the_interval_say_the_same(spread, level):
    """An interval of the gap holds 0 exactly where the verdict leaves the two together."""
    generator = np.random.default_rng(4)
    for _ in range(20):
        accuracies = generator.uniform(0.8, 0.9, 4)
        drawn = outcomes(accuracies, 3, 500, generator, spread)
        best = against_best(evidence(list("abcd"), *drawn), ACCURACY, level)
        assert ((best.high < 0) == best.significant).all()
        assert ((best.p < 0.05) == best.significant).all()
        assert (best.more_replicates[best.significant] == 0).all()
        assert (best.more_replicates[~best.significant] >= 1).all()


def test_a_winner_pays_for_no_correction_and_the_others_for_one():
    """To win is to beat every other (Gutmann and Maymin 1987), so the largest p alone counts."""
    generator = np.random.default_rng(5)
    images = np.arange(1000) / 1000
    near = np.array([images < accuracy for accuracy in (0.90, 0.91, 0.92)])
    judged = {"a": near, **dict.fromkeys("bcd", near - 0.025)}
    p = [gain(judged["a"], judged[name], ACCURACY).p for name in "bcd"]
    assert 0.05 / 3 < max(p) < 0.05
    assert against_best(judged, ACCURACY, 0.05).p.to_numpy() == pytest.approx(p)
    far = {**judged, "d": near - 0.001 * generator.random()}
    best = against_best(far, ACCURACY, 0.05)
    assert best.p["b"] == pytest.approx(3 * p[0]) and not best.significant.any()


def test_of_four_copies_a_winner_is_seldom_named():
    generator = np.random.default_rng(6)
    drawn = (outcomes([0.9] * 4, 3, 200, generator) for _ in range(200))
    won = [
        against_best(evidence(list("abcd"), *d), ACCURACY, 0.05).significant.all() for d in drawn
    ]
    assert sum(won) <= 0.05 * 200


def test_two_seeds_are_no_ground_to_compare(tmp_path):
    """Fewer than three replicates give no winner and no tie."""
    rows = load_run(make_run(tmp_path / "run", seeds=2, accuracies={"lines": 0.5}))
    assert compare(rows).judged == () and compare(rows).against_best.empty
    rows = load_run(make_run(tmp_path / "more", seeds=3, accuracies={"lines": 0.5}))
    assert set(compare(rows).judged) == set(rows.experiment.strategies)


def test_what_the_budget_cut_short_is_not_compared(tmp_path):
    path = make_run(tmp_path / "run", seeds=3)
    with Store.resume(path) as store:
        rows = [
            {"dataset": "digits", "strategy": name, "iteration": 0, "whole": name != "lines"}
            for name in store.experiment.strategies
        ]
        store.record_report_rows("searches", rows)
    run = load_run(path)
    assert cut_short(run) == ("lines",)
    assert set(compare(run).judged) == set(run.experiment.strategies) - {"lines"}


def test_what_is_correct_is_by_strategy_seed_and_image():
    labels, found = outcomes([0.9, 0.5], 3, 200, np.random.default_rng(6))
    rows = finals(["a", "b"], labels, found)
    correct = correctness(rows, labels, ["b", "a", "untested"], ACCURACY)
    assert list(correct) == ["b", "a"]
    assert (correct["a"] == (found[0] == labels)).all()
    rows.at[0, "predictions"] = None
    assert list(correctness(rows, labels, ["a", "b"], ACCURACY)) == ["b"]
    assert correctness(rows, None, ["a", "b"], ACCURACY) == {}


@pytest.mark.parametrize("classes", [2, 100])
def test_the_number_of_classes_does_not_matter(classes):
    generator = np.random.default_rng(7)
    labels = generator.integers(0, classes, 400)
    wrong = generator.random((1, 3, 400)) < 0.2
    rows = finals(["a"], labels, np.where(wrong, (labels + 1) % classes, labels))
    summary = by_strategy(rows, labels, ["a"], ACCURACY)
    assert summary.low["a"] < summary["mean"]["a"] < summary.high["a"]
    assert pairwise(rows, labels, ["a"], ACCURACY).empty


def test_the_summary_is_what_the_seeds_say(tmp_path):
    run = load_run(make_run(tmp_path / "run"))
    labels = run.datasets.test_labels[0]
    summary = by_strategy(run.finals, labels, run.experiment.strategies, ACCURACY)
    grouped = run.finals.groupby("strategy").test_score
    for name, column in (("mean", grouped.mean()), ("std", grouped.std()), ("max", grouped.max())):
        pd.testing.assert_series_equal(
            summary[name].sort_index(), column.sort_index(), check_names=False
        )
    assert summary["mean"].is_monotonic_decreasing
    assert ((summary.low <= summary["mean"]) & (summary["mean"] <= summary.high)).all()


def test_labels_survive_the_way_through_the_store(tmp_path):
    names = [str(number) for number in range(300 * 200)]
    path = make_run(tmp_path / "run", strategies=["lines"], configurations=1, class_names=names)
    labels = np.arange(300) * 200  # beyond one byte, and beyond a signed one of two
    with Store.resume(path) as store:
        store.record_test_labels("digits", blob(labels))
    assert (load_run(path).datasets.test_labels[0] == labels).all()
