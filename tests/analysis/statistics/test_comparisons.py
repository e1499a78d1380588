"""Intervals, comparisons and the verdict, against SciPy and against planted truth."""

import dataclasses
import itertools

import numpy as np
import pandas as pd
import pytest

from analysis import load_run
from analysis.statistics.comparisons import against_best, by_strategy, correctness, groups, pairwise
from analysis.statistics.decision import judge
from search.store import Store
from tests.support.synthetic_runs import blob, final, make_run, outcomes


def finals(names, labels, found):
    """Returns what a run's `finals` frame holds, for classes (strategies, seeds, images)."""
    rows = [
        final(name, seed, labels, classes) | {"predictions": classes}
        for name, named in zip(names, found, strict=True)
        for seed, classes in enumerate(named)
    ]
    return pd.DataFrame(rows)


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
        pairs = pairwise(finals(names, labels, found), labels, names)
        mine = pairs.strategy.isin(names[:2]) & pairs.other.isin(names[:2])
        different += bool(pairs.apart[mine].item())
    assert different <= 0.05 * 200


def test_of_four_copies_any_two_are_seldom_declared_different():
    generator = np.random.default_rng(12)
    names = [f"copy_{i}" for i in range(4)]
    drawn = (outcomes([0.9] * 4, 3, 200, generator) for _ in range(200))
    different = [pairwise(finals(names, *d), d[0], names).apart.any() for d in drawn]
    assert sum(different) <= 0.05 * 200


def test_pairs_are_compared_in_order_and_corrected_together():
    labels, found = outcomes([0.7, 0.95, 0.8, 0.7], 3, 2000, np.random.default_rng(3), 0.02)
    names = ["a", "b", "c", "d"]
    pairs = pairwise(finals(names, labels, found), labels, names)
    assert len(pairs) == 6
    assert (pairs.difference >= 0).all()
    assert list(pairs.strategy[:3]) == ["b"] * 3
    best = against_best(pairwise(finals(names, labels, found), labels, names))
    assert list(best.index) == list(pairs.other[:3])
    assert best.p.to_numpy() == pytest.approx(pairs.p[:3].to_numpy())
    assert (best.difference.to_numpy() == -pairs.difference[:3].to_numpy()).all()
    assert best.apart.all()
    assert (pairs.more_seeds[pairs.apart] == 0).all()
    assert (pairs.more_seeds[~pairs.apart] >= 1).all()


def test_a_letter_is_shared_exactly_by_those_that_cannot_be_told_apart():
    generator = np.random.default_rng(4)
    for size in (1, 2, 4, 7, 12):
        names = [f"s{i}" for i in range(size)]
        rows = [(a, b, generator.random() < 0.5) for a, b in itertools.combinations(names, 2)]
        pairs = pd.DataFrame(rows, columns=["strategy", "other", "apart"]).astype({"apart": bool})
        letters = groups(pairs).groups
        assert list(letters.index) == (names if size > 1 else [])
        for a, b, apart in rows:
            assert bool(set(letters[a]) & set(letters[b])) is not apart


def test_the_probability_of_best_follows_the_gap():
    names = ["a", "b", "c"]
    labels, found = outcomes([0.95, 0.9, 0.6], 3, 2000, np.random.default_rng(5), 0.05)
    rows = finals(names, labels, found)
    summary = by_strategy(rows, labels, names)
    assert summary.p_best.sum() == pytest.approx(1)
    assert summary.p_best["a"] > 0.95
    pd.testing.assert_frame_equal(summary, by_strategy(rows, labels, names))  # the same draws
    twice = finals(["a", "b"], labels, found[[0, 0]])
    assert by_strategy(twice, labels, ["a", "b"]).p_best["a"] == pytest.approx(0.5, abs=0.03)


def test_what_is_right_is_by_strategy_seed_and_image():
    labels, found = outcomes([0.9, 0.5], 3, 200, np.random.default_rng(6))
    rows = finals(["a", "b"], labels, found)
    right = correctness(rows, labels, ["b", "a", "untested"])
    assert list(right) == ["b", "a"]
    assert (right["a"] == (found[0] == labels)).all()
    rows.at[0, "predictions"] = None
    assert list(correctness(rows, labels, ["a", "b"])) == ["b"]
    assert correctness(rows, None, ["a", "b"]) == {}


@pytest.mark.parametrize("classes", [2, 100])
def test_the_number_of_classes_does_not_matter(classes):
    generator = np.random.default_rng(7)
    labels = generator.integers(0, classes, 400)
    wrong = generator.random((1, 3, 400)) < 0.2
    rows = finals(["a"], labels, np.where(wrong, (labels + 1) % classes, labels))
    summary = by_strategy(rows, labels, ["a"])
    assert summary.p_best["a"] == 1
    assert summary.low["a"] < summary["mean"]["a"] < summary.high["a"]
    assert pairwise(rows, labels, ["a"]).empty
    assert groups(pairwise(rows, labels, ["a"])).empty
    assert against_best(pairwise(rows, labels, ["a"])).empty


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
    return judge(run, by_strategy(rows, labels, names), against_best(pairwise(rows, labels, names)))


def test_a_planted_difference_wins(blank):
    named = []
    for seed in range(20):
        generator = np.random.default_rng(seed)
        labels, found = outcomes([0.7, 0.95, 0.8], 3, 1000, generator, seed_spread=0.05)
        rows = finals(blank.experiment.strategies, labels, found)
        named.append(verdict_of(blank, rows, labels, 3))
    assert sum(v.kind == "wins" and v.best == "cnn_lines" for v in named) >= 19
    assert named[0].headline == "cnn_lines wins on digits"


def test_close_strategies_are_too_close_to_call_and_it_says_how_many_seeds_would_do(blank):
    kinds = set()
    for seed in range(12):
        labels, found = outcomes([0.93, 0.9, 0.5], 3, 4000, np.random.default_rng(seed), 0.15)
        rows = finals(blank.experiment.strategies, labels, found)
        verdict = verdict_of(blank, rows, labels, 3)
        kinds.add(verdict.kind)
        if verdict.kind == "too_close":
            more = against_best(
                pairwise(rows, labels, blank.experiment.strategies)
            ).more_seeds.max()
            assert f"with 3 seeds: {int(more)} more would be needed" in verdict.headline
            assert "most accurate" in " ".join(verdict.sentences)
        if verdict.kind == "ties":
            assert "more than 100" in " ".join(verdict.sentences)
    assert "too_close" in kinds


def test_a_tie_names_all_that_cannot_be_told_apart(blank):
    labels, found = outcomes([0.95, 0.95, 0.5], 3, 1000, np.random.default_rng(2), 0.05)
    found = verdict_of(blank, finals(blank.experiment.strategies, labels, found), labels, 3)
    assert found.kind in ("ties", "too_close")
    assert set(found.group) == {"lines", "cnn_lines"}
    assert "lines" in found.headline and "cnn_lines" in found.headline
    assert any("line_cnn" in sentence and "0.05" in sentence for sentence in found.sentences)


def test_exactly_equal_strategies_tie(blank):
    labels, found = outcomes([0.9], 3, 100, np.random.default_rng(2))
    rows = finals(blank.experiment.strategies, labels, np.repeat(found, 3, axis=0))
    assert verdict_of(blank, rows, labels, 3).group == blank.experiment.strategies
    assert "ties with" in verdict_of(blank, rows, labels, 3).headline
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
    assert summary[["std", "low", "high", "p_best"]].isna().all(axis=None)
    assert not against_best(pairwise(rows, labels, blank.experiment.strategies)).apart.any()


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
        assert not against_best(pairwise(rows, known, blank.experiment.strategies)).apart.any()
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
            run,
            by_strategy(run.finals, labels, names),
            against_best(pairwise(run.finals, labels, names)),
        )
        assert "control, no recurrence" in found.headline
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
