"""What all tests share: one thread, as in the program, and one small search for many to look at."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest
import small_run

from search.workers import limit_threads

# So that sums are taken in one order and results can be compared bit for bit. Before any test
# imports Keras.
limit_threads()


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
