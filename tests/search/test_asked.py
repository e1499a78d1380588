"""What is asked for, checked before anything slow is imported."""

import os

import pytest

from search.asked import check_asked, command_line
from search.experiment import ExperimentError
from search.options import make_parser


def asked(*arguments):
    """Returns what these options ask for, and what was said of them."""
    said = []
    return check_asked(make_parser().parse_args(arguments), said.append), said


def test_a_limit_of_time_is_a_budget_and_that_is_said():
    experiment, said = asked("--time-limit", "3")
    assert experiment.budget == 3 and len(said) == 1 and "--budget" in said[0]
    assert asked("--budget", "3") == (experiment, [])
    both, _ = asked("--budget", "5", "--time-limit", "3")
    assert both.budget == 5


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--dataset", "nowhere/"], "nowhere"),
        (["--strategies", "rows"], "no strategy"),
        (["--min-epochs", "9", "--max-epochs", "3"], "--min-epochs 9"),
        (["--warm-start", "nothing.json"], "nothing.json"),
        (["--out", os.curdir], "exists"),
    ],
)
def test_what_cannot_be_is_refused(arguments, why):
    with pytest.raises(ExperimentError, match=why):
        asked(*arguments)


def test_a_command_is_kept_as_a_shell_reads_it():
    assert command_line(["--out", "a b"]) == "python run_search.py --out 'a b'"
