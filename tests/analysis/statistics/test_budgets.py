"""Accuracy for what it costs, the control, and early stopping."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis import load_run
from analysis.statistics.budgets import COSTS, at_equal, costs, on_front, pareto, progress
from analysis.statistics.comparisons import by_strategy
from analysis.statistics.control import against_control, recurrence
from analysis.statistics.early_stopping import fairness, rank_correlations, shorter_searches
from tests.support.synthetic_runs import STRATEGIES, make_run


def search(configurations=9, seed=0, strategies=("a", "b"), agreement=1.0):
    """Returns trials and epochs of one bracket of 1, 3 and 9 epochs.

    Args:
        configurations: in the first rung; a third goes on each time.
        seed: of the draws.
        strategies: names.
        agreement: 1 where the order never changes, 0 where each rung's is new.
    """
    generator = np.random.default_rng(seed)
    rows, curves = [], []
    for name in strategies:
        quality = generator.random(configurations)
        alive = np.arange(configurations)
        for rung, (first, last) in enumerate(((0, 1), (1, 3), (3, 9))):
            luck = generator.random(configurations)
            score = 0.1 * rung + 0.5 * (agreement * quality + (1 - agreement) * luck)
            for slot in alive:
                trial_id = f"{name}-{rung}-{slot}"
                rows.append(
                    {
                        "trial_id": trial_id, "strategy": name, "configuration": f"{name}-{slot}",
                        "status": "completed", "score": score[slot], "val_loss": 0.5,
                        "first_epoch": first, "last_epoch": last,
                        "train_seconds": 2.0 * (last - first), "setup_seconds": 1.0,
                        "multiply_adds": 100.0, "started": len(rows), "finished": len(rows) + 0.5,
                    }
                )  # fmt: skip
                curves += [{"trial_id": trial_id, "epoch": e + 1} for e in range(first, last)]
            alive = alive[np.argsort(-score[alive], kind="stable")][: len(alive) // 3]
    return pd.DataFrame(rows), pd.DataFrame(curves)


def test_progress_adds_up_what_was_spent():
    trials, epochs = search()
    spent = progress(trials, epochs, 50)
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
    spent = progress(trials, epochs, 50)
    assert trials.trial_id[5] not in set(spent.trial_id)
    assert np.isnan(spent.best[0])
    assert spent.seconds[0] > 0
    assert not np.isnan(spent.best[1])


def test_at_equal_judges_nobody_by_what_it_had_not_spent():
    trials, epochs = search()
    short = trials[(trials.strategy == "a") | (trials.last_epoch == 1)]  # b stopped early
    spent = progress(short, epochs, 50)
    found = at_equal(spent)
    whole = found[(found.measure == "epochs") & (found.fraction == 1)].set_index("strategy")
    assert (whole.budget == 9).all()
    for name, row in whole.iterrows():
        first = trials[(trials.strategy == name) & (trials.last_epoch == 1)]
        assert row.best == first.score.max()
    assert sorted(whole["rank"]) == [1, 2]
    assert set(found.measure) == {"epochs", "seconds", "multiply_adds"}
    unknown = at_equal(progress(short, epochs, np.nan))
    assert set(unknown.measure) == {"epochs", "seconds"}


def test_nothing_spent_is_an_empty_frame():
    trials, epochs = search()
    assert at_equal(progress(trials.iloc[:0], epochs.iloc[:0], 50)).empty


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
    summary = by_strategy(run.finals, None, run.experiment.strategies)
    found = costs(run, summary)
    assert list(found.index) == list(STRATEGIES)
    assert found.notna().all(axis=None)
    fronts = pareto(found)
    assert set(fronts.cost) == set(COSTS)
    assert len(fronts) == len(COSTS) * len(STRATEGIES)
    for _, mine in fronts.groupby("cost"):
        assert mine.front[mine.accuracy.idxmax()] or mine.value.nunique() < len(mine)
    empty = load_run(make_run(tmp_path / "empty", seeds=0))
    nothing = costs(empty, by_strategy(empty.finals, None, empty.experiment.strategies))
    assert pareto(nothing).empty


@pytest.mark.parametrize(("level", "helps"), [(0.6, "yes"), (0.9, "unclear"), (0.99, "no")])
def test_whether_recurrence_helps(tmp_path, level, helps):
    path = make_run(
        tmp_path / "run", strategies=["lines", "cnn_control", "line_cnn"], images=2000,
        accuracies={"lines": 0.9, "cnn_control": level, "line_cnn": 0.8}, seed_spread=0.02,
    )  # fmt: skip
    run = load_run(path)
    labels = run.datasets.test_labels[0]
    names = run.experiment.strategies
    bill = costs(run, by_strategy(run.finals, labels, names))
    found = against_control(run.finals, labels, names, bill)
    assert list(found.index) == ["lines", "line_cnn"]
    assert found.helps["lines"] == helps
    assert ((found.low < found.difference) & (found.difference < found.high)).all()
    assert found.parameters["line_cnn"] == pytest.approx(10)
    answer = recurrence(found)
    assert (answer.helps, answer.best) == (helps, "lines")
    assert "parameters" in answer.sentence and "nan" not in answer.sentence
    # One seed: a difference, and no claim. No control, or nothing else: nothing to compare.
    few = against_control(run.finals[run.finals.seed == 0], labels, names, bill)
    assert set(few.helps) == {"unclear"}
    assert few.difference.notna().all() and few.p.isna().all()
    assert "nan" not in recurrence(few).sentence
    assert set(against_control(run.finals, None, names, bill).helps) == {"unclear"}
    for kept in (["lines", "line_cnn"], ["cnn_control"]):
        nothing = against_control(run.finals, labels, kept, bill)
        assert nothing.empty
        assert recurrence(nothing).helps == "unknown"


def test_rank_correlations_are_scipys():
    trials, _ = search(configurations=27, agreement=0.6)
    found = rank_correlations(trials).set_index(["strategy", "epoch", "later"])
    wide = trials.pivot(index="configuration", columns="last_epoch", values="score")
    for name in "ab":
        both = wide[wide.index.str.startswith(name)][[1, 3]].dropna()
        row = found.loc[(name, 1, 3)]
        assert row.configurations == len(both) == 9
        assert row.kendall == pytest.approx(stats.kendalltau(both[1], both[3]).statistic)
        assert row.spearman == pytest.approx(stats.spearmanr(both[1], both[3]).statistic)
        assert row.consecutive and not row.final
        last = found.loc[(name, 1, 9)]
        assert last.final and not last.consecutive
        assert np.isnan(last.kendall)  # three are too few


def test_where_the_order_never_changes_nobody_is_lost():
    trials, _ = search(agreement=1.0, configurations=27)
    found = rank_correlations(trials).dropna(subset="kendall")
    assert found.kendall.to_numpy() == pytest.approx(1)
    shorter = shorter_searches(trials)
    assert shorter.same.all() and (shorter["rank"] == 1).all() and (shorter.lost == 0).all()
    assert "already" in fairness(rank_correlations(trials), shorter)[-1]


def test_a_late_bloomer_is_named_as_lost():
    trials, _ = search(agreement=0.0, configurations=27, seed=3)
    shorter = shorter_searches(trials)
    first = shorter.drop_duplicates("strategy").set_index("strategy")
    for name, row in first.iterrows():
        start = trials[(trials.strategy == name) & (trials.last_epoch == 1)]
        assert row.chosen == start.configuration[start.score.idxmax()]
        mine = start.score[start.configuration == row.finalist].item()
        assert row["rank"] == (start.score > mine).sum() + 1
        assert row.of == 27 and row.lost >= 0
    assert not first.same.all()
    assert shorter.drop_duplicates("strategy", keep="last").same.all()
    assert "another configuration" in " ".join(fairness(rank_correlations(trials), shorter))


@pytest.mark.parametrize("status", ["failed", "running"])
def test_without_a_completed_trial_nothing_is_said_of_stopping(status):
    trials, _ = search()
    trials = trials.assign(status=status, score=np.nan)
    assert rank_correlations(trials).empty and shorter_searches(trials).empty
    assert "Too few" in fairness(rank_correlations(trials), shorter_searches(trials))[0]
    one = search(configurations=1)[0].iloc[:1]
    assert shorter_searches(one).same.all()
    assert rank_correlations(one).empty
