"""What the verdict does not show."""

from analysis import load_run
from analysis.report.findings import find
from analysis.report.sections import limits
from tests.support.synthetic_runs import make_run


def test_it_says_what_was_held_fixed(tmp_path):
    found = find(load_run(make_run(tmp_path / "run")))
    said = " ".join(limits.section(found).prose)
    assert "1 search of each strategy, 4 configurations in all" in said
    assert "at most 9 epochs" in said


def test_before_the_test_it_says_nothing(tmp_path):
    assert limits.section(find(load_run(make_run(tmp_path / "run", seeds=0)))) is None
