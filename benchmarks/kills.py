"""What SIGKILL costs: small searches, each with one kill of a worker or of the driver.

Each run is the tests' small search with two workers. At a random instant (seeded) a random worker
or the driver is killed; where it was the driver, the run is resumed. Its tables are then compared
with those of a search that nothing disturbed, all but times and counted retries.

    python -m benchmarks.kills --runs 30
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import random
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from search.store import Store
from tests.support import small_run

SEARCH = [*small_run.ARGUMENTS[:-2], "--workers", "2", "--out", "run"]
RESUME = ["--resume", "run", "--workers", "2"]
Tables = Mapping[str, Sequence[Mapping[str, Any]]]


@dataclasses.dataclass(frozen=True)
class Kill:
    """One run with its kill, and what that cost.

    Attributes:
        victim: `worker` or `driver`.
        seconds: after the search was started.
        finished: trials and finals that had ended by then.
        retries: trials that started again because their worker was lost, as counted in the table.
        lost: trials of the undisturbed search that this one lacks.
        differing: tables that are not those of the undisturbed search.
        error: what the search said where it did not end well.
    """

    victim: str
    seconds: float
    finished: int
    retries: int
    lost: int
    differing: tuple[str, ...]
    error: str

    @property
    def harmless(self) -> bool:
        """Whether the run ended as if nothing had happened."""
        return not (self.lost or self.differing or self.error)

    def __str__(self) -> str:
        """One line for a terminal."""
        equal = f"differ: {', '.join(self.differing)}" if self.differing else "tables equal"
        return (
            f"{self.victim:6} after {self.seconds:4.1f} s, {self.finished:2} ended; "
            f"retries {self.retries}, trials lost {self.lost}, {equal} {self.error}"
        )


def killed_run(folder: Path, undisturbed: Tables, pace: float, rng: random.Random) -> Kill | None:
    """Runs a search in an empty folder, with a kill; None if it ended before.

    Args:
        folder: an empty one.
        undisturbed: the tables that are expected.
        pace: seconds from one row to the next.
        rng: draws who is killed, and when.
    """
    run = folder / "run"
    victim = rng.choice(["worker", "driver"])
    rows, delay = rng.randrange(small_run.TRIALS + small_run.FINALS), rng.uniform(0, pace)
    driver = small_run.start(SEARCH, folder)
    began = time.monotonic()
    while small_run.finished_rows(run) < rows and driver.poll() is None:
        time.sleep(0.02)
    time.sleep(delay)
    try:
        # A worker may not have come yet.
        driving = victim == "driver"
        targets = [psutil.Process(driver.pid)] if driving else small_run.first_workers(driver)
        rng.choice(targets).kill()
        struck = True
    except (IndexError, psutil.NoSuchProcess):
        struck = False
    seconds, finished = time.monotonic() - began, small_run.finished_rows(run)
    ended = small_run.finish(driver)
    if not struck or (victim == "driver" and ended.returncode >= 0):
        return None
    if victim == "driver":
        # Killed before it had a run directory, it has nothing to go on with.
        ended = small_run.execute(RESUME if run.exists() else SEARCH, folder)
    found = small_run.tables(run)
    trials = Store(run).rows("trials")
    names = {row["trial_id"] for row in trials if row["status"] == "completed"}
    return Kill(
        victim,
        seconds,
        finished,
        sum(row["retries"] for row in trials),
        len({row["trial_id"] for row in undisturbed["trials"]} - names),
        tuple(name for name in undisturbed if found[name] != undisturbed[name]),
        ended.stderr.strip() if ended.returncode else "",
    )


def summary(kills: Sequence[Kill]) -> str:
    """What all the kills cost together."""
    count = {
        victim: sum(kill.victim == victim for kill in kills) for victim in ("worker", "driver")
    }
    return (
        f"{len(kills)} runs, each with one SIGKILL ({count['worker']} to a worker, "
        f"{count['driver']} to the driver), {min(kill.seconds for kill in kills):.1f} to "
        f"{max(kill.seconds for kill in kills):.1f} s after the start: "
        f"{sum(kill.lost for kill in kills)} trials lost, "
        f"{sum(kill.harmless for kill in kills)} of {len(kills)} ended with equal tables, "
        f"{sum(kill.retries for kill in kills)} trials started again elsewhere"
    )


def main() -> int:
    """Kills, compares and prints; returns 1 if anything was lost or differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=30, metavar="N", help="default: 30")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="default: 0")
    options = parser.parse_args()
    kills: list[Kill] = []
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory) / "undisturbed"
        folder.mkdir()
        began = time.monotonic()
        ended = small_run.execute(SEARCH, folder)
        length = time.monotonic() - began
        if ended.returncode != 0:
            raise RuntimeError(ended.stderr)
        undisturbed = small_run.tables(folder / "run")
        rows = len(undisturbed["trials"]) + len(undisturbed["finals"])
        print(f"undisturbed: {rows} trials and finals in {length:.1f} s", flush=True)
        draw = 0
        # Ctrl-C stops early, and what has been seen so far is told.
        with contextlib.suppress(KeyboardInterrupt):
            while len(kills) < options.runs:
                folder = Path(directory) / f"{draw}"
                folder.mkdir()
                rng = random.Random(f"{options.seed}-{draw}")
                kill = killed_run(folder, undisturbed, length / rows, rng)
                draw += 1
                if kill is not None:
                    kills.append(kill)
                    print(f"{len(kills):3}  {kill}", flush=True)
    if not kills:
        return 1
    print(summary(kills))
    return int(not all(kill.harmless for kill in kills))


if __name__ == "__main__":
    sys.exit(main())
