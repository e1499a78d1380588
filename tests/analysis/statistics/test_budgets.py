"""Accuracy for what it costs."""

import numpy as np

from analysis import load_run
from analysis.statistics.budgets import COSTS, at_equal, costs, on_front, pareto, progress
from analysis.statistics.comparisons import by_strategy
from search.metric import ACCURACY
from tests.support.synthetic_runs import STRATEGIES, make_run
from tests.support.synthetic_trials import search


def test_progress_adds_up_what_was_spent():
    trials, epochs = search()
    spent = progress(trials, epochs, 50, ACCURACY)
    assert len(spent) == len(trials)
    for name, mine in spent.groupby("strategy"):
        assert mine.best.is_monotonic_increasing
        assert mine.best.iloc[-1] == trials.score[trials.strategy == name].max()
        assert mine.epochs.iloc[-1] == 9 + 2 * 3 + 6
        assert mine.seconds.iloc[-1] == 2 * 21 + 13
        assert mine.multiply_adds.iloc[-1] == 100 * 50 * 21


def test_failed_and_running_trials_achieve_nothing():
    trials, epochs = search()
    trials.loc[0, ["status", "score"]] = ["failed", np.nan]
    trials.loc[5, ["status", "score", "finished"]] = ["running", np.nan, np.nan]
    spent = progress(trials, epochs, 50, ACCURACY)
    assert trials.trial_id[5] not in set(spent.trial_id)
    assert np.isnan(spent.best[0])
    assert spent.seconds[0] > 0
    assert not np.isnan(spent.best[1])


def test_at_equal_judges_nobody_by_what_it_had_not_spent():
    trials, epochs = search()
    short = trials[(trials.strategy == "a") | (trials.last_epoch == 1)]  # b stopped early
    spent = progress(short, epochs, 50, ACCURACY)
    found = at_equal(spent, ACCURACY)
    whole = found[(found.measure == "epochs") & (found.fraction == 1)].set_index("strategy")
    assert (whole.budget == 9).all()
    for name, row in whole.iterrows():
        first = trials[(trials.strategy == name) & (trials.last_epoch == 1)]
        assert row.best == first.score.max()
    assert sorted(whole["rank"]) == [1, 2]
    assert set(found.measure) == {"epochs", "seconds", "multiply_adds"}
    unknown = at_equal(progress(short, epochs, np.nan, ACCURACY), ACCURACY)
    assert set(unknown.measure) == {"epochs", "seconds"}


def test_nothing_spent_is_an_empty_frame():
    trials, epochs = search()
    assert at_equal(progress(trials.iloc[:0], epochs.iloc[:0], 50, ACCURACY), ACCURACY).empty


def test_the_front_is_what_no_other_dominates():
    generator = np.random.default_rng(1)
    for size in (0, 1, 2, 30):
        value = generator.integers(0, 6, size).astype(float)  # so coarse that many are equal
        accuracy = generator.integers(0, 6, size) / 6
        expected = [
            not any(
                (value[j] <= value[i] and accuracy[j] >= accuracy[i])
                and (value[j] < value[i] or accuracy[j] > accuracy[i])
                for j in range(size)
            )
            for i in range(size)
        ]
        assert list(on_front(value, accuracy)) == expected


def test_costs_and_fronts_of_a_run(tmp_path):
    run = load_run(make_run(tmp_path / "run"))
    summary = by_strategy(run.finals, None, run.experiment.strategies, ACCURACY)
    found = costs(run, summary)
    assert list(found.index) == list(STRATEGIES)
    assert found.notna().all(axis=None)
    fronts = pareto(found, ACCURACY)
    assert set(fronts.cost) == set(COSTS)
    assert len(fronts) == len(COSTS) * len(STRATEGIES)
    for _, mine in fronts.groupby("cost"):
        assert mine.front[mine.accuracy.idxmax()] or mine.value.nunique() < len(mine)
    empty = load_run(make_run(tmp_path / "empty", seeds=0))
    nothing = costs(empty, by_strategy(empty.finals, None, empty.experiment.strategies, ACCURACY))
    assert pareto(nothing, ACCURACY).empty
