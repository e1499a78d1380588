"""Comparisons of strategies, against planted truth."""

import itertools

import numpy as np
import pandas as pd
import pytest

from analysis import load_run
from analysis.statistics.comparisons import against_best, by_strategy, groups, pairwise
from analysis.statistics.samples import correctness
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
    best = against_best(pairwise(finals(names, labels, found), labels, names, ACCURACY))
    assert list(best.index) == list(pairs.other[:3])
    assert best.p.to_numpy() == pytest.approx(pairs.p[:3].to_numpy())
    assert (best.difference.to_numpy() == -pairs.difference[:3].to_numpy()).all()
    assert best.significant.all()
    assert (pairs.more_seeds[pairs.significant] == 0).all()
    assert (pairs.more_seeds[~pairs.significant] >= 1).all()


def test_a_letter_is_shared_exactly_by_those_that_cannot_be_told_significant():
    generator = np.random.default_rng(4)
    for size in (1, 2, 4, 7, 12):
        names = [f"s{i}" for i in range(size)]
        rows = [(a, b, generator.random() < 0.5) for a, b in itertools.combinations(names, 2)]
        pairs = pd.DataFrame(rows, columns=["strategy", "other", "significant"]).astype(
            {"significant": bool}
        )
        letters = groups(pairs).groups
        assert list(letters.index) == (names if size > 1 else [])
        for a, b, significant in rows:
            assert bool(set(letters[a]) & set(letters[b])) is not significant


def test_the_probability_of_best_follows_the_gap():
    names = ["a", "b", "c"]
    labels, found = outcomes([0.95, 0.9, 0.6], 3, 2000, np.random.default_rng(5), 0.05)
    rows = finals(names, labels, found)
    summary = by_strategy(rows, labels, names, ACCURACY)
    assert summary.p_best.sum() == pytest.approx(1)
    assert summary.p_best["a"] > 0.95
    pd.testing.assert_frame_equal(
        summary, by_strategy(rows, labels, names, ACCURACY)
    )  # the same draws
    twice = finals(["a", "b"], labels, found[[0, 0]])
    assert by_strategy(twice, labels, ["a", "b"], ACCURACY).p_best["a"] == pytest.approx(
        0.5, abs=0.03
    )


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
    assert summary.p_best["a"] == 1
    assert summary.low["a"] < summary["mean"]["a"] < summary.high["a"]
    assert pairwise(rows, labels, ["a"], ACCURACY).empty
    assert groups(pairwise(rows, labels, ["a"], ACCURACY)).empty
    assert against_best(pairwise(rows, labels, ["a"], ACCURACY)).empty


def test_the_summary_is_what_the_seeds_say(tmp_path):
    run = load_run(make_run(tmp_path / "run"))
    labels = run.datasets.test_labels[0]
    summary = by_strategy(run.finals, labels, run.experiment.strategies, ACCURACY)
    grouped = run.finals.groupby("strategy").test_accuracy
    for name, column in (("mean", grouped.mean()), ("std", grouped.std()), ("max", grouped.max())):
        pd.testing.assert_series_equal(
            summary[name].sort_index(), column.sort_index(), check_names=False
        )
    assert summary["mean"].is_monotonic_decreasing
    assert ((summary.low <= summary["mean"]) & (summary["mean"] <= summary.high)).all()


def test_labels_survive_the_way_through_the_store(tmp_path):
    path = make_run(tmp_path / "run", strategies=["lines"], configurations=1)
    labels = np.arange(300) * 200  # beyond one byte, and beyond a signed one of two
    with Store.resume(path) as store:
        store.record_test_labels("digits", blob(labels))
    assert (load_run(path).datasets.test_labels[0] == labels).all()
