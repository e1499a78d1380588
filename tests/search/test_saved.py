"""A run that is read: every table's rows have their types, or one line says what is damaged."""

import contextlib
import dataclasses
import json
import shutil
import sqlite3

import pytest

from search.experiment import Experiment, ExperimentError
from search.rows import KINDS, columns, members_fingerprint
from search.saved import SavedRun
from search.schema import ADDED_COLUMNS, ADDED_TABLES
from search.store import Store
from tests.support.synthetic_runs import make_run


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run with a row in every table."""
    path = make_run(tmp_path_factory.mktemp("whole") / "run", strategies=["lines"], running=1)
    with contextlib.closing(sqlite3.connect(path / "results.sqlite")) as database:
        for row in ROWS:
            names, marks = ", ".join(row[1]), ", ".join("?" * len(row[1]))
            database.execute(f"INSERT INTO {row[0]} ({names}) VALUES ({marks})", [*row[1].values()])
        database.commit()
    return path


ROWS = [
    ("images", {"dataset": "digits", "split": "test", "position": 3, "label": 1, "height": 1,
                "width": 2, "channels": 1, "pixels": b"ab"}),
    ("sequences", {"dataset": "digits", "strategy": "lines", "trial_id": "lines-0-2-2-0",
                   "height": 1, "width": 2, "timesteps": b"\0\0\1\0"}),
    ("plans", {"dataset": "digits", "strategy": "lines", "trials": 9, "epochs": 20}),
    ("searches", {"dataset": "digits", "strategy": "lines", "iteration": 0, "whole": 1}),
    ("members", {"dataset": "digits", "position": 0, "split": "train", "name": "0", "label": "3",
                 "fingerprint": "00ff"}),
    ("baselines", {"dataset": "digits", "baseline": "majority", "label": "most frequent",
                   "setting": "{}", "validation_score": 0.1, "test_accuracy": 0.1,
                   "train_images": 9, "seconds": 0.1, "predictions": bytes(600)}),
    ("sessions", {"started": 1000.0, "ended": 2000.0, "outcome": "finished"}),
]  # fmt: skip


@pytest.fixture
def run(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "run")


def alter(run, statement, *values):
    with contextlib.closing(sqlite3.connect(run / "results.sqlite")) as database:
        database.execute("PRAGMA ignore_check_constraints = ON")
        database.execute(statement, values)
        database.commit()


def read_all(run):
    store = SavedRun(run)
    return {**store.tables(), "members": store.members()}


def refusal(run):
    with pytest.raises(ExperimentError) as caught:
        read_all(run)
    message = str(caught.value)
    assert len(message.splitlines()) == 1 and message.isprintable()
    assert "is damaged: " in message and message.endswith(". Restore it from a copy")
    return message


def test_a_run_that_nobody_touched_is_read(whole):
    found = read_all(whole)
    assert found.keys() == KINDS.keys()
    assert all(found.values())


@pytest.mark.parametrize("table", KINDS)
def test_what_a_column_cannot_be_is_refused_or_harms_nobody(whole, tmp_path, table):
    """A value of any other type is refused; SQLite turns some into the right one."""
    refused = set()
    for column in columns(table):
        for value in ["", "five", b"\xff\xfe", -1, 2.5, 2**62, float("inf"), None, "[" * 50_000]:
            run = shutil.copytree(whole, tmp_path / f"{len(refused)}", dirs_exist_ok=True)
            with contextlib.suppress(sqlite3.IntegrityError):
                alter(run, f"UPDATE {table} SET {column} = ? WHERE rowid = 1", value)
            try:
                read_all(run)
            except ExperimentError as error:
                message = str(error)
                assert len(message.splitlines()) == 1 and message.isprintable()
                assert "is damaged: " in message, message
                refused.add(column)
            shutil.rmtree(run)
    assert refused == set(columns(table)), "taken whatever it is"


@pytest.mark.parametrize("table", KINDS)
def test_a_table_or_a_column_that_is_missing_is_named(run, table):
    later = table in ADDED_TABLES
    if later:
        alter(run, f"DROP TABLE {table}")
        assert read_all(run)[table] == []  # an older run
        return
    needed = [name for name in columns(table) if name not in ADDED_COLUMNS.get(table, {})]
    alter(run, f"ALTER TABLE {table} RENAME COLUMN {needed[-1]} TO other")
    assert f"no {needed[-1]}, at {table}" in refusal(run)
    alter(run, f"DROP TABLE {table}")
    assert f"at {table}" in refusal(run)


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("UPDATE trials SET slot = 7 WHERE rowid = 1", "is of another place, at trials[0]"),
        ("UPDATE trials SET trial_id = '../../x' WHERE rowid = 1", "another place, at trials[0]"),
        ("UPDATE trials SET first_epoch = 99", "first_epoch is not before last_epoch"),
        ("UPDATE trials SET score = NULL", "a completed trial has score and train_seconds, at"),
        ("UPDATE trials SET hyperparameters = '[]'", "got array, at hyperparameters"),
        ("UPDATE trials SET hyperparameters = '{\"a\": NaN}'", "NaN is no number"),
        ("UPDATE trials SET iteration = 5, trial_id = replace(trial_id, 'lines-0', 'lines-5')",
         "no such iteration, at trials[0]"),
        ("UPDATE trials SET dataset = 'mnist'", "dataset is another, at trials[0]"),
        ("UPDATE finals SET strategy = 'patches'", "strategy does not compete, at finals[0]"),
        ("UPDATE finals SET trial_id = 'lines-0-0-0-0'", "trial_id is none of it, at finals[0]"),
        ("UPDATE finals SET predictions = x'0000'", "too few predictions, at finals[0]"),
        ("UPDATE finals SET predictions = x'00'", "too few predictions, at finals[0]"),
        ("UPDATE finals SET predictions = CAST(hex(predictions) AS TEXT)", "at finals[0]"),
        ("UPDATE finals SET test_accuracy = NULL", "a completed final has a test_accuracy"),
        ("UPDATE datasets SET test_labels = NULL", "no test_labels, at datasets, for the predict"),
        ("UPDATE datasets SET test_labels = x'00'", "test_labels are not two bytes a test image"),
        ("UPDATE datasets SET class_names = '[\"0\", \"1\"]'", "no such class"),
        ("UPDATE datasets SET class_names = '[\"0\"]'", "fewer than two class_names"),
        ("UPDATE datasets SET class_names = '[0, 1]'", "expected str, got int, at class_names[0]"),
        ("INSERT INTO datasets (dataset, height, width, channels, train_images, "
         "validation_images, test_images, class_names, mirror) SELECT 'mnist', height, width, "
         "channels, train_images, validation_images, test_images, class_names, mirror "
         "FROM datasets", "more than one row, at datasets"),
        ("UPDATE images SET pixels = x'00'", "height by width by channels bytes, at images[0]"),
        ("UPDATE images SET label = 10", "no such class, at images"),
        ("UPDATE sequences SET timesteps = x'00'", "by 2 bytes, at sequences[0]"),
        ("UPDATE sequences SET trial_id = 'lines-9-9-9-9'", "is none of it, at sequences[0]"),
        ("UPDATE finals SET trial_id = 'lines-0-2-0-3'", "trial_id did not complete, at finals[0]"),
        ("UPDATE epochs SET seconds = NULL", "expected float, got null, at epochs[0].seconds"),
        ("UPDATE trials SET train_seconds = NULL", "has score and train_seconds, at trials[0]"),
        ("UPDATE datasets SET test_labels = 'AAAA'", "expected bytes | null, got str, at"),
    ],
)  # fmt: skip
def test_what_contradicts_something_else_is_refused(run, statement, named):
    alter(run, statement)
    assert named in refusal(run)


def paths(value, *before):
    """Yields the place of everything in a JSON value."""
    yield before
    parts = value.items() if isinstance(value, dict) else ()
    for key, part in enumerate(value) if isinstance(value, list) else parts:
        yield from paths(part, *before, key)


def put(value, path, new):
    """Returns a JSON value with another one at a place."""
    if not path:
        return new
    changed = dict(value) if isinstance(value, dict) else list(value)
    changed[path[0]] = put(value[path[0]], path[1:], new)
    return changed


def test_whatever_stands_in_the_experiment_is_taken_or_refused_in_one_line(run):
    saved = json.loads((run / "experiment.json").read_text())
    refused = 0
    for path in paths(saved):
        for new in (None, True, -1, 2.5, 10**30, 1e300, "", "\x1b[31m", [], [[]], {}, {"a": 1}):
            (run / "experiment.json").write_text(json.dumps(put(saved, path, new)))
            try:
                read_all(run)
            except ExperimentError as error:
                message = str(error)
                assert len(message.splitlines()) == 1 and message.isprintable(), message
                refused += 1
    assert refused > 200


@pytest.fixture
def begun(run):
    """A run that says how it began."""
    asked = json.loads((run / "experiment.json").read_text())["experiment"]
    fingerprint = members_fingerprint(SavedRun(run).rows("members"))
    alter(
        run,
        "UPDATE datasets SET experiment = ?, members_fingerprint = ?",
        json.dumps(asked),
        fingerprint,
    )
    return run


@pytest.mark.parametrize(
    ("field", "now"),
    [("batch_size", 7), ("train_limit", 70), ("final_seeds", 9), ("seed", 3), ("mirror", True),
     ("skip_broken", True), ("max_multiply_adds", 5), ("most_iterations", 9), ("final_epochs", 2)],
)  # fmt: skip
def test_what_is_asked_for_in_another_way_than_at_first_is_refused(begun, field, now):
    read_all(begun)
    saved = json.loads((begun / "experiment.json").read_text())
    saved["experiment"][field] = now
    (begun / "experiment.json").write_text(json.dumps(saved))
    assert f"{now!r}, at experiment.{field}" in refusal(begun)


def test_what_it_was_extended_by_is_no_damage_and_anything_else_is(begun):
    """Between the extension and the tables that fit it, and after: they say how far they are."""
    with Store.resume(begun) as store:
        for more in ({"final_seeds": 9}, {"iterations": 4, "most_iterations": 4}):
            store.extend(dataclasses.replace(store.experiment, **more), "command")
        larger = store.experiment
    for count, seeds in ((None, 3), (1, 9), (2, 9)):
        asked = {**larger.to_json(), "final_seeds": seeds}
        asked |= {} if count == 2 else {"iterations": 1, "most_iterations": 1}
        alter(begun, "UPDATE datasets SET extensions = ?, experiment = ?", count, json.dumps(asked))
        assert read_all(begun)["datasets"]
        assert SavedRun(begun).fitted == Experiment.from_json(asked)
    alter(begun, "UPDATE datasets SET extensions = 1")  # and what was asked for is not that
    assert "at experiment.iterations" in refusal(begun)
    alter(begun, "UPDATE datasets SET extensions = 2")
    saved = json.loads((begun / "experiment.json").read_text())
    (begun / "experiment.json").write_text(json.dumps(put(saved, ["experiment", "seed"], 5)))
    assert "5, at experiment.seed" in refusal(begun)


def test_whatever_stands_in_an_extension_is_taken_or_refused_in_one_line(begun):
    with Store.resume(begun) as store:
        store.extend(dataclasses.replace(store.experiment, iterations=4), "command")
    saved = json.loads((begun / "experiment.json").read_text())
    for path in paths(saved["about"]["extended"], "about", "extended"):
        for new in (None, True, -1, 10**30, "", "\x1b[31m", [], {}, {"later": 1}, [{"seed": "a"}]):
            (begun / "experiment.json").write_text(json.dumps(put(saved, path, new)))
            try:
                read_all(begun)
            except ExperimentError as error:
                assert len(str(error).splitlines()) == 1 and str(error).isprintable()


def test_images_may_be_moved_and_a_limit_of_time_be_another(begun):
    saved = json.loads((begun / "experiment.json").read_text())
    saved["experiment"] |= {"dataset": "/elsewhere/digits", "data_dir": "/a", "budget": 3}
    (begun / "experiment.json").write_text(json.dumps(saved))
    assert read_all(begun)["datasets"]


@pytest.mark.parametrize(
    "change",
    ["DELETE FROM members", "UPDATE members SET split = 'test'", "UPDATE members SET label = '4'",
     "UPDATE members SET name = '1'",
     "INSERT INTO members VALUES ('digits', 1, 'test', 'a', '3', 'f')"],
)  # fmt: skip
def test_members_that_are_others_than_at_first_are_damage(begun, change):
    alter(begun, change)
    assert "not the images with which the run began, at members" in refusal(begun)


def test_a_file_that_does_more_than_hold_tables_is_not_obeyed(run):
    """SQLite runs what a file's own views and triggers call only where it may."""
    alter(run, "ALTER TABLE plans RENAME TO hidden")
    alter(run, "CREATE VIEW plans AS SELECT load_extension('evil') AS dataset, strategy, trials, "
               "epochs FROM hidden")  # fmt: skip
    assert "no table, at plans" in refusal(run)


def test_an_empty_table_file_is_damaged_not_of_another_version(run):
    (run / "results.sqlite").write_bytes(b"")
    assert "is damaged: no table of a run" in refusal(run)
