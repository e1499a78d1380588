"""A run directory as it is read: what was asked for and every table, with all of it checked."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any, TypedDict

from search.experiment import Experiment, ExperimentError
from search.files import RunFiles
from search.rows import (
    KINDS,
    Checked,
    FinalRow,
    TrialRow,
    check_together,
    columns,
    members_fingerprint,
)
from search.schema import ADDED_COLUMNS, ADDED_TABLES, SCHEMA_VERSION
from search.validation import Size, checked, parsed


class Hardware(TypedDict, total=False):
    """What a run was begun on."""

    processor: str
    cores: Size | None
    memory_bytes: Size | None
    system: str


class Saved(TypedDict):
    """What `experiment.json` holds."""

    experiment: dict[str, Any]
    about: dict[str, Any]


class Extension(TypedDict):
    """When a run was asked for more, and what: fields of its experiment, as they were and as then.

    `tested` is whether its test had been opened by then, so that somebody may have seen it.
    """

    when: str
    command: str
    tested: bool
    before: dict[str, Any]
    after: dict[str, Any]


class About(TypedDict, total=False):
    """How a run was made; an older one says less."""

    command: str
    backend: str
    started: str
    versions: dict[str, str]
    hardware: Hardware
    devices: list[str]
    went_on_with: list[str]
    extended: list[Extension]


class SavedRun(RunFiles):
    """One run directory, opened for reading; that needs no lock.

    Attributes:
        path: the run directory.
        experiment: what was asked for.
        about: the command line, versions, hardware and devices, as saved with the experiment.
    """

    def __init__(self, path: str | os.PathLike[str]):
        """Opens a run.

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
            text = self.experiment_file.read_text(encoding="utf-8")
            saved = parsed(Saved, text, "its top")
            self.experiment = Experiment.from_json(saved["experiment"])
            self.about = saved["about"]
            checked(About, self.about, "about")  # which would leave out what it does not know
        except OSError as error:
            raise ExperimentError(f"cannot read {self.path}: {error.strerror or error}") from error
        except ValueError as error:
            raise _damaged(self.experiment_file, error) from error
        self._check_schema()

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """A connection on which an error is one line."""
        try:
            with self.connect() as database:
                yield database
        except sqlite3.OperationalError as error:
            if "decode" in str(error):  # text that is none
                raise _damaged(self.results_file, error) from error
            raise ExperimentError(  # no damage: in use, or not to be opened
                f"cannot read {self.results_file}: {error}. Try again when nothing else uses it"
            ) from error
        except sqlite3.DatabaseError as error:
            raise _damaged(self.results_file, error) from error

    def _check_schema(self) -> None:
        with self._reading() as database:
            version = database.execute("PRAGMA user_version").fetchone()[0]
            damage = database.execute("PRAGMA quick_check(1)").fetchone()[0]
            found = database.execute("SELECT name FROM sqlite_master WHERE type = 'view'")
            views = {row["name"] for row in found} & KINDS.keys()
            there = {table: columns_there(database, table) for table in KINDS.keys() - views}
        if damage != "ok":
            raise _damaged(self.results_file, damage)
        if not version and not any(there.values()):  # an empty file, or another program's
            raise _damaged(self.results_file, "no table of a run")
        if version != SCHEMA_VERSION:
            raise ExperimentError(
                f"{self.results_file} has schema {version}, this version reads {SCHEMA_VERSION}: "
                "use the version of Scanline that made it"
            )
        if views:
            raise _damaged(self.results_file, f"no table, at {min(views)}")
        for table, present in there.items():
            missing = {*columns(table)} - present - ADDED_COLUMNS.get(table, {}).keys()
            if missing and (present or table not in ADDED_TABLES):  # which an older run lacks
                raise _damaged(self.results_file, f"no {min(missing)}, at {table}")

    @contextlib.contextmanager
    def connect(self) -> Iterator[sqlite3.Connection]:
        """A connection whose changes are one transaction, kept only if the block ends well."""
        with contextlib.closing(sqlite3.connect(self.results_file, timeout=30)) as database:
            # Whoever sent the file may have put more into it than tables.
            database.execute("PRAGMA trusted_schema = OFF")
            database.row_factory = sqlite3.Row
            with database:
                yield database

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """Returns the rows of all tables but `members`, as they are at one moment.

        Raises:
            ExperimentError: a row is damaged, or does not fit the others or the experiment.
        """
        with self._reading() as database:
            # One transaction: a search that is still writing cannot change one table under us
            # while we read another.
            database.execute("BEGIN")
            found = {name: _read(database, name) for name in KINDS if name != "members"}
        for name, rows in found.items():
            self._checked(name, rows)
        try:
            check_together(self.experiment, found)
        except ValueError as error:
            raise _damaged(self.results_file, error) from error
        for row in found["datasets"]:
            self._check_asked(row)
        return found

    @property
    def extended(self) -> list[Extension]:
        """How the run was extended, in the order in which it was."""
        return self.about.get("extended", [])

    @property
    def fitted(self) -> Experiment:
        """What its tables have been fitted to: what is asked for, but for extensions since then."""
        return next(map(self._fitted, self.rows("datasets")), self.experiment)

    def _fitted(self, dataset: Mapping[str, Any]) -> Experiment:
        asked = self.experiment.to_json()
        for extension in reversed(self.extended[dataset.get("extensions") or 0 :]):
            asked |= extension["before"]
        try:
            return Experiment.from_json(asked)
        except ValueError as error:
            raise _damaged(self.experiment_file, f"{error}, at about.extended") from error

    def _check_asked(self, dataset: Mapping[str, Any]) -> None:
        """Refuses a run in which something else is asked for than when it began, or was extended.

        Args:
            dataset: its row of the table, which says what was asked for then; an older one does
                not.
        """
        if dataset.get("experiment") is None:
            return
        try:
            asked = parsed(dict[str, Any], dataset["experiment"], "experiment")
            then = Experiment.from_json(asked)
        except ValueError as error:
            raise _damaged(self.results_file, f"{error}, at datasets[0]") from error
        for name, (was, now) in self._fitted(dataset).changes(then).items():
            raise _damaged(
                self.experiment_file,
                f"{name} was {was!r} when the run began, and is {now!r}, at experiment.{name}",
            )

    def members(self) -> list[dict[str, Any]]:
        """Returns the rows of `members`, those with which the run began.

        Raises:
            ExperimentError: a row is damaged, gone, new or another than it was.
        """
        rows, datasets = self.rows("members"), self.rows("datasets")
        if not datasets and self.trials():
            raise _damaged(self.results_file, "no row, at datasets")
        for row in datasets:
            begun = row.get("members_fingerprint")  # an older run has none
            if begun is not None and begun != members_fingerprint(rows):
                raise _damaged(
                    self.results_file, "not the images with which the run began, at members"
                )
        return rows

    @property
    def seconds_spent(self) -> float:
        """How long processes have worked on the run, as far as they could say so at their end."""
        sessions = [row for row in self.rows("sessions") if row["ended"]]
        return float(sum(row["ended"] - row["started"] for row in sessions))

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Returns a table's rows in the order in which they were first written.

        Raises:
            ExperimentError: a row is damaged.
            ValueError: there is no such table.
        """
        if table not in KINDS:
            raise ValueError(f"no table {table!r}")
        with self._reading() as database:
            rows = _read(database, table)
        self._checked(table, rows)
        return rows

    def trials(self) -> list[TrialRow]:
        """Returns the trials in the order in which they were last started."""
        with self._reading() as database:
            return self._checked("trials", _read(database, "trials"))

    def finals(self) -> list[FinalRow]:
        """Returns the finals that have ended, in the order in which they did."""
        with self._reading() as database:
            return self._checked("finals", _read(database, "finals"))

    def epochs(self, trial_id: str) -> list[dict[str, Any]]:
        """Returns a trial's or a final's rows of the table of epochs, without its name."""
        with self._reading() as database:
            rows = database.execute(
                "SELECT * FROM epochs WHERE trial_id = ? ORDER BY epoch", (trial_id,)
            ).fetchall()
        found = [dict(row) for row in rows]
        return [{name: row[name] for name in row if name != "trial_id"} for row in found]

    @property
    def finals_begun(self) -> bool:
        """Whether the test was opened: a final has ended, or was paused on its way."""
        if self.rows("baselines"):  # of an extended run, which may have left no final
            return True
        with self._reading() as database:
            found = database.execute(
                "SELECT 1 FROM finals UNION ALL "
                "SELECT 1 FROM epochs WHERE trial_id NOT IN (SELECT trial_id FROM trials) LIMIT 1"
            )
            return found.fetchone() is not None

    @property
    def search_over(self) -> bool:
        """Whether the search is over for good: its finals have begun.

        Those of an extended run may be from before. Its last search says itself when it has ended.
        """
        return self.finals_begun and (not self.extended or bool(self.rows("searches")))

    def _checked(self, table: str, rows: list[dict[str, Any]]) -> list[Any]:
        """Returns rows as what the rows of a table are; what a later version has added is left."""
        try:
            return [_row(table, number, row) for number, row in enumerate(rows)]
        except ValueError as error:
            raise _damaged(self.results_file, error) from error


def _row(table: str, number: int, values: dict[str, Any]) -> Checked:
    """Returns a row as what it is.

    Raises:
        ValueError: it is none; where it lies is said.
    """
    place = f"{table}[{number}]"
    row = checked(KINDS[table], values, place)
    try:
        row.check()
    except ValueError as error:
        raise ValueError(f"{error}, at {place}") from error
    return row


def _read(database: sqlite3.Connection, table: str) -> list[dict[str, Any]]:
    """Returns a table's rows as they are; none, where the run is older than the table."""
    if table in ADDED_TABLES and not columns_there(database, table):
        return []
    return [dict(row) for row in database.execute(f"SELECT * FROM {table} ORDER BY rowid")]


def columns_there(database: sqlite3.Connection, table: str) -> set[str]:
    """Returns the columns of a table; none where there is no such table."""
    return {row["name"] for row in database.execute(f"PRAGMA table_info({table})")}


def _damaged(file: os.PathLike[str], what: object) -> ExperimentError:
    """Returns the error that says so, in one line."""
    reason = " ".join(str(what).split())
    return ExperimentError(f"{file} is damaged: {reason}. Restore it from a copy")
