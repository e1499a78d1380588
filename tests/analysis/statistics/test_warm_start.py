"""Initial configurations: places and promotions by hand, p by enumeration and by simulation."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis import load_run
from analysis.statistics.warm_start import fates, first_rung, superiority, warm_start
from search.metric import ACCURACY
from tests.support.synthetic_runs import make_run


@pytest.fixture
def run(tmp_path):
    # Of each strategy slot 0 is best and goes on to the end; the last one fails.
    path = make_run(
        tmp_path / "run", ["lines", "cnn_lines", "new"], configurations=6,
        given={"lines": [0, 2], "cnn_lines": [5]},
    )  # fmt: skip
    return load_run(path)


def with_scores(scores, given):
    """A first rung of one strategy."""
    numbers = [0 if slot in given else -1 for slot in range(len(scores))]
    return pd.DataFrame({"strategy": "lines", "score": scores, "initial": numbers})


def test_each_initial_configuration_is_found_with_its_place_and_how_far_it_went(run):
    frame = fates(run)
    assert list(frame.strategy) == ["lines", "lines", "cnn_lines"]
    rung = run.trials[(run.trials.strategy == "lines") & (run.trials.rung == 0)]
    scores = rung.set_index("slot").score
    assert list(frame.score[:2]) == [scores[0], scores[2]]
    assert frame.random_starts[0] == np.median([*scores[[1, 3, 4]], 0.0])  # the last one failed
    ranked = list(scores[:5].sort_values(ascending=False).index)
    assert list(frame.place[:2]) == [ranked.index(0) + 1, ranked.index(2) + 1]
    assert list(frame.of) == [6, 6, 6]
    assert list(frame.reached) == [9, 1, 0]  # the last one failed at once
    assert list(frame.finalist) == [True, False, False]
    assert math.isnan(frame.score[2])
    assert frame.place[2] == 6
    assert "new" not in set(first_rung(run).strategy)


def test_the_share_is_mann_and_whitneys():
    scores = np.random.default_rng(1).normal(size=9).round(1)  # some are equal
    rung = with_scores(scores, {1, 4, 7})
    share, _ = superiority(rung, ACCURACY)
    u = stats.mannwhitneyu(scores[[1, 4, 7]], scores[[0, 2, 3, 5, 6, 8]]).statistic
    assert share == pytest.approx(u / 18)


def test_p_is_the_share_of_all_exchanges():
    scores = np.array([0.9, 0.8, 0.3, 0.7, 0.2, 0.1, 0.6])
    share, p = superiority(with_scores(scores, {0, 1}), ACCURACY)
    shares = [
        np.mean([scores[i] > scores[j] for i in pair for j in set(range(7)) - set(pair)])
        for pair in itertools.combinations(range(7), 2)
    ]
    assert share == 1
    exact = np.mean([abs(other - 0.5) >= 0.5 - 1e-9 for other in shares])
    assert p == pytest.approx(exact, abs=0.01)


def test_where_initial_ones_are_like_the_others_it_says_so_as_often_as_it_should():
    random = np.random.default_rng(2)
    found = []
    for _ in range(300):
        parts = [with_scores(random.normal(size=6), {0}).assign(strategy=name) for name in "abcd"]
        found.append(superiority(pd.concat(parts), ACCURACY, exchanges=199)[1])
    assert 0.02 <= np.mean(np.array(found) < 0.05) <= 0.08


def test_a_failed_one_is_worse_than_any_and_what_has_no_other_is_left_out():
    assert superiority(with_scores([math.nan, 0.1, 0.2], {0}), ACCURACY)[0] == 0
    assert math.isnan(superiority(with_scores([0.5, 0.4], {0, 1}), ACCURACY)[0])
    assert math.isnan(superiority(with_scores([], set()), ACCURACY)[0])


def test_what_is_concluded_is_what_the_frames_say(run):
    found = warm_start(run)
    assert (found.share, found.p) == superiority(first_rung(run), ACCURACY)
    assert (found.given, found.ended, found.random_starts) == (3, 2, 9)
    assert found.epochs == (1,)
    assert found.strategies == ("lines", "cnn_lines") and found.won == ("lines",)
    assert found.expected == pytest.approx(2 / 6 + 1 / 6)
