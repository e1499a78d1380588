"""A run's results: one SQLite file, a transaction a row, one process that writes."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import filelock

from search.experiment import Experiment, ExperimentError, InitialConfiguration
from search.files import RunFiles, write_atomically
from search.metric import ACCURACY, Metric, mostly_wrong
from search.ranking import by_mean, trial_rank
from search.schema import (
    ADDED_COLUMNS,
    ADDED_TABLES,
    FOR_THE_REPORT,
    SCHEMA,
    SCHEMA_VERSION,
    FinalRow,
    TrialRow,
)
from search.wording import NOTHING, value_in_words, values_in_words

# What the analysis may know of the search, it takes from here.
__all__ = [
    "ACCURACY",
    "NOTHING",
    "Experiment",
    "ExperimentError",
    "FinalRow",
    "InitialConfiguration",
    "Metric",
    "Store",
    "TrialRow",
    "by_mean",
    "mostly_wrong",
    "trial_rank",
    "value_in_words",
    "values_in_words",
    "write_atomically",
]

MOMENT = 0.2  # seconds: `in_use` may hold the lock for a few microseconds


class Store(RunFiles):
    """One run directory and its results.

    Reading needs no lock. Writing does: `create` and `resume` take it, `close` gives it back, and
    the kernel does where the process was killed.

    Attributes:
        path: the run directory.
        experiment: what was asked for.
        about: the command line, versions, hardware and devices, as saved with the experiment.
    """

    def __init__(self, path: str | os.PathLike[str]):
        """Opens a run for reading.

        Raises:
            ExperimentError: the directory is not a run, or its files are damaged.
        """
        super().__init__(path)
        try:
            if not self.path.is_dir():
                raise ExperimentError(
                    f"no run directory {self.path}: look under runs/ for its name"
                )
            if not self.experiment_file.is_file() or not self.results_file.is_file():
                raise ExperimentError(
                    f"{self.path} is not a run directory: "
                    "it lacks experiment.json or results.sqlite"
                )
            saved = json.loads(self.experiment_file.read_text(encoding="utf-8"))
            self.experiment = Experiment.from_json(saved["experiment"])
            self.about: dict[str, Any] = saved["about"]
        except OSError as error:
            raise ExperimentError(f"cannot read {self.path}: {error.strerror or error}") from error
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ExperimentError(
                f"{self.experiment_file} is damaged ({error}): restore it from a copy"
            ) from error
        self._check_schema()
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
            raise ExperimentError(f"cannot write {path}: {error.strerror or error}") from error
        except sqlite3.Error as error:  # its errors of the disk are no OSError
            raise ExperimentError(f"cannot write {path}: {error}") from error
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
            store.delete_drafts()
            with store.connect() as database:
                for statement in ADDED_TABLES.values():
                    database.execute(statement)
                for table, columns in ADDED_COLUMNS.items():
                    there = {row["name"] for row in database.execute(f"PRAGMA table_info({table})")}
                    for name in columns.keys() - there:
                        database.execute(f"ALTER TABLE {table} ADD COLUMN {name} {columns[name]}")
        except (OSError, sqlite3.Error) as error:
            store.close()
            raise ExperimentError(f"cannot write {store.results_file}: {error}") from error
        return store

    def record_devices(self, devices: str) -> None:
        """Adds to `about` what trains from now on, unless it is there: a resume may use others."""
        about = self.about if isinstance(self.about, dict) else {}
        before = about.get("devices", [])
        if devices in before:
            return
        self.about = {**about, "devices": [*before, devices]}
        saved = {"experiment": self.experiment.to_json(), "about": self.about}
        write_atomically(self.experiment_file, json.dumps(saved, indent=2).encode())

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

    # Tables

    def _check_schema(self) -> None:
        try:
            with self.connect() as database:
                version = database.execute("PRAGMA user_version").fetchone()[0]
                damage = database.execute("PRAGMA quick_check(1)").fetchone()[0]
        except sqlite3.OperationalError as error:  # no damage: in use, or not to be opened
            raise ExperimentError(
                f"cannot read {self.results_file}: {error}. Try again when nothing else uses it"
            ) from error
        except sqlite3.DatabaseError as error:
            raise ExperimentError(
                f"{self.results_file} is damaged ({error}): restore it from a copy"
            ) from error
        if damage != "ok":
            raise ExperimentError(f"{self.results_file} is damaged: restore it from a copy")
        if version != SCHEMA_VERSION:
            raise ExperimentError(
                f"{self.results_file} has schema {version}, this version reads {SCHEMA_VERSION}: "
                "use the version of Scanline that made it"
            )

    @contextlib.contextmanager
    def connect(self) -> Iterator[sqlite3.Connection]:
        """A connection whose changes are one transaction, kept only if the block ends well."""
        with contextlib.closing(sqlite3.connect(self.results_file, timeout=30)) as database:
            database.row_factory = sqlite3.Row
            with database:
                yield database

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Returns a table's rows in the order in which they were first written.

        Raises:
            ValueError: there is no such table.
        """
        if table not in ("datasets", "trials", "epochs", "finals", *ADDED_TABLES):
            raise ValueError(f"no table {table!r}")
        with self.connect() as database:
            if table in ADDED_TABLES and not has_table(database, table):
                return []
            return [dict(row) for row in database.execute(f"SELECT * FROM {table} ORDER BY rowid")]

    def trials(self) -> list[TrialRow]:
        """Returns the trials in the order in which they were last started."""
        return [TrialRow(**_fields(TrialRow, row)) for row in self.rows("trials")]

    def finals(self) -> list[FinalRow]:
        """Returns the finals that have ended, in the order in which they did."""
        return [FinalRow(**_fields(FinalRow, row)) for row in self.rows("finals")]

    @property
    def finals_begun(self) -> bool:
        """Whether a final has ended, or was paused on its way: the search is over for good."""
        with self.connect() as database:
            found = database.execute(
                "SELECT 1 FROM finals UNION ALL "
                "SELECT 1 FROM epochs WHERE trial_id NOT IN (SELECT trial_id FROM trials) LIMIT 1"
            )
            return found.fetchone() is not None

    def record_dataset(self, row: Mapping[str, Any]) -> None:
        """Writes what the report needs to know of the data set; of its test labels nothing."""
        with self.connect() as database:
            _insert(database, "datasets", row, "OR IGNORE")
            known = ", ".join(f"{name} = :{name}" for name in row)
            database.execute(f"UPDATE datasets SET {known} WHERE dataset = :dataset", row)

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
            _insert(database, "trials", dataclasses.asdict(row), "OR REPLACE")

    def finish_trial(self, row: TrialRow, epochs: Iterable[Mapping[str, Any]]) -> None:
        """Writes how a trial that was started has ended, and its epochs, in one transaction."""
        columns = dataclasses.asdict(row)
        with self.connect() as database:
            # Not replaced: a table's order is that in which trials were started.
            settings = ", ".join(f"{column} = :{column}" for column in columns)
            database.execute(f"UPDATE trials SET {settings} WHERE trial_id = :trial_id", columns)
            _insert_epochs(database, row.trial_id, epochs)

    def record_epochs(self, trial_id: str, epochs: Iterable[Mapping[str, Any]]) -> None:
        """Writes epochs of a trial or a final that goes on."""
        with self.connect() as database:
            _insert_epochs(database, trial_id, epochs)

    def epochs(self, trial_id: str) -> list[dict[str, Any]]:
        """Returns a trial's or a final's rows of the table of epochs, without its name."""
        with self.connect() as database:
            rows = database.execute(
                "SELECT * FROM epochs WHERE trial_id = ? ORDER BY epoch", (trial_id,)
            ).fetchall()
        found = [dict(row) for row in rows]
        return [{name: row[name] for name in row if name != "trial_id"} for row in found]

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


def has_table(database: sqlite3.Connection, table: str) -> bool:
    """Whether a run's file has a table: older ones lack those that came later."""
    found = database.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,))
    return found.fetchone() is not None


def _fields(kind: type, row: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what a kind of row has a field for; a later version may have added columns."""
    return {each.name: row[each.name] for each in dataclasses.fields(kind) if each.name in row}


def _insert(
    database: sqlite3.Connection, table: str, row: Mapping[str, Any], conflict: str
) -> None:
    columns = ", ".join(row)
    values = ", ".join(f":{column}" for column in row)
    database.execute(f"INSERT {conflict} INTO {table} ({columns}) VALUES ({values})", dict(row))


def _insert_epochs(
    database: sqlite3.Connection, trial_id: str, epochs: Iterable[Mapping[str, Any]]
) -> None:
    for epoch in epochs:
        _insert(database, "epochs", {"trial_id": trial_id, **epoch}, "OR REPLACE")
