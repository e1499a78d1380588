"""What a decision rests on, in words."""

import math

from analysis.example import example
from analysis.report import evidence
from analysis.statistics.baselines import Baseline
from analysis.statistics.decision import Evidence, Score, decide
from analysis.statistics.intervals import Estimate
from analysis.statistics.samples import Spread

RUN = example(lines=0.9, patches=0.5)


def score(seeds=3, replicates=3):
    return Score(0.9, 0.85, 0.95, seeds, replicates)


def why(**changes):
    whole = {
        "scores": {"lines": score(), "patches": score()}, "untested": (), "lead": None,
        "more_replicates": {}, "worse": (), "multiply_adds": {}, "earned": "unknown",
    }  # fmt: skip
    return Evidence(**{**whole, **changes})


def test_a_number_comes_with_its_interval_and_its_seeds():
    said = evidence.accuracy("lines", decide(RUN).why, RUN)
    assert said.startswith("lines classifies 90.0 % of the test images correctly (95 % interval ")
    assert said.endswith("; mean of 3 seeds).")


def test_where_there_were_several_searches_they_are_counted():
    uneven = {"lines": score(9, 3), "patches": score(27, 9)}
    several = why(searches=9, spread=Spread(0.021, 0.006, 0.009), scores=uneven)
    said = evidence.seeds("patches", several)
    assert said == "mean over 9 searches with 27 final trainings in all"
    assert evidence.seeds("lines", several).startswith("mean over 3 searches with 9 final")
    (said,) = evidence.moves("lines", several, RUN)
    assert said.startswith("Another search would move lines by 2.1 percentage points, another seed")
    assert "another seed by 0.6, other test images by 0.9" in said
    (said,) = evidence.moves("lines", why(), RUN)
    assert said.startswith("Each strategy was searched once")
    assert evidence.moves("lines", why(searches=2), RUN) == []  # predictions are missing


def over(*leads):
    """Baselines over which the best has these leads, each known to 2 points."""
    return tuple(
        Baseline(f"b{place}", 0.9 - lead, Estimate(lead, lead - 0.02, lead + 0.02, 0.5))
        for place, lead in enumerate(leads)
    )


def test_a_best_that_does_not_beat_the_baselines_is_told_so():
    assert evidence.baselines("lines", why(), RUN) == []
    (said,) = evidence.baselines("lines", why(baselines=over(0.1, 0.2)), RUN)
    assert said == "It beats what anyone would try first: b0 (80.0 %) and b1 (70.0 %)."
    (said,) = evidence.baselines("lines", why(baselines=over(-0.05, 0.2)), RUN)
    assert said.startswith("lines is not worth its while here: with b0 (95.0 %) more images")
    (said,) = evidence.baselines("lines", why(baselines=over(0.01, 0.2)), RUN)
    assert said.startswith("It is not shown that lines beats b0 (89.0 %)")
    (said,) = evidence.baselines("lines", why(baselines=over(-0.01, 0.2)), RUN)
    assert said.startswith("It is not shown that lines beats b0 (91.0 %)")
    unknown = (Baseline("b", 0.8, Estimate(math.nan, math.nan, math.nan, math.nan)),)
    (said,) = evidence.baselines("lines", why(baselines=unknown), RUN)
    assert "It is not shown" in said


def test_who_was_still_learning_is_named():
    (said,) = evidence.speed("lines", why(still_rising=("patches",)), RUN)
    assert said.startswith("After 9 epochs patches still improved faster than lines")
    assert evidence.speed("lines", why(), RUN) == []


def test_a_headline_names_a_few():
    assert evidence.few(["a", "b", "c", "d"], RUN) == "a, b, c and d"
    assert evidence.few(["a", "b", "c", "d", "e"], RUN) == "a, b, c and 2 others"


def test_what_nobody_knows_is_not_said():
    assert evidence.cheapest({"lines": 5.0}, RUN) == []
    assert evidence.not_compared(why(), RUN) == []
    assert evidence.recurrence("lines", ["lines"], why(), RUN) == []


def test_more_seeds_than_anybody_can_afford_are_more_than_a_hundred():
    said = evidence.replicates_needed(why(more_replicates={"lines": 4.0, "patches": math.inf}), RUN)
    assert "for lines 4" in said and "for patches more than 100" in said
