"""What runs that differ in their seed say of each other."""

from analysis.example import example
from benchmarks.repeats import contradictions, load, save, table, verdict


def test_runs_that_turn_each_other_round_are_found():
    one = verdict(example(lines=0.9, patches=0.5))
    other = verdict(example(lines=0.5, patches=0.9))
    assert contradictions([one.claims, other.claims]) == {("lines", "patches")}
    assert contradictions([one.claims, one.claims]) == frozenset()
    text = table([one, other, one])
    assert "Leads: lines 2, patches 1. Pairs put both ways round: lines and patches." in text


def test_equals_claim_nothing():
    assert verdict(example(lines=0.7, patches=0.7)).claims == frozenset()


def test_a_record_stands_for_its_runs(tmp_path):
    runs = [verdict(example(lines=0.9, patches=0.5)), verdict(example(lines=0.7, patches=0.7))]
    save(runs, tmp_path / "record.jsonl")
    assert load(tmp_path / "record.jsonl") == runs
