"""A run's results: one SQLite file, a transaction a row, one process that writes."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import filelock

from search.experiment import Experiment, ExperimentError, InitialConfiguration
from search.files import write_atomically
from search.metric import ACCURACY, METRICS, Metric, advice, classified_correctly, mostly_wrong
from search.ranking import by_mean, trial_rank
from search.rows import FinalRow, TrialRow, columns
from search.saved import SavedRun, columns_there
from search.schema import ADDED_COLUMNS, ADDED_TABLES, FOR_THE_REPORT, SCHEMA, SCHEMA_VERSION
from search.wording import MINUS, NOTHING, value_in_words, values_in_words

# What the analysis may know of the search, it takes from here.
__all__ = [
    "ACCURACY",
    "METRICS",
    "MINUS",
    "NOTHING",
    "Experiment",
    "ExperimentError",
    "FinalRow",
    "InitialConfiguration",
    "Metric",
    "Store",
    "TrialRow",
    "advice",
    "by_mean",
    "classified_correctly",
    "columns",
    "mostly_wrong",
    "trial_rank",
    "value_in_words",
    "values_in_words",
    "write_atomically",
]

MOMENT = 0.2  # seconds: `in_use` may hold the lock for a few microseconds


class Store(SavedRun):
    """One run directory and its results.

    Reading needs no lock. Writing does: `create` and `resume` take it, `close` gives it back, and
    the kernel does where the process was killed.
    """

    def __init__(self, path: str | os.PathLike[str]):
        super().__init__(path)
        self._lock: filelock.FileLock | None = None

    # A run's life

    @classmethod
    def create(
        cls, path: str | os.PathLike[str], experiment: Experiment, about: Mapping[str, Any]
    ) -> Store:
        """Makes a run directory, whole or not at all, and takes its lock.

        Raises:
            ExperimentError: the directory exists, or cannot be written.
        """
        path = Path(path)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            if path.exists():
                raise ExperimentError(
                    f"{path} exists: "
                    f"go on with --resume {path}, or name another directory with --out"
                )
            path.parent.mkdir(parents=True, exist_ok=True)
            draft.mkdir()
            (draft / "checkpoints").mkdir()
            saved = {"experiment": experiment.to_json(), "about": dict(about)}
            (draft / "experiment.json").write_text(json.dumps(saved, indent=2), encoding="utf-8")
            with contextlib.closing(sqlite3.connect(draft / "results.sqlite")) as database:
                database.executescript(SCHEMA)
                database.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            draft.rename(path)
        except OSError as error:
            raise ExperimentError(
                f"cannot write {path} ({error.strerror or error}): choose another --out"
            ) from error
        except sqlite3.Error as error:  # its errors of the disk are no OSError
            raise ExperimentError(f"cannot write {path} ({error}): choose another --out") from error
        finally:  # after an interruption, too; renamed, there is none
            shutil.rmtree(draft, ignore_errors=True)
        return cls.resume(path)

    @classmethod
    def resume(cls, path: str | os.PathLike[str]) -> Store:
        """Opens a run for writing and takes its lock.

        Raises:
            ExperimentError: it is not a run, or another process is writing to it.
        """
        store = cls(path)
        # The kernel drops this lock when the process dies, so a killed run is never left locked.
        lock = filelock.FileLock(store.path / ".lock")
        try:
            lock.acquire(timeout=MOMENT, poll_interval=MOMENT / 10)
        except filelock.Timeout as error:
            raise ExperimentError(
                f"{store.path} is in use by another process: wait for it, or stop it"
            ) from error
        except OSError as error:
            raise ExperimentError(
                f"cannot write {store.path}: {error.strerror or error}"
            ) from error
        store._lock = lock
        try:
            store.tables()  # what is damaged is said now, not when hours have gone by
            store.delete_drafts()
            with store.connect() as database:
                for statement in ADDED_TABLES.values():
                    database.execute(statement)
                for table, added in ADDED_COLUMNS.items():
                    for name in added.keys() - columns_there(database, table):
                        database.execute(f"ALTER TABLE {table} ADD COLUMN {name} {added[name]}")
        except ExperimentError:
            store.close()
            raise
        except (OSError, sqlite3.Error) as error:
            store.close()
            raise ExperimentError(f"cannot write {store.results_file}: {error}") from error
        return store

    def record_about(self, what: str, said: str) -> None:
        """Adds to one of the lists in `about`, unless it is there: a resume may run on others."""
        before = self.about.get(what, [])
        if said in before:
            return
        self._save(self.experiment, {**self.about, what: [*before, said]})

    def _save(self, experiment: Experiment, about: Mapping[str, Any]) -> None:
        saved = {"experiment": experiment.to_json(), "about": dict(about)}
        write_atomically(self.experiment_file, json.dumps(saved, indent=2).encode())
        self.experiment, self.about = experiment, saved["about"]

    # An extension

    def extend(self, experiment: Experiment, command: str) -> None:
        """Asks for more, and says so in `about`: one atomic write, from which a resume goes on.

        Its tables are as they were until `fit`.

        Args:
            experiment: what is asked for from now on.
            command: the command line that asks for it.
        """
        before, after = self.experiment.to_json(), experiment.to_json()
        changed = [name for name in after if before[name] != after[name]]
        extension = {
            "when": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
            "command": command,
            "tested": self.finals_begun,
            "before": {name: before[name] for name in changed},
            "after": {name: after[name] for name in changed},
        }
        self._save(experiment, {**self.about, "extended": [*self.extended, extension]})

    def fit(self, trials: Iterable[str], finals: Mapping[str, FinalRow]) -> None:
        """Makes the tables those of what is asked for now, in one transaction.

        What was said of the search as a whole goes, since it is no longer over; so do the finals
        that were under way.

        Args:
            trials: the names of those that are none of it.
            finals: the names of the trainings of those that are none of it, to their rows.
        """
        named = "SELECT strategy || '-final-' || seed FROM finals"
        asked = {"asked": json.dumps(self.experiment.to_json()), "count": len(self.extended)}
        with self.connect() as database:
            _forget(database, trials, finals)
            database.execute(
                "DELETE FROM epochs WHERE trial_id NOT IN (SELECT trial_id FROM trials) "
                f"AND trial_id NOT IN ({named})"
            )
            database.execute("DELETE FROM images WHERE split = 'test'")
            database.execute("DELETE FROM searches")
            database.execute("UPDATE datasets SET experiment = :asked, extensions = :count", asked)

    def forget(self, trials: Iterable[str], finals: Mapping[str, FinalRow]) -> None:
        """Deletes trials and finals, in one transaction; the arguments are as in `fit`."""
        with self.connect() as database:
            _forget(database, trials, finals)

    @property
    def in_use(self) -> bool:
        """Whether a process holds the lock: found out without taking it."""
        import fcntl  # not on Windows, where all else works

        try:
            with (self.path / ".lock").open("rb") as file:
                # Refused as long as the lock is held. Else this is shared, and given back at once:
                # it keeps nobody out but a process that takes the lock in the same microsecond,
                # and `resume` waits longer than that.
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    @contextlib.contextmanager
    def session(self) -> Iterator[None]:
        """Records when this process began to work on the run, and how that ended."""
        with self.connect() as database:
            number = database.execute(
                "INSERT INTO sessions (started) VALUES (?)", (time.time(),)
            ).lastrowid

        def end(outcome: str) -> None:
            with self.connect() as database:
                database.execute(
                    "UPDATE sessions SET ended = ?, outcome = ? WHERE session = ?",
                    (time.time(), outcome, number),
                )

        try:
            yield
        except BaseException as error:
            interrupted = isinstance(error, KeyboardInterrupt)
            # A full disk takes no last word; that error is the one to be heard.
            with contextlib.suppress(sqlite3.Error):
                end("interrupted" if interrupted else f"{error or type(error).__name__}")
            raise
        end("finished")

    def close(self) -> None:
        """Gives the lock back."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def __enter__(self) -> Store:
        """Returns itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Gives the lock back."""
        self.close()

    # Rows

    def record_dataset(
        self, row: Mapping[str, Any], members: Iterable[Mapping[str, Any]] = ()
    ) -> None:
        """Writes what the report needs to know of the data set; of its test labels nothing.

        Args:
            row: of the table `datasets`.
            members: all its images, written the first time; their fingerprint is in the row, so
                that both are one transaction.
        """
        with self.connect() as database:
            if not database.execute("SELECT 1 FROM members LIMIT 1").fetchone():
                for member in members:
                    _insert(database, "members", member, "")
            _insert(database, "datasets", row, "OR IGNORE")
            known = ", ".join(f"{name} = :{name}" for name in row)
            # The finals write the labels again; until one has ended, an image may be gone.
            tested = (
                "CASE WHEN EXISTS (SELECT 1 FROM finals) OR EXISTS (SELECT 1 FROM baselines) "
                "THEN test_labels END"
            )
            database.execute(
                f"UPDATE datasets SET {known}, test_labels = {tested} WHERE dataset = :dataset", row
            )

    def record_strategies(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Writes who competes, once: `strategy`, `position`, `recurrent`, `summary` of each."""
        with self.connect() as database:
            for row in rows:
                _insert(database, "strategies", row, "OR IGNORE")

    def record_plan(self, dataset: str, totals: Mapping[str, tuple[int, int]]) -> None:
        """Writes how many (trials, epochs) each strategy's whole search has."""
        with self.connect() as database:
            for strategy, (trials, epochs) in totals.items():
                plan = {"strategy": strategy, "trials": trials, "epochs": epochs}
                _insert(database, "plans", {"dataset": dataset, **plan}, "OR REPLACE")

    def record_test_labels(self, dataset: str, labels: bytes) -> None:
        """Writes the test images' labels (little-endian uint16) when the finals open them."""
        with self.connect() as database:
            database.execute(
                "UPDATE datasets SET test_labels = ? WHERE dataset = ?", (labels, dataset)
            )

    def start_trial(self, row: TrialRow) -> None:
        """Writes a trial as running; one that a killed process left running starts again."""
        with self.connect() as database:
            _start_trial(database, row)

    def finish_trial(self, row: TrialRow, epochs: Iterable[Mapping[str, Any]]) -> None:
        """Writes how a trial that was started has ended, and its epochs, in one transaction."""
        with self.connect() as database:
            _finish_trial(database, row, epochs)

    def record_trials(self, news: Iterable[tuple[TrialRow, Sequence[Mapping[str, Any]]]]) -> None:
        """Writes in one transaction trials that have started, and ended ones with their epochs.

        In their order. A disk takes milliseconds for each transaction, so there is one for all that
        happens before somebody is waited for.
        """
        with self.connect() as database:
            for row, epochs in news:
                if row.status == "running":
                    _start_trial(database, row)
                else:
                    _finish_trial(database, row, epochs)

    def record_epochs(self, trial_id: str, epochs: Iterable[Mapping[str, Any]]) -> None:
        """Writes epochs of a trial or a final that goes on."""
        with self.connect() as database:
            _insert_epochs(database, trial_id, epochs)

    def record_final(
        self, row: FinalRow, name: str = "", epochs: Iterable[Mapping[str, Any]] = ()
    ) -> None:
        """Writes one finalist's result on one seed, in one transaction.

        Args:
            row: the result.
            name: of its training, under which its epochs are kept.
            epochs: rows of the table of epochs.
        """
        with self.connect() as database:
            _insert(database, "finals", dataclasses.asdict(row), "OR REPLACE")
            _insert_epochs(database, name, epochs)

    def record_report_rows(self, table: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Writes rows of a table that the report reads, in one transaction; repeats replace them.

        Raises:
            ValueError: it is another table.
        """
        if table not in FOR_THE_REPORT:
            raise ValueError(f"no table {table!r} for the report")
        with self.connect() as database:
            for row in rows:
                _insert(database, table, row, "OR REPLACE")


def _insert(
    database: sqlite3.Connection, table: str, row: Mapping[str, Any], conflict: str
) -> None:
    columns = ", ".join(row)
    values = ", ".join(f":{column}" for column in row)
    database.execute(f"INSERT {conflict} INTO {table} ({columns}) VALUES ({values})", dict(row))


def _start_trial(database: sqlite3.Connection, row: TrialRow) -> None:
    _insert(database, "trials", vars(row), "OR REPLACE")


def _finish_trial(
    database: sqlite3.Connection, row: TrialRow, epochs: Iterable[Mapping[str, Any]]
) -> None:
    columns = vars(row)
    # Not replaced: a table's order is that in which trials were started.
    settings = ", ".join(f"{column} = :{column}" for column in columns)
    database.execute(f"UPDATE trials SET {settings} WHERE trial_id = :trial_id", columns)
    _insert_epochs(database, row.trial_id, epochs)


def _insert_epochs(
    database: sqlite3.Connection, trial_id: str, epochs: Iterable[Mapping[str, Any]]
) -> None:
    for epoch in epochs:
        _insert(database, "epochs", {"trial_id": trial_id, **epoch}, "OR REPLACE")


def _forget(
    database: sqlite3.Connection, trials: Iterable[str], finals: Mapping[str, FinalRow]
) -> None:
    """Deletes trials and finals, their epochs, and where such a trial's timesteps lie."""
    trials = [*trials]
    for table, names in (("trials", trials), ("epochs", [*trials, *finals]), ("sequences", trials)):
        gone = [(name,) for name in names]
        database.executemany(f"DELETE FROM {table} WHERE trial_id = ?", gone)
    database.executemany(
        "DELETE FROM finals WHERE dataset = ? AND strategy = ? AND seed = ?",
        [(row.dataset, row.strategy, row.seed) for row in finals.values()],
    )
