"""Workers in other processes: the same answer as one, also when one of them is killed."""

from __future__ import annotations

import time

import psutil
import pytest
import small_run

from search.store import Store
from search.workers import Occupancy

TWO = [*small_run.ARGUMENTS[:-2], "--workers", "2", "--out", "run"]


@pytest.fixture
def process(tmp_path):
    """A small search with two workers, started."""
    started = small_run.start(TWO, tmp_path)
    yield started
    if started.poll() is None:
        started.kill()
        started.communicate()


def worker_processes(process):
    """The processes that train for a search."""
    return {
        child.pid
        for child in psutil.Process(process.pid).children(recursive=True)
        if any("spawn_main" in part for part in child.cmdline())
    }


def test_two_workers_give_the_answer_of_one_though_one_of_them_is_killed(
    process, tmp_path, finished_run
):
    run = tmp_path / "run"
    while small_run.finished_rows(run) < 2 and process.poll() is None:
        time.sleep(0.05)
    workers = {row["worker"] for row in Store(run).rows("trials") if row["status"] == "completed"}
    victim = int(sorted(workers)[0].rpartition(":")[2])
    assert victim in worker_processes(process)
    psutil.Process(victim).kill()
    ended = small_run.finish(process)
    assert ended.returncode == 0, ended.stderr
    assert small_run.tables(run) == small_run.tables(finished_run.path)
    rows = Store(run).rows("trials")
    assert all(row["status"] == "completed" for row in rows)
    assert sum(row["retries"] for row in rows) <= 1  # none, if it was killed between two trials
    assert len({row["worker"] for row in rows}) >= 2
    assert "workers, busy" in ended.stdout


def test_when_the_driver_is_killed_its_workers_end_and_a_resume_goes_on(
    process, tmp_path, finished_run
):
    run = tmp_path / "run"
    while small_run.finished_rows(run) < 3 and process.poll() is None:
        time.sleep(0.05)
    workers = [psutil.Process(pid) for pid in worker_processes(process)]
    assert len(workers) >= 2
    process.kill()
    process.communicate()
    _, alive = psutil.wait_procs(workers, timeout=30)
    assert alive == []
    ended = small_run.execute(["--resume", "run", "--workers", "1"], tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert small_run.tables(run) == small_run.tables(finished_run.path)


def test_occupancy_is_the_share_of_the_workers_time(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("search.workers.time.monotonic", lambda: now[0])
    occupancy = Occupancy()
    for seconds, busy, present in ((1, 0, 2), (3, 2, 2), (4, 1, 2)):
        occupancy.note(busy, present)
        now[0] += seconds
    occupancy.note(0, 2)
    assert occupancy.seconds == 8
    assert occupancy.share == (3 * 2 + 4 * 1) / (8 * 2)
