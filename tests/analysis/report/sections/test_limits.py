"""What the verdict does not show."""

import dataclasses

from analysis import load_run
from analysis.report.findings import find
from analysis.report.sections import limits
from tests.support.synthetic_runs import make_run


def test_it_says_what_was_held_fixed(tmp_path):
    found = find(load_run(make_run(tmp_path / "run")))
    said = " ".join(limits.section(found).prose)
    assert "1 search of each strategy, 4 configurations in all" in said
    assert "at most 9 epochs" in said and "multiply-adds" not in said
    asked = dataclasses.replace(found.run.experiment, max_multiply_adds=39_200_000)
    small = dataclasses.replace(found.run, experiment=asked)
    said = " ".join(limits.section(dataclasses.replace(found, run=small)).prose)
    assert "Models of more than 39,200,000 multiply-adds were not drawn." in said


def test_before_the_test_it_says_nothing(tmp_path):
    assert limits.section(find(load_run(make_run(tmp_path / "run", seeds=0)))) is None
