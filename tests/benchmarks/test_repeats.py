"""What runs that differ in their seed say of each other."""

from analysis.example import example
from analysis.statistics.comparisons import compare
from benchmarks.repeats import claims, contradictions, leaders, table


def test_runs_that_turn_each_other_round_are_found():
    one, other = example(lines=0.9, patches=0.5), example(lines=0.5, patches=0.9)
    assert contradictions([claims(one), claims(other)]) == {("lines", "patches")}
    assert contradictions([claims(one), claims(one)]) == frozenset()
    assert leaders(map(compare, [one, other, one])) == {"lines": 2, "patches": 1}
    text = table([one, other])
    assert "Leads: lines 1, patches 1. Pairs put both ways round: lines and patches." in text


def test_equals_claim_nothing():
    assert claims(example(lines=0.7, patches=0.7)) == frozenset()
