"""The verdict against planted truth: what it says, and what it does not dare to say."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from analysis import load_run
from analysis.example import example
from analysis.report.evidence import NOT_SHOWN
from analysis.report.sections.verdict import in_words
from analysis.statistics.comparisons import by_strategy
from analysis.statistics.decision import decide
from search.metric import ACCURACY
from tests.support.synthetic_runs import finals, make_run, outcomes, with_finals


@pytest.fixture(scope="module")
def blank(tmp_path_factory):
    """A finished search whose finals the tests fill in."""
    names = ["lines", "cnn_lines", "line_cnn"]
    path = tmp_path_factory.mktemp("verdict") / "run"
    return load_run(make_run(path, strategies=names, seeds=0, configurations=2))


def verdict_of(run, rows, labels, final_seeds):
    run = with_finals(run, rows, labels, final_seeds)
    return in_words(decide(run), run)


def test_a_planted_difference_wins(blank):
    named = []
    for seed in range(20):
        generator = np.random.default_rng(seed)
        labels, found = outcomes([0.7, 0.95, 0.8], 3, 1000, generator, seed_spread=0.05)
        rows = finals(blank.experiment.strategies, labels, found)
        named.append(verdict_of(blank, rows, labels, 3))
    assert sum(v.kind == "wins" and v.best == "cnn_lines" for v in named) >= 19
    assert named[0].headline == "Of one design each: cnn_lines wins on digits"


def test_close_strategies_are_too_close_to_call_and_it_says_how_many_seeds_would_do(blank):
    kinds = set()
    for seed in range(12):
        labels, found = outcomes([0.93, 0.9, 0.5], 3, 4000, np.random.default_rng(seed), 0.15)
        rows = finals(blank.experiment.strategies, labels, found)
        verdict = verdict_of(blank, rows, labels, 3)
        kinds.add(verdict.kind)
        if verdict.kind == "too_close":
            more = verdict.decision.why.needed
            who = "Of one design each: " + ("Either" if len(verdict.group) == 2 else "Any")
            assert verdict.headline.startswith(f"{who} of {verdict.best}")
            assert f": 3 seeds do not tell, {int(more)} more of each would" in verdict.headline
            never = [n for n, m in verdict.decision.why.more_replicates.items() if np.isinf(m)]
            assert never == [name for name in never if f"but for {name}" in verdict.headline]
            assert "could turn the order" in " ".join(verdict.sentences)
        if verdict.kind == "ties":
            assert "more than 100" in " ".join(verdict.sentences)
    assert "too_close" in kinds


def test_a_tie_names_all_that_cannot_be_told_significant(blank):
    labels, found = outcomes([0.95, 0.95, 0.5], 3, 1000, np.random.default_rng(2), 0.05)
    found = verdict_of(blank, finals(blank.experiment.strategies, labels, found), labels, 3)
    assert found.kind in ("ties", "too_close")
    assert set(found.group) == {"lines", "cnn_lines"}
    assert "lines" in found.headline and "cnn_lines" in found.headline
    assert any("line_cnn" in said and "beyond what chance" in said for said in found.sentences)


def test_exactly_equal_strategies_tie(blank):
    labels, found = outcomes([0.9], 3, 100, np.random.default_rng(2))
    rows = finals(blank.experiment.strategies, labels, np.repeat(found, 3, axis=0))
    assert verdict_of(blank, rows, labels, 3).group == blank.experiment.strategies
    assert "ties with" in verdict_of(blank, rows, labels, 3).headline
    perfect = finals(blank.experiment.strategies, labels, np.tile(labels, (3, 3, 1)))
    assert verdict_of(blank, perfect, labels, 3).kind == "ties"


@pytest.mark.parametrize("seeds", [1, 2])
def test_fewer_than_three_seeds_name_no_winner_and_no_tie(blank, seeds):
    """However large the difference is, there is a range and no more."""
    labels, found = outcomes([0.1, 0.99, 0.5], seeds, 5000, np.random.default_rng(2))
    rows = finals(blank.experiment.strategies, labels, found)
    found = verdict_of(blank, rows, labels, seeds)
    assert found.kind == "too_few"
    assert "No winner" in found.headline and "tie" not in found.headline
    mean = rows.groupby("strategy").test_score.mean()
    assert f"between {100 * mean.min():.1f} % (lines) and {100 * mean.max():.1f} %" in str(found)
    # What the program could have done itself is no advice.
    assert "--final-seeds" not in str(found)
    if seeds == 1:
        summary = by_strategy(rows, labels, blank.experiment.strategies, ACCURACY)
        assert summary[["std", "low", "high"]].isna().all(axis=None)


def cut_short(run, rows, labels, *strategies):
    """Returns the verdict on a run in which the budget left no whole search of some."""
    searches = pd.DataFrame(
        {
            "dataset": "digits",
            "strategy": name,
            "iteration": 0,
            "whole": name not in strategies,
            "finals": None,
        }
        for name in run.experiment.strategies
    )
    return verdict_of(dataclasses.replace(run, searches=searches), rows, labels, 3)


def test_under_a_budget_nothing_is_claimed_for_whom_had_less_than_its_share(blank):
    labels, found = outcomes([0.99, 0.7, 0.5], 3, 1000, np.random.default_rng(2), 0.05)
    rows = finals(blank.experiment.strategies, labels, found)
    said = cut_short(blank, rows, labels, "lines")
    assert said.headline.startswith("The budget ended first: Of one design each: cnn_lines wins")
    accuracy = 100 * rows.test_score[rows.strategy == "lines"].mean()
    assert f"so not compared: lines ({accuracy:.1f} %)" in str(said)
    nobody = cut_short(blank, rows, labels, *blank.experiment.strategies)
    assert nobody.kind == "too_few"
    assert "the budget ended before" in nobody.headline and "wins" not in nobody.headline


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
    rows.loc[lost, ["status", "test_score", "predictions"]] = ["failed", np.nan, None]
    found = verdict_of(blank, rows, labels, 3)
    assert (found.kind, found.best) == ("wins", "cnn_lines")
    assert any("not compared: lines" in sentence for sentence in found.sentences)
    rows["status"] = "failed"
    rows["message"] = "not a number"
    rows["test_score"] = np.nan
    assert verdict_of(blank, rows, labels, 3).kind == "failed"


def test_without_predictions_nothing_is_told_significant(blank):
    labels, found = outcomes([0.1, 0.99, 0.5], 3, 1000, np.random.default_rng(2))
    rows = finals(blank.experiment.strategies, labels, found)
    for known in (None, labels[:-1]):
        assert verdict_of(blank, rows, known, 3).kind == "too_few"


@pytest.mark.parametrize(("level", "words"), [(0.97, "does not earn"), (0.9, "not shown")])
def test_a_control_that_is_not_beaten_is_named_as_such(tmp_path, level, words):
    path = make_run(
        tmp_path / "run", strategies=["lines", "cnn_control"],
        accuracies={"lines": 0.9, "cnn_control": level}, images=2000,
    )  # fmt: skip
    run = load_run(path)
    found = in_words(decide(run), run)
    assert "(control)" in found.headline
    assert words in " ".join(found.sentences)


def test_a_second_control_is_a_control_wherever_it_is_named(tmp_path):
    levels = {"lines": 0.9, "mlp": 0.9, "cnn_control": 0.4, "patches": 0.5}
    path = make_run(
        tmp_path / "run", list(levels), levels, images=2000, controls=["mlp", "cnn_control"]
    )
    run = load_run(path)
    assert run.controls == ("mlp", "cnn_control")
    assert run.label("mlp") == "mlp (control)"
    found = in_words(decide(run), run)
    assert set(found.group) == {"lines", "mlp"}
    assert found.decision.why.earned == "not_shown"
    assert "mlp (control)" in found.headline
    assert NOT_SHOWN in " ".join(found.sentences)
    # Both controls lead: no recurrent strategy is shown to be as good.
    labels, named = outcomes([0.6, 0.95, 0.95, 0.5], 3, 2000, np.random.default_rng(4), 0.02)
    run = with_finals(run, finals(list(levels), labels, named), labels, 3)
    found = in_words(decide(run), run)
    assert set(found.group) == {"mlp", "cnn_control"}
    assert any("does not earn its place" in sentence for sentence in found.sentences)


def test_controls_behind_a_recurrent_leader_are_named_together(tmp_path):
    names = ["lines", "mlp", "cnn_control"]
    path = make_run(tmp_path / "run", names, seeds=0, controls=["mlp", "cnn_control"])
    labels, found = outcomes([0.9], 3, 400, np.random.default_rng(2))
    run = with_finals(load_run(path), finals(names, labels, np.repeat(found, 3, axis=0)), labels, 3)
    said = in_words(decide(run), run).sentences
    both = "mlp (control) and cnn_control (control)"
    assert f"{both} are among those: {NOT_SHOWN}" in said


def test_test_images_that_were_trained_on_are_said_first():
    run = example(lines=0.9, patches=0.5)
    data = run.datasets.assign(test_copies=[30], test_images=[300], notes=[[]])
    verdict = in_words(decide(run), dataclasses.replace(run, datasets=data))
    assert verdict.sentences[0] == (
        "30 of the 300 test images are exact copies of images that were trained or validated on: "
        "on new images all may do worse than here."
    )
    assert verdict.sentences[1:] == in_words(decide(run), run).sentences
