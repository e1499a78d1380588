"""Epochs to the same accuracy, counted on searches whose end is known."""

import numpy as np
import pytest

from analysis import load_run
from benchmarks.warm_start import best_so_far, comparison, epochs_until, table
from search.store import Store
from tests.support.synthetic_runs import make_run


def test_the_best_so_far_follows_the_trials_in_the_order_in_which_they_started(tmp_path):
    path = make_run(tmp_path / "run", ["lines", "cnn_lines"], configurations=3, seeds=0)
    with Store.resume(path) as store, store.connect() as database:
        names = [row["trial_id"] for row in store.rows("trials")][::-1]
        database.executemany(
            "UPDATE trials SET started = ? WHERE trial_id = ?", list(enumerate(names))
        )
    run = load_run(path)
    best = best_so_far(run)
    epochs = {name: list(rows.val_accuracy) for name, rows in run.epochs.groupby("trial_id")}
    told = [accuracy for name in names for accuracy in epochs.get(name, [])]
    assert len(best) == len(told) == len(run.epochs)
    assert list(best) == [max(told[: place + 1]) for place in range(len(told))]


def test_both_searches_of_a_pair_are_measured_by_what_both_reach():
    curves = {
        0: {"cold": np.array([0.1, 0.5, 0.6, 0.8]), "warm": np.array([0.6, 0.7])},
        1: {"cold": np.array([0.2, 0.4]), "warm": np.array([0.3, 0.3, 0.9])},
    }
    found = comparison(curves).set_index(["target", "seed"])
    assert found.loc[("of the pair", 0), "accuracy"] == 0.7
    assert found.loc["of the pair"].cold_epochs.to_list() == [4, 2]
    assert found.loc["of the pair"].warm_epochs.to_list() == [2, 3]
    assert found.loc["of all"].accuracy.to_list() == [0.4, 0.4]
    assert found.loc["of all"].cold_epochs.to_list() == [2, 2]
    assert found.loc["of all"].ratio.to_list() == pytest.approx([2.0, 2 / 3])
    text = table(comparison(curves))
    assert "| of the pair | 0 | 70.0 % | 4 | 2 | 2.00 |" in text
    # The warm start needs half and one and a half times the epochs: √(1/2 · 3/2).
    assert "needed 0.87 times the epochs" in text


def test_a_target_is_reached_by_equality():
    assert epochs_until(np.array([0.25, 0.5, 0.5]), 0.5) == 2
