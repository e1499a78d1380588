"""The tables of a run: their columns are a promise."""

import contextlib
import dataclasses
import sqlite3

from search.rows import FinalRow, TrialRow
from search.store import Store
from tests.support.stores import trial


def test_the_columns_that_are_promised(run):
    """DESIGN's table, word for word: more may be added, none taken away."""
    promised = {
        "trials": "trial_id parent_id dataset strategy iteration bracket rung slot seed "
        "hyperparameters first_epoch last_epoch status score val_loss parameters multiply_adds "
        "timesteps features train_seconds setup_seconds peak_memory_bytes worker retries started "
        "finished message",
        "epochs": "trial_id epoch loss accuracy val_loss val_accuracy seconds",
        "finals": "dataset strategy trial_id seed test_accuracy test_loss train_seconds "
        "latency_ms predictions",
    }
    with contextlib.closing(sqlite3.connect(run / "results.sqlite")) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (1,)
        for table, columns in promised.items():
            there = {row[1] for row in database.execute(f"PRAGMA table_info({table})")}
            assert set(columns.split()) <= there


def test_rows_have_a_field_for_every_column(run):
    """And what a later version has added is left aside."""
    with contextlib.closing(sqlite3.connect(run / "results.sqlite")) as database:
        for table, kind in (("trials", TrialRow), ("finals", FinalRow)):
            there = {row[1] for row in database.execute(f"PRAGMA table_info({table})")}
            assert there == {field.name for field in dataclasses.fields(kind)}
        database.execute("ALTER TABLE trials ADD COLUMN later TEXT")
        database.commit()
    with Store.resume(run) as store:
        store.start_trial(trial())
        assert store.trials() == [trial()]
