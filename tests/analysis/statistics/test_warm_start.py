"""How seeds fared: places and promotions by hand, the test by enumeration and by simulation."""

import dataclasses
import itertools
import json
import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis import load_run
from analysis.report.write import write_report
from analysis.statistics.warm_start import fared, fates, first_rung, superiority
from search.experiment import InitialConfiguration
from tests.support.synthetic_runs import make_run, settings


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
    return pd.DataFrame({"strategy": "lines", "score": scores, "seed": numbers})


def test_each_seed_is_found_with_its_place_and_how_far_it_went(run):
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
    share, _ = superiority(rung)
    u = stats.mannwhitneyu(scores[[1, 4, 7]], scores[[0, 2, 3, 5, 6, 8]]).statistic
    assert share == pytest.approx(u / 18)


def test_p_is_the_share_of_all_exchanges():
    scores = np.array([0.9, 0.8, 0.3, 0.7, 0.2, 0.1, 0.6])
    share, p = superiority(with_scores(scores, {0, 1}))
    shares = [
        np.mean([scores[i] > scores[j] for i in pair for j in set(range(7)) - set(pair)])
        for pair in itertools.combinations(range(7), 2)
    ]
    assert share == 1
    exact = np.mean([abs(other - 0.5) >= 0.5 - 1e-9 for other in shares])
    assert p == pytest.approx(exact, abs=0.01)


def test_where_seeds_are_like_the_others_it_says_so_as_often_as_it_should():
    random = np.random.default_rng(2)
    found = []
    for _ in range(300):
        parts = [with_scores(random.normal(size=6), {0}).assign(strategy=name) for name in "abcd"]
        found.append(superiority(pd.concat(parts), exchanges=199)[1])
    assert 0.02 <= np.mean(np.array(found) < 0.05) <= 0.08


def test_a_failed_seed_is_worse_than_any_and_what_has_no_other_is_left_out():
    assert superiority(with_scores([math.nan, 0.1, 0.2], {0}))[0] == 0
    assert math.isnan(superiority(with_scores([0.5, 0.4], {0, 1}))[0])
    assert math.isnan(superiority(with_scores([], set()))[0])


def test_the_sentence_carries_its_uncertainty(run):
    first, second = fared(run)
    share, p = superiority(first_rung(run))
    assert f"{100 * share:.0f} % of pairs" in first
    assert "Chance explains that (p = " in first and p > 0.05
    assert "exchanging 2 seeds and 9 random starts" in first
    assert "a seed in 1 of 2 strategies with seeds (lines)" in second
    assert "0.5 would be expected" in second  # two of six, and one of six


def test_the_report_has_the_section_only_where_there_are_seeds(tmp_path, run):
    seeded = write_report(run.path).path.read_text("utf-8")
    assert 'id="seeds"' in seeded
    assert "lines.json" in seeded
    table = pd.read_csv(run.path / "report" / "tables" / "seeds.csv")
    assert list(table.origin) == [seed.origin for seed in run.experiment.initial]
    plain = write_report(make_run(tmp_path / "plain", ["lines"])).path.read_text("utf-8")
    assert 'id="seeds"' not in plain


@pytest.mark.parametrize("configurations", [0, 1])
def test_a_search_that_has_only_begun(tmp_path, configurations):
    path = make_run(
        tmp_path / "run", ["lines"], seeds=0, final_seeds=3, configurations=configurations,
        given={"lines": [0]},
    )  # fmt: skip
    (sentence,) = fared(load_run(path))
    assert "nothing to compare them with" in sentence
    write_report(path)


def test_what_was_translated_is_said(tmp_path):
    path = make_run(tmp_path / "run", ["lines"], given={"lines": [0]})
    saved = json.loads((path / "experiment.json").read_text())
    changed = InitialConfiguration("lines", settings(0, 0), "x.json", {"units": 48, "gone": 1})
    saved["experiment"]["seeds"] = [dataclasses.asdict(changed)]
    (path / "experiment.json").write_text(json.dumps(saved))
    (frame,) = fates(load_run(path)).translated
    assert frame == "units 48 \N{RIGHTWARDS ARROW} 32, gone 1 \N{RIGHTWARDS ARROW} none"
    write_report(path)
    assert "units 48" in (path / "report" / "report.md").read_text("utf-8")
