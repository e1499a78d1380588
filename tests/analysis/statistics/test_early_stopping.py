"""Whether stopping early was fair: against SciPy, and on searches whose order is known."""

import numpy as np
import pytest
from scipy import stats

from analysis.statistics.early_stopping import (
    Fairness,
    fairness,
    rank_correlations,
    shorter_searches,
)
from search.metric import ACCURACY
from tests.support.synthetic_trials import search


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
    shorter = shorter_searches(trials, ACCURACY)
    assert shorter.same.all() and (shorter["rank"] == 1).all() and (shorter.lost == 0).all()
    found = fairness(rank_correlations(trials), shorter)
    assert found.lost == {} and found.first_epoch == 1
    assert found.kendall == pytest.approx({"a": 1, "b": 1})


def test_a_late_bloomer_is_named_as_lost():
    trials, _ = search(agreement=0.0, configurations=27, seed=3)
    shorter = shorter_searches(trials, ACCURACY)
    first = shorter.drop_duplicates("strategy").set_index("strategy")
    for name, row in first.iterrows():
        start = trials[(trials.strategy == name) & (trials.last_epoch == 1)]
        assert row.chosen == start.configuration[start.score.idxmax()]
        mine = start.score[start.configuration == row.finalist].item()
        assert row["rank"] == (start.score > mine).sum() + 1
        assert row.of == 27 and row.lost >= 0
    assert not first.same.all()
    assert shorter.drop_duplicates("strategy", keep="last").same.all()
    found = fairness(rank_correlations(trials), shorter)
    assert found.lost == first.lost[~first.same].to_dict()


@pytest.mark.parametrize("status", ["failed", "running"])
def test_without_a_completed_trial_nothing_is_said_of_stopping(status):
    trials, _ = search()
    trials = trials.assign(status=status, score=np.nan)
    assert rank_correlations(trials).empty and shorter_searches(trials, ACCURACY).empty
    assert fairness(rank_correlations(trials), shorter_searches(trials, ACCURACY)) == Fairness(
        {}, {}, 0
    )
    one = search(configurations=1)[0].iloc[:1]
    assert shorter_searches(one, ACCURACY).same.all()
    assert rank_correlations(one).empty
