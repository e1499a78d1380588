"""A search as small as one can be, the command that runs it, and what of its tables must repeat."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

from search.environment import ONE_THREAD
from search.store import Store
from search.workers import forkserver

PROGRAM = Path(__file__).resolve().parents[2] / "run_search.py"

# Ten trials: in either arm two to epoch 1, the better of them on to epoch 2, two more to epoch 2.
FIELDS: dict[str, Any] = {
    "dataset": "digits",
    "train_limit": 100,
    "strategies": ("lines", "line_cnn"),
    "max_epochs": 2,
    "factor": 2,
    "final_seeds": 1,
}
ARGUMENTS = [
    *("--dataset", "digits", "--train-limit", "100", "--strategies", "lines,line_cnn"),
    *("--max-epochs", "2", "--factor", "2", "--iterations", "1", "--final-seeds", "1"),
    *("--configurations", "hyperband", "--batch-size", "64"),
    *("--workers", "1"),
]
TWO_WORKERS = [*ARGUMENTS[:-2], "--workers", "2", "--out", "run"]
TRIALS = 10
FINALS = 2

# What depends on the machine and the moment; all else follows from the experiment.
VOLATILE = {
    *("started", "finished", "train_seconds", "setup_seconds", "seconds", "latency_ms"),
    *("worker", "peak_memory_bytes", "retries"),
}

KEYS = {
    "datasets": ["dataset"],
    "trials": ["trial_id"],
    "epochs": ["trial_id", "epoch"],
    "finals": ["dataset", "strategy", "seed"],
    "images": ["dataset", "split", "position"],
    "sequences": ["dataset", "strategy"],
}


def lasting(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns rows without what depends on the machine and the moment."""
    return [{name: value for name, value in row.items() if name not in VOLATILE} for row in rows]


def tables(run: Path | Store) -> dict[str, list[dict[str, Any]]]:
    """Returns all that must be the same whenever and wherever the run was made.

    Not the order in which it was done: that is the workers' affair.
    """
    store = run if isinstance(run, Store) else Store(run)
    return {
        name: sorted(lasting(store.rows(name)), key=lambda row: [str(row[part]) for part in key])
        for name, key in KEYS.items()
    }


def finished_rows(run: Path) -> int:
    """Returns how many trials and finals have ended; 0 where there is no run yet."""
    if not run.exists():
        return 0
    store = Store(run)
    ended = sum(row["status"] != "running" for row in store.rows("trials"))
    return ended + len(store.rows("finals"))


def environment(**changes: str) -> dict[str, str]:
    """Returns a plain user's environment: none of what the tests set for themselves."""
    ours = {*ONE_THREAD, "COLUMNS", "FORCE_COLOR", "NO_COLOR"}
    inherited = {name: value for name, value in os.environ.items() if name not in ours}
    return inherited | changes


def start(
    arguments: list[str], cwd: Path, prefix: Sequence[str] = (), **changes: str
) -> subprocess.Popen[str]:
    """Starts the program as a user would, from any directory."""
    return subprocess.Popen(
        [*prefix, sys.executable, str(PROGRAM), *arguments],
        cwd=cwd,
        env=environment(**changes),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def finish(process: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
    """Waits for a program and returns its output and exit code."""
    try:
        output, errors = process.communicate(timeout=600)
    except BaseException:
        process.kill()
        process.communicate()
        raise
    return subprocess.CompletedProcess(process.args, process.returncode, output, errors)


def is_worker(process: psutil.Process, driver: int) -> bool:
    """Whether a process is forked, or started, to train: not what it is forked from."""
    kind = "forkserver" if forkserver.METHOD == "forkserver" else "spawn_main"
    named = any(kind in word for word in process.cmdline())
    return named and (kind == "spawn_main" or process.ppid() != driver)


def worker_processes(driver: subprocess.Popen[str]) -> list[psutil.Process]:
    """Returns the processes that train for a search, in the order in which they were started."""
    try:
        children = psutil.Process(driver.pid).children(recursive=True)
        return [each for each in children if is_worker(each, driver.pid)]
    except psutil.Error:  # it has ended meanwhile
        return []


def first_workers(driver: subprocess.Popen[str]) -> list[psutil.Process]:
    """Returns the processes that train as soon as there is one; none if the search has ended."""
    workers: list[psutil.Process] = []
    while not workers and driver.poll() is None:
        time.sleep(0.01)
        workers = worker_processes(driver)
    return workers


def resume_or_start(folder: Path) -> subprocess.Popen[str]:
    """Starts the small search as someone would who finds it stopped."""
    arguments = [*ARGUMENTS, "--out", "run"]
    return start(
        ["--resume", "run", "--workers", "1"] if (folder / "run").exists() else arguments, folder
    )


def stop(
    process: subprocess.Popen[str], run: Path, rows: int, delay: float, number: int
) -> subprocess.CompletedProcess[str]:
    """Sends a signal `delay` seconds after `rows` rows are done, unless it ends before."""
    while finished_rows(run) < rows and process.poll() is None:
        time.sleep(0.02)
    try:
        process.wait(delay)
    except subprocess.TimeoutExpired:
        process.send_signal(number)
    return finish(process)


def execute(arguments: list[str], cwd: Path, **changes: str) -> subprocess.CompletedProcess[str]:
    """Runs the program to its end."""
    return finish(start(arguments, cwd, **changes))


def everything_below(folder: Path) -> set[str]:
    """Returns all paths below a folder, hidden ones too."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}
