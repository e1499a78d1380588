"""What a decision rests on, in words."""

import math

from analysis.example import example
from analysis.report import evidence
from analysis.statistics.decision import Evidence, Score, decide

RUN = example(lines=0.9, patches=0.5)


def score(seeds=3, p_best=0.5):
    return Score(0.9, 0.85, 0.95, p_best, seeds)


def why(**changes):
    whole = {
        "scores": {"lines": score(), "patches": score()}, "untested": (), "lead": None,
        "more_seeds": {}, "worse": (), "multiply_adds": {}, "earned": "unknown",
    }  # fmt: skip
    return Evidence(**{**whole, **changes})


def test_a_number_comes_with_its_interval_and_its_seeds():
    said = evidence.accuracy("lines", decide(RUN).why, RUN)
    assert said.startswith("lines classifies 90.0 % of the test images correctly (95 % interval ")
    assert said.endswith("; mean of 3 seeds).")


def test_unlike_numbers_of_seeds_are_said():
    uneven = why(scores={"lines": score(seeds=3), "patches": score(seeds=1)})
    assert evidence.seeds(uneven) == "mean of 1 to 3 seeds"


def test_what_nobody_knows_is_not_said():
    assert evidence.chances(["lines"], why(scores={"lines": score(p_best=math.nan)}), RUN) == []
    assert evidence.cheapest({"lines": 5.0}, RUN) == []
    assert evidence.untested(why(), RUN) == []
    assert evidence.recurrence("lines", ["lines"], why(), RUN) == []


def test_more_seeds_than_anybody_can_afford_are_more_than_a_hundred():
    said = evidence.seeds_needed({"lines": 4.0, "patches": math.inf}, RUN)
    assert "for lines 4" in said and "for patches more than 100" in said
