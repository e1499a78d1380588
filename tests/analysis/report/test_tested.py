"""A strategy's test result as a table's cells."""

from analysis.example import example
from analysis.formatting import NOTHING
from analysis.report import tested as of
from analysis.report.findings import find
from analysis.run import Run
from tests.support.synthetic_runs import with_finals


def cells(run: Run):
    found = find(run)
    return {name: of.tested(found, name) for name in run.experiment.strategies}


def test_the_best_is_said_to_be_and_the_others_by_how_much_they_are_behind():
    found = cells(example(lines=0.9, patches=0.5))
    assert found["lines"].difference == "best" and found["lines"].p == NOTHING
    assert found["patches"].difference == "\N{MINUS SIGN}40.0"
    assert found["patches"].p == "< 0.001" and " to " in found["patches"].interval_of_difference
    assert found["lines"].result == "90.0 ± 1.0 %" and found["lines"].seeds == "3"


def test_one_seed_has_no_spread_and_no_p():
    run = example(lines=0.9, patches=0.5)
    one = with_finals(run, run.finals[run.finals.seed == 0], run.test_labels, 1)
    for found in cells(one).values():
        assert "±" not in found.result and found.p == NOTHING
