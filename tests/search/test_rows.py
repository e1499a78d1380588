"""What must hold within a row and between the tables; a run's own rows are in test_saved.py."""

import dataclasses

import pytest

from search.experiment import Experiment
from search.hyperband.promotion import TrialKey
from search.rows import KINDS, FinalRow, TrialRow, check_together, columns, trial_name

EXPERIMENT = Experiment("digits", ("lines", "patches"), iterations=2, most_iterations=1)
TRIAL = TrialRow(
    "lines-0-1-0-3",
    "digits",
    "lines",
    0,
    1,
    0,
    3,
    5,
    '{"units": 8}',
    0,
    9,
    "completed",
    score=0.5,
    train_seconds=2.0,
)
DATASET = {"dataset": "digits", "class_names": '["a", "b"]', "test_labels": b"\x01\0\0\0"}


def tables(**changed):
    return {name: [] for name in KINDS} | changed


def test_a_trial_is_named_by_its_place():
    assert trial_name("lines", 0, 2, 1, 7) == TrialKey("lines", 0, 2, 1, 7).trial_id
    TRIAL.check()
    for change in ({"slot": 4}, {"strategy": "patches"}, {"rung": 1}, {"trial_id": "x"}):
        with pytest.raises(ValueError, match="another place"):
            dataclasses.replace(TRIAL, **change).check()


@pytest.mark.parametrize(
    "change",
    [{"last_epoch": 0}, {"score": None}, {"hyperparameters": "3"}, {"hyperparameters": ""}],
)
def test_a_trial_that_cannot_be_is_refused(change):
    with pytest.raises(ValueError, match=r"epoch|score|hyperparameters"):
        dataclasses.replace(TRIAL, **change).check()


def test_what_failed_has_no_score():
    dataclasses.replace(TRIAL, status="failed", score=None).check()
    FinalRow("digits", "lines", "lines-0-1-0-3", 0, "failed").check()
    with pytest.raises(ValueError, match="test_accuracy"):
        FinalRow("digits", "lines", "lines-0-1-0-3", 0, "completed").check()


def test_every_kind_of_row_has_the_columns_of_its_table():
    assert columns("searches") == ["dataset", "strategy", "iteration", "whole", "finals"]
    assert all(columns(table) for table in KINDS)


def test_tables_agree_with_each_other():
    trial = dataclasses.asdict(TRIAL)
    final = {"dataset": "digits", "strategy": "lines", "trial_id": TRIAL.trial_id, "iteration": 1}
    right = tables(
        datasets=[DATASET], trials=[trial], finals=[{**final, "predictions": b"\0\0\1\0"}]
    )
    check_together(EXPERIMENT, right)
    for table, change, named in (
        ("trials", {"dataset": "mnist"}, r"dataset is another, at trials\[0\]"),
        ("trials", {"strategy": "pixels"}, r"does not compete, at trials\[0\]"),
        ("trials", {"iteration": 2}, r"no such iteration, at trials\[0\]"),
        ("finals", {"trial_id": "lines-0-0-0-0"}, r"none of it, at finals\[0\]"),
        ("finals", {"strategy": "patches"}, r"none of it, at finals\[0\]"),
        ("finals", {"predictions": b"\2\0\0\0"}, r"no such class among the predictions"),
        ("finals", {"predictions": b"\0"}, r"too many or too few predictions"),
        ("datasets", {"test_labels": b"\2\0\0\0"}, r"no such class among test_labels"),
        ("datasets", {"test_labels": None}, r"no test_labels"),
    ):
        with pytest.raises(ValueError, match=named):
            check_together(EXPERIMENT, right | {table: [{**right[table][0], **change}]})
    with pytest.raises(ValueError, match="more than one row"):
        check_together(EXPERIMENT, tables(datasets=[DATASET, DATASET]))
