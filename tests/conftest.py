"""What all tests share: one thread, as in the program, and one small search for many to look at."""

from __future__ import annotations

import os
import random
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from search.environment import limit_threads
from tests.support import small_run

# So that sums are taken in one order and results can be compared bit for bit. Before any test
# imports Keras.
limit_threads()


@pytest.hookimpl(tryfirst=True)  # before the tests are told to the processes
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keeps each file's tests in one process, and in one all that look at the small search."""
    shared = {item.path for item in items if "finished_run" in getattr(item, "fixturenames", ())}
    for item in items:
        group = "small run" if item.path in shared else str(item.path)
        item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    """What a test sets for its process is set back: the program hides the GPUs from its own."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


class FinishedRun(NamedTuple):
    """A run that nothing disturbed: its directory and what it printed."""

    path: Path
    output: str
    errors: str


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    """The small search, run by the command line in a process of its own. Read it, do not write."""
    folder = tmp_path_factory.mktemp("finished")
    ended = small_run.execute([*small_run.ARGUMENTS, "--out", "run"], folder)
    assert ended.returncode == 0, ended.stderr
    return FinishedRun(folder / "run", ended.stdout, ended.stderr)


class StoppedRun(NamedTuple):
    """A run that was interrupted and killed on its way, and gone on with each time."""

    path: Path
    by_hand: subprocess.CompletedProcess[str]  # how Ctrl-C ended it
    killed: subprocess.CompletedProcess[str]  # how SIGKILL did
    by_system: subprocess.CompletedProcess[str]  # how SIGTERM ended it
    reported: bool  # whether Ctrl-C left a report
    rows: int  # finished when SIGTERM had ended it
    finished: subprocess.CompletedProcess[str]  # how it ended when it was left alone
    elsewhere: Path  # where that process ran


@pytest.fixture(scope="session")
def stopped_run(tmp_path_factory: pytest.TempPathFactory) -> StoppedRun:
    """The small search again, stopped three times at random instants, each time in another way."""
    folder, elsewhere = tmp_path_factory.mktemp("stopped"), tmp_path_factory.mktemp("elsewhere")
    run = folder / "run"
    rng = random.Random(20260102)

    def stop(number: int) -> subprocess.CompletedProcess[str]:
        """Stops it within a trial, when it has ended two more than the last time."""
        rows = small_run.finished_rows(run) + 2
        process = small_run.resume_or_start(folder)
        return small_run.stop(process, run, rows, rng.uniform(0, 0.2), number)

    by_hand = stop(signal.SIGINT)
    reported = (run / "report" / "report.html").exists()
    killed = stop(signal.SIGKILL)
    by_system = stop(signal.SIGTERM)
    rows = small_run.finished_rows(run)
    finished = small_run.execute(["--resume", str(run)], elsewhere)
    return StoppedRun(run, by_hand, killed, by_system, reported, rows, finished, elsewhere)
