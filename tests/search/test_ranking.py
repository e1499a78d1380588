"""Which trial is better, and so who is in the finals."""

from __future__ import annotations

import dataclasses
import math

import pytest

from search.metric import ACCURACY
from search.ranking import best_first, finalists, finalists_of_iterations, merit
from search.rows import TrialRow


def trial(name, score=0.5, val_loss=1.0, last_epoch=9, status="completed", rung=0):
    """A trial of a strategy and a slot: `a-1`."""
    strategy, slot = name.split("-")[:2]
    return TrialRow(
        trial_id=name, dataset="digits", strategy=strategy, iteration=0, bracket=0, rung=rung,
        slot=int(slot), seed=0, hyperparameters="{}", first_epoch=0, last_epoch=last_epoch,
        status=status, score=score, val_loss=val_loss,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "best"),
    [
        ([trial("a-0", 0.5), trial("a-1", 0.6)], "a-1"),
        ([trial("a-0", 0.6, 1.0), trial("a-1", 0.6, 0.9)], "a-1"),
        ([trial("a-0", 0.6, 0.9, 9), trial("a-1", 0.6, 0.9, 3)], "a-1"),
        ([trial("a-1", 0.6, 0.9, 3), trial("a-0", 0.6, 0.9, 3)], "a-0"),
        # Accuracy comes before loss, and loss before epochs.
        ([trial("a-0", 0.5, 0.1, 1), trial("a-1", 0.6, 9.0, 9)], "a-1"),
        ([trial("a-0", 0.6, 0.9, 1), trial("a-1", 0.6, 0.8, 9)], "a-1"),
        ([trial("a-0", 0.0), trial("a-1", None, None, 9, "failed")], "a-0"),
        ([trial("a-0", None, None, 9, "running"), trial("a-1", 0.1)], "a-1"),
    ],
)
def test_the_best_trial_of_an_arm_is_its_finalist(rows, best):
    for order in (rows, rows[::-1]):
        assert {name: row.trial_id for name, row in finalists(order, ACCURACY).items()} == {
            "a": best
        }


def test_a_configuration_is_what_its_last_rung_has_shown():
    """Not its score before it was promoted; and one that failed there is no finalist."""
    fell = [trial("a-0", 0.976, last_epoch=9), trial("a-0-1", 0.965, last_epoch=27, rung=1)]
    other = trial("a-1", 0.97)
    for rows in ([*fell, other], [other, *fell[::-1]]):
        assert finalists(rows, ACCURACY)["a"] == other
    assert finalists(fell, ACCURACY)["a"] == fell[1]
    running = dataclasses.replace(fell[1], status="running", score=None)
    assert finalists([fell[0], other, running], ACCURACY)["a"] == fell[0]
    failed = dataclasses.replace(running, status="failed")
    assert finalists([fell[0], other, failed], ACCURACY)["a"] == other
    assert finalists([fell[0], failed], ACCURACY) == {}


def test_a_search_that_was_cut_short_sends_nobody_unless_there_is_no_other():
    rows = [
        dataclasses.replace(trial(f"{strategy}-{slot}", score), iteration=slot)
        for strategy in "ab"
        for slot, score in enumerate((0.5, 0.6, 0.9))
    ]
    cut = {("a", 2), *(("b", number) for number in range(3))}
    chosen = finalists_of_iterations(rows, ACCURACY, cut)
    assert set(chosen) == {("a", 0), ("a", 1), ("b", 0)}
    assert finalists(rows, ACCURACY, cut)["a"].trial_id == "a-1"


def test_every_arm_with_a_completed_trial_has_one_finalist():
    rows = [
        trial("a-0", 0.9),
        trial("a-1", 0.8),
        trial("b-0", 0.1),
        trial("c-0", None, None, status="failed"),
    ]
    assert {name: row.trial_id for name, row in finalists(rows, ACCURACY).items()} == {
        "a": "a-0",
        "b": "b-0",
    }
    assert finalists([], ACCURACY) == {}


def test_a_metric_of_which_less_is_better_turns_the_order_of_scores_alone():
    rows = [trial("a-0", 0.5, 0.9), trial("a-1", 0.5, 0.8), trial("a-2", 0.6, 0.1)]
    error = dataclasses.replace(ACCURACY, name="error", direction="min")
    assert [row.trial_id for row in best_first(rows, ACCURACY)] == ["a-2", "a-1", "a-0"]
    assert [row.trial_id for row in best_first(rows, error)] == ["a-1", "a-0", "a-2"]


def test_a_loss_that_is_no_number_comes_last():
    assert sorted([merit(0.5, math.nan), merit(0.5, 2.0), merit(0.5, None)])[0] == merit(0.5, 2.0)
    assert merit(0.5, math.nan) == merit(0.5, None)
