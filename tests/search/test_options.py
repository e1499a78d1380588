"""The command line's options: made from the fields, and what a value can be."""

import argparse
import dataclasses

import pytest

from search.execution import Execution
from search.experiment import Experiment, ExperimentError
from search.options import (
    KINDS,
    automatic,
    count,
    experiment_of,
    extending,
    flag,
    larger_experiment,
    make_parser,
    names,
    others,
    resumable,
    size,
)

FIELDS = [f for kind in (Experiment, Execution) for f in dataclasses.fields(kind)]


@pytest.mark.parametrize(
    "field", [f for f in FIELDS if "option" in f.metadata], ids=lambda f: f.name
)
def test_every_field_is_an_option_with_its_default(field):
    assert field.metadata["option"].kind in KINDS
    asked = make_parser().parse_args([])
    option = field.metadata["option"]
    assert getattr(asked, field.name) == (None if option.auto else field.default)
    assert flag(field.name) in make_parser().format_help()


@pytest.mark.parametrize(
    ("text", "least"), [("-1", 0), ("0", 1), ("1.5", 0), ("", 0), ("9" * 10, 0)]
)
def test_what_is_no_count_is_refused(text, least):
    with pytest.raises(argparse.ArgumentTypeError):
        count(text, least)


def test_what_is_left_to_the_data_is_named_unless_it_is_given():
    asked = make_parser().parse_args([])
    chosen = {"batch_size", "max_epochs", "min_epochs", "most_iterations", "final_seeds"}
    chosen |= {"final_epochs", "iterations", "max_multiply_adds", "steps_per_epoch"}
    chosen.add("configurations")
    assert automatic(asked) == chosen
    given = make_parser().parse_args(["--max-epochs", "5", "--min-epochs", "auto"])
    assert automatic(given) == chosen - {"max_epochs"}
    found = experiment_of(given, ["lines"], ["digits"])
    assert (found.max_epochs, found.min_epochs, found.iterations) == (5, 1, 1)


def test_values_are_read_as_they_are_written():
    assert size("24x32") == (24, 32) and size("8") == (8, 8)
    assert names("b, a,b") == ("b", "a")
    for text in ("0x3", "x", "3x3x3"):
        with pytest.raises(argparse.ArgumentTypeError):
            size(text)


def test_a_resume_takes_where_it_runs_and_nothing_else():
    given = ["--resume", "r", "--workers", "2", "--seed=3"]
    assert others(given, resumable()) == ["--seed=3"]


def larger(*given):
    asked = Experiment("digits", ("a", "b"), iterations=2, max_epochs=27, most_iterations=4)
    arguments = ["--extend", "r", *given]
    options = make_parser().parse_args(arguments)
    return larger_experiment(options, arguments, asked, ["a", "b", "c"])


def test_an_extension_takes_what_there_can_be_more_of_and_where_it_runs():
    allowed = {*extending()}
    assert {*resumable()} - {"--resume"} < allowed
    assert allowed - {*resumable()} == {
        *("--extend", "--strategies", "--iterations", "--most-iterations", "--max-epochs"),
        *("--min-epochs", "--configurations", "--final-epochs", "--final-seeds", "--budget"),
    }
    with pytest.raises(ExperimentError, match=r"leave out --seed=3 --dataset$"):
        larger("--seed=3", "--workers", "2", "--dataset", "mnist")


def test_what_an_extension_is_not_given_stays_and_a_default_is_not_given():
    found = larger("--final-seeds=5", "--max-epochs", "auto", "--workers", "1")
    assert found == Experiment(
        "digits", ("a", "b"), iterations=2, max_epochs=27, most_iterations=4, final_seeds=5
    )
    assert larger("--strategies", "c,b", "a").strategies == ("c", "b", "a")
    with pytest.raises(ExperimentError, match="no strategy 'd'"):
        larger("--strategies", "a,b,d")


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        (["--epochs", "3"], "did you mean --max-epochs or --min-epochs?"),
        (["--stratgies=lines"], "or --strategies?"),
        (["--xyzzy"], None),
    ],
)
def test_an_unknown_option_is_answered_with_the_nearest(capsys, given, hint):
    with pytest.raises(SystemExit):
        make_parser().parse_args(given)
    line = capsys.readouterr().err
    assert len(line.splitlines()) == 1
    assert (hint in line) if hint else ("did you mean" not in line)


@pytest.mark.parametrize("given", [["a,b"], ["a", "b"], ["a,", "b", "a"]])
def test_strategies_are_named_with_commas_or_with_spaces(given):
    asked = make_parser().parse_args(["--strategies", *given, "--seed", "3"])
    assert experiment_of(asked, ["a", "b", "c"], ["digits"]).strategies == ("a", "b")
