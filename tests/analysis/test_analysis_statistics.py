"""Intervals, comparisons and the verdict, against SciPy and against planted truth."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy import special, stats
from synthetic_runs import blob, final, make_run, outcomes

from analysis import load_run
from analysis.statistics import (
    against_best,
    by_strategy,
    difference,
    estimate,
    holm,
    mean_accuracy,
    variance_of_mean,
)
from analysis.verdict import judge
from search.store import Store


def finals(names, labels, found):
    """Returns what a run's `finals` frame holds, for classes (strategies, seeds, images)."""
    rows = [
        final(name, seed, labels, classes) | {"predictions": classes}
        for name, named in zip(names, found, strict=True)
        for seed, classes in enumerate(named)
    ]
    return pd.DataFrame(rows)


@pytest.mark.parametrize("sizes", [(2, 2), (3, 3), (3, 7), (10, 4)])
def test_without_an_image_term_the_comparison_is_welchs(sizes):
    generator = np.random.default_rng(sum(sizes))
    a, b = (generator.normal(0.9, 0.02 * (i + 1), n) for i, n in enumerate(sizes))
    found = estimate(a.mean() - b.mean(), [variance_of_mean(a), variance_of_mean(b)])
    expected = stats.ttest_ind(a, b, equal_var=False)
    interval = expected.confidence_interval(0.95)
    assert found.p == pytest.approx(expected.pvalue)
    assert found.freedom == pytest.approx(expected.df)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))


def test_without_a_seed_term_the_comparison_is_a_paired_t_test_over_images():
    generator = np.random.default_rng(1)
    a, b = 1.0 * (generator.random((2, 20000)) < np.array([[0.9], [0.89]]))
    found = difference(np.full(3, a.mean()), np.full(3, b.mean()), a, b)
    # But for the two images that are added, which count for nothing among so many.
    expected = stats.ttest_rel(a, b)
    assert found.p == pytest.approx(expected.pvalue, rel=0.01)
    assert found.freedom == pytest.approx(19999, abs=2)


@pytest.mark.parametrize("images", [5, 12, 100])
def test_a_few_images_all_alike_prove_nothing(images):
    right, seeds = np.ones(images), np.ones(3)
    found = mean_accuracy(seeds, right)
    assert found.low < 1 - 0.5 / images
    assert difference(seeds, seeds, right, right).low < -1 / images


def test_variances_add_and_freedom_lies_between_the_smallest_and_the_sum():
    for terms in ([(1e-4, 2), (3e-4, 4)], [(1e-4, 2), (1e-4, 2), (2e-4, 999)]):
        found = estimate(0.01, terms)
        freedoms = [degrees for _, degrees in terms]
        assert min(freedoms) <= found.freedom <= sum(freedoms)
        half = stats.t.ppf(0.975, found.freedom) * np.sqrt(sum(v for v, _ in terms))
        assert found.high - found.value == pytest.approx(half)
    assert estimate(0.0, [(0.0, 2)]).p == 1
    assert estimate(0.1, [(0.0, 2)]).p == 0


def test_holm_against_its_definition():
    generator = np.random.default_rng(3)
    for size in (1, 2, 5, 11):
        p = generator.random(size) ** 3
        corrected = holm(p)
        assert (corrected >= p).all()
        assert (corrected <= np.minimum(p * size, 1)).all()
        assert (np.diff(corrected[np.argsort(p)]) >= 0).all()
        # Step by step: reject while the k-th smallest is below 0.05 / (m - k).
        ordered = np.sort(p)
        below = ordered < 0.05 / np.arange(size, 0, -1)
        rejected = size if below.all() else int(np.argmin(below))
        assert (corrected < 0.05).sum() == rejected
    assert np.isnan(holm(np.array([0.01, np.nan]))).tolist() == [False, True]
    assert holm(np.array([0.01, np.nan]))[0] == 0.01
    assert len(holm(np.array([]))) == 0


def test_the_interval_of_a_mean_covers_the_truth():
    generator = np.random.default_rng(5)
    hits = 0
    for _ in range(400):
        easiness = generator.normal(2, 1.5, 300)  # another test split each time,
        skill = generator.normal(0, 0.3, (4, 1))  # and other seeds
        right = generator.random((4, 300)) < special.expit(easiness + skill)
        found = mean_accuracy(right.mean(axis=1), right.mean(axis=0))
        hits += found.low <= TRUTH <= found.high
    assert hits >= 0.93 * 400


# The mean of the logistic function over a normal of mean 2 and variance 1.5² + 0.3².
TRUTH = stats.norm.expect(special.expit, loc=2, scale=np.sqrt(1.5**2 + 0.3**2))


@pytest.mark.parametrize(("count", "seeds"), [(2, 3), (4, 3)])
def test_identical_strategies_seldom_win(count, seeds):
    generator = np.random.default_rng(11)
    names = [f"copy_{i}" for i in range(count)]
    wins = sum(
        bool(against_best(finals(names, *drawn), drawn[0], names).apart.all())
        for drawn in (outcomes([0.9] * count, seeds, 200, generator) for _ in range(400))
    )
    assert wins <= 0.05 * 400


@pytest.fixture(scope="module")
def blank(tmp_path_factory):
    """A finished search whose finals the tests fill in."""
    names = ["lines", "cnn_lines", "line_cnn"]
    path = tmp_path_factory.mktemp("verdict") / "run"
    return load_run(make_run(path, strategies=names, seeds=0, configurations=2))


def verdict_of(run, rows, labels, final_seeds):
    experiment = dataclasses.replace(run.experiment, final_seeds=final_seeds)
    run = dataclasses.replace(run, finals=rows, experiment=experiment)
    names = experiment.strategies
    return judge(run, by_strategy(rows, labels, names), against_best(rows, labels, names))


def test_a_planted_difference_wins(blank):
    named = []
    for seed in range(20):
        generator = np.random.default_rng(seed)
        labels, found = outcomes([0.7, 0.95, 0.8], 3, 1000, generator, seed_spread=0.05)
        rows = finals(blank.experiment.strategies, labels, found)
        named.append(verdict_of(blank, rows, labels, 3))
    assert sum(v.kind == "wins" and v.best == "cnn_lines" for v in named) >= 19
    assert named[0].headline == "cnn_lines wins on digits"


def test_a_tie_names_all_that_cannot_be_told_apart(blank):
    labels, found = outcomes([0.95, 0.95, 0.5], 3, 1000, np.random.default_rng(2), 0.05)
    found = verdict_of(blank, finals(blank.experiment.strategies, labels, found), labels, 3)
    assert found.kind == "ties"
    assert set(found.group) == {"lines", "cnn_lines"}
    assert "lines" in found.headline and "cnn_lines" in found.headline
    assert any("line_cnn" in sentence and "0.05" in sentence for sentence in found.sentences)


def test_exactly_equal_strategies_tie(blank):
    labels, found = outcomes([0.9], 3, 100, np.random.default_rng(2))
    rows = finals(blank.experiment.strategies, labels, np.repeat(found, 3, axis=0))
    assert verdict_of(blank, rows, labels, 3).group == blank.experiment.strategies
    perfect = finals(blank.experiment.strategies, labels, np.tile(labels, (3, 3, 1)))
    assert verdict_of(blank, perfect, labels, 3).kind == "ties"


def test_one_seed_names_no_winner_however_large_the_difference(blank):
    labels, found = outcomes([0.1, 0.99, 0.5], 1, 5000, np.random.default_rng(2))
    rows = finals(blank.experiment.strategies, labels, found)
    found = verdict_of(blank, rows, labels, 1)
    assert found.kind == "too_few_seeds"
    assert "No winner" in found.headline
    assert "--final-seeds" in " ".join(found.sentences)
    summary = by_strategy(rows, labels, blank.experiment.strategies)
    assert summary[["std", "low", "high"]].isna().all(axis=None)
    assert not against_best(rows, labels, blank.experiment.strategies).apart.any()


def test_unfinished_finals_name_no_winner(blank):
    labels, found = outcomes([0.1, 0.99, 0.5], 3, 1000, np.random.default_rng(2))
    rows = finals(blank.experiment.strategies, labels, found)
    found = verdict_of(blank, rows, labels, 4)
    assert found.kind == "interim"
    assert "9 of 12" in found.sentences[0]
    nothing = verdict_of(blank, rows.iloc[:0], None, 3)
    assert nothing.kind == "interim"
    assert "validation" in " ".join(nothing.sentences)
    assert verdict_of(blank, rows.iloc[:0], None, 0).kind == "interim"


def test_failed_finals_count_as_done_and_their_strategy_is_left_out(blank):
    labels, found = outcomes([0.6, 0.95, 0.5], 3, 1000, np.random.default_rng(2), 0.05)
    rows = finals(blank.experiment.strategies, labels, found)
    lost = rows.strategy == "lines"
    rows.loc[lost, ["status", "test_accuracy", "predictions"]] = ["failed", np.nan, None]
    found = verdict_of(blank, rows, labels, 3)
    assert (found.kind, found.best) == ("wins", "cnn_lines")
    assert any("not compared: lines" in sentence for sentence in found.sentences)
    rows["status"] = "failed"
    rows["message"] = "not a number"
    rows["test_accuracy"] = np.nan
    assert verdict_of(blank, rows, labels, 3).kind == "failed"


def test_without_predictions_nothing_is_told_apart(blank):
    labels, found = outcomes([0.1, 0.99, 0.5], 3, 1000, np.random.default_rng(2))
    rows = finals(blank.experiment.strategies, labels, found)
    for known in (None, labels[:-1]):
        assert not against_best(rows, known, blank.experiment.strategies).apart.any()
        assert verdict_of(blank, rows, known, 3).kind == "too_few_seeds"


def test_a_control_that_is_not_beaten_is_named_as_such(tmp_path):
    for level, words in ((0.97, "does not earn"), (0.9, "not shown")):
        path = make_run(
            tmp_path / str(level), strategies=["lines", "cnn_control"],
            accuracies={"lines": 0.9, "cnn_control": level}, images=2000,
        )  # fmt: skip
        run = load_run(path)
        labels = run.datasets.test_labels[0]
        names = run.experiment.strategies
        found = judge(
            run, by_strategy(run.finals, labels, names), against_best(run.finals, labels, names)
        )
        assert "control, no recurrence" in found.headline
        if found.best == "cnn_control":
            assert "does not earn" in " ".join(found.sentences)
        else:
            assert words in " ".join(found.sentences)


def test_the_summary_is_what_the_seeds_say(tmp_path):
    run = load_run(make_run(tmp_path / "run"))
    labels = run.datasets.test_labels[0]
    summary = by_strategy(run.finals, labels, run.experiment.strategies)
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
