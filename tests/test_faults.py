"""What long runs meet, done for real: full memory, a full disk, a scheduler or a host that is gone.

Whatever happened, the run ends with the tables of one that nothing disturbed; kills of workers and
drivers are in test_kill.py, test_workers.py and benchmarks/kills.py.
"""

from __future__ import annotations

import dataclasses
import signal
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest

from search.execution import Execution
from search.store import Store
from search.training.trial import run_trial
from search.workers.choice import make_workers, plan_workers
from search.workers.protocol import Job
from tests.support import small_run
from tests.support.clusters import Cluster, kill_all
from tests.support.hosts import two_hosts
from tests.support.small_run import TWO_WORKERS as TWO
from tests.support.small_trials import TRAIN, VALIDATION, all_ended, lasting, spec_of


@pytest.fixture
def started():
    """Starts searches, and leaves none running."""
    processes = []

    def start(arguments, cwd, **options):
        processes.append(small_run.start(arguments, cwd, **options))
        return processes[-1]

    yield start
    for process in processes:
        if process.poll() is None:
            process.kill()
            process.communicate()


def wait_for_rows(process, run, count):
    while small_run.finished_rows(run) < count and process.poll() is None:
        time.sleep(0.05)
    assert process.poll() is None, process.communicate()


def assert_resumes(run, cwd, finished_run):
    ended = small_run.execute(["--resume", str(run), "--workers", "1"], cwd)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert small_run.tables(run) == small_run.tables(finished_run.path)


# The disk


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 16 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=16m", "scanline-test", str(disk)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def fill(disk):
    """Takes all that is left of a file system, and returns the file that does."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return filler


@pytest.mark.slow
def test_a_full_disk_is_one_line_and_after_space_is_made_the_run_goes_on(
    small_disk, started, finished_run
):
    run = small_disk / "run"
    process = started([*small_run.ARGUMENTS, "--out", "run"], small_disk)
    wait_for_rows(process, run, 2)
    filler = fill(small_disk)
    ended = small_run.finish(process)
    assert ended.returncode == 2
    (line,) = ended.stderr.splitlines()
    assert line.startswith("error: ") and ("space" in line or "full" in line)
    assert line.endswith("--resume run")
    assert 2 <= small_run.finished_rows(run) < small_run.TRIALS
    filler.unlink()
    assert_resumes(run, small_disk, finished_run)


# Memory


@pytest.mark.slow
def test_a_trial_that_needs_more_memory_than_a_worker_has_fails_and_the_search_goes_on(tmp_path):
    """Every pixel a timestep, a thousand of them, a thousand images a step: no 1.5 GB hold it."""
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, (1200, 32, 32)).astype("u1"), np.arange(1200) % 2
    np.savez(tmp_path / "images.npz", x_train=x, y_train=y, x_test=x[:10], y_test=y[:10])
    search = ["--dataset", "images.npz", "--strategies", "lines,pixels", "--max-epochs", "1"]
    search += ["--batch-size", "1000", "--final-seeds", "1", "--iterations", "1", "--out", "run"]
    search += ["--configurations", "hyperband"]
    search += ["--workers", "2", "--worker-memory", "1.5", "--retries", "1"]
    ended = small_run.execute(search, tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    rows = {row["strategy"]: row for row in Store(tmp_path / "run").rows("trials")}
    assert rows["lines"]["status"] == "completed"
    assert rows["pixels"]["status"] == "failed"
    assert rows["pixels"]["retries"] == 1
    assert "lost, 2 times" in rows["pixels"]["message"]
    assert "memory (1.5 GB) is not enough" in rows["pixels"]["message"]
    assert [row["strategy"] for row in Store(tmp_path / "run").rows("finals")] == ["lines"]


@pytest.mark.slow
def test_memory_that_the_system_refuses_fails_the_trial_at_once(tmp_path):
    """A cluster's worker under RLIMIT_AS: no process is lost, and the worker trains the next."""
    limited = ["prlimit", f"--as={6_000_000_000}", "--"]
    with Cluster(tmp_path) as cluster:
        cluster.add_worker(prefix=limited)
        execution = Execution(cluster=cluster.address)
        with make_workers(execution, plan_workers(execution), print) as workers:
            workers.open({"train": TRAIN, "validation": VALIDATION})
            fits = spec_of(last_epoch=1, trial_id="fits")
            values = {**fits.hyperparameters, "lstm_units": 30_000}
            large = dataclasses.replace(fits, hyperparameters=values, trial_id="large")
            results, _ = all_ended(workers, [Job(large), Job(fits)])
    assert results["large"].columns["status"] == "failed"
    assert results["large"].retries == 0
    assert results["large"].columns["message"].startswith("out of memory: ")
    assert results["fits"].columns["status"] == "completed"
    assert results["fits"].worker == results["large"].worker


# Time


@pytest.mark.slow
def test_every_trial_is_tried_though_each_takes_too_long(tmp_path):
    ended = small_run.execute([*TWO, "--trial-timeout", "0.001"], tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    rows = Store(tmp_path / "run").rows("trials")
    assert len(rows) == small_run.TRIALS - 2  # of which two would have been promotions
    for row in rows:
        assert row["status"] == "failed"
        assert "--trial-timeout" in row["message"]


@pytest.mark.slow
def test_a_worker_that_hangs_is_replaced(tmp_path, started):
    """Stopped, it neither notices its time-out nor answers."""
    process = started([*TWO, "--trial-timeout", "2"], tmp_path)
    run = tmp_path / "run"
    wait_for_rows(process, run, 1)
    workers = {worker.pid for worker in small_run.worker_processes(process)}
    victim, trial_id = in_flight(run, workers)
    victim.suspend()
    ended = small_run.finish(process)
    assert (ended.returncode, ended.stderr) == (0, "")
    rows = {row["trial_id"]: row for row in Store(run).rows("trials")}
    assert rows[trial_id]["status"] == "failed"
    assert "did not stop" in rows[trial_id]["message"]
    assert rows[trial_id]["worker"].endswith(f":{victim.pid}")
    others = [row["status"] for name, row in rows.items() if name != trial_id]
    assert len(others) >= small_run.TRIALS - 2
    assert "running" not in others and others.count("completed") > 1  # it went on
    assert not victim.is_running()


def in_flight(run, pids):
    """Waits until one of these processes has a trial; returns both."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        for row in Store(run).rows("trials"):
            pid = int(row["worker"].rpartition(":")[2])
            if row["status"] == "running" and pid in pids:
                return psutil.Process(pid), row["trial_id"]
        time.sleep(0.05)
    raise AssertionError("none of them was given a trial")


# Processes


@pytest.mark.slow
def test_sigterm_ends_the_workers_too_and_the_run_goes_on(tmp_path, started, finished_run):
    process = started(TWO, tmp_path)
    run = tmp_path / "run"
    wait_for_rows(process, run, 2)
    workers = small_run.worker_processes(process)
    process.send_signal(signal.SIGTERM)
    ended = small_run.finish(process)
    assert (ended.returncode, ended.stderr) == (130, "")
    assert ended.stdout.splitlines()[-1].endswith("--resume run")
    _, alive = psutil.wait_procs(workers, timeout=30)
    assert len(workers) >= 2 and alive == []
    assert_resumes(run, tmp_path, finished_run)


@pytest.fixture
def on_a_cluster(tmp_path, started):
    """A search on a cluster of two workers that has done two trials: the cluster, its process."""
    folder = tmp_path / "cluster"
    folder.mkdir()
    with Cluster(folder) as cluster:
        cluster.add_worker()
        cluster.add_worker()
        search = [*small_run.ARGUMENTS[:-2], "--cluster", cluster.address, "--out", "run"]
        process = started(search, tmp_path)
        wait_for_rows(process, tmp_path / "run", 2)
        yield cluster, process


@pytest.mark.slow
def test_the_driver_of_a_cluster_is_killed_and_a_resume_has_its_workers(
    tmp_path, on_a_cluster, finished_run
):
    cluster, process = on_a_cluster
    run = tmp_path / "run"
    process.kill()
    process.communicate()
    ended = small_run.execute(["--resume", "run", "--cluster", cluster.address], tmp_path)
    assert all(worker.poll() is None for worker in cluster.workers)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert small_run.tables(run) == small_run.tables(finished_run.path)


@pytest.mark.slow
def test_the_only_worker_dies_and_another_comes(tmp_path):
    """Which has the images, too, and begins the trial anew."""
    notes, told = [], []
    spec = spec_of(last_epoch=100, max_epochs=100)
    with Cluster(tmp_path) as cluster:
        only = cluster.add_worker()
        execution = Execution(cluster=cluster.address)

        def on_epoch(_, row):
            told.append(row["epoch"])
            if only.poll() is None:
                kill_all(only)
                cluster.add_worker()

        with make_workers(execution, plan_workers(execution), notes.append) as workers:
            workers.open({"train": TRAIN, "validation": VALIDATION})
            workers.submit(Job(spec), workers.idle()[0])
            result = None
            while result is None:
                result = workers.next_result(on_epoch)
            assert (workers.present, workers.busy) == (1, 0)
    assert told.count(1) == 2  # it began twice
    assert result.retries == 1
    assert lasting(result) == lasting(run_trial(spec, TRAIN, VALIDATION))
    assert [note for note in notes if "no worker is left" in note]


@pytest.mark.slow
def test_a_newcomer_that_hangs_holds_nobody_up(tmp_path):
    """Stopped before it could say what it runs, it gets no work, and the search goes on."""
    spec, newcomers = spec_of(last_epoch=100, max_epochs=100), []
    with Cluster(tmp_path) as cluster:
        cluster.add_worker()
        execution = Execution(cluster=cluster.address)

        def on_epoch(_, row):
            if not newcomers:
                newcomers.append(cluster.add_worker())
                cluster.wait_for_workers(2)
                for process in psutil.Process(newcomers[0].pid).children(recursive=True):
                    process.suspend()

        with make_workers(execution, plan_workers(execution), print) as workers:
            workers.open({"train": TRAIN, "validation": VALIDATION})
            for number in range(2):
                job = Job(dataclasses.replace(spec, trial_id=f"{number}"))
                workers.submit(job, workers.idle()[0])
                result = None
                while result is None:
                    result = workers.next_result(on_epoch)
                assert (result.columns["status"], result.retries) == ("completed", 0)
            assert workers.present == 1 and newcomers


@pytest.mark.slow
def test_the_scheduler_is_killed(tmp_path, on_a_cluster, finished_run):
    cluster, process = on_a_cluster
    run = tmp_path / "run"
    kill_all(cluster.scheduler)
    ended = small_run.finish(process)
    assert (ended.returncode, ended.stderr) == (3, "")
    assert "scheduler" in ended.stdout
    assert ended.stdout.splitlines()[-1].endswith("--resume run")
    assert (run / "report" / "report.html").stat().st_size > 10_000
    assert 2 <= small_run.finished_rows(run) < small_run.TRIALS
    assert_resumes(run, tmp_path, finished_run)


@pytest.mark.slow
def test_a_host_is_cut_off_in_mid_trial(tmp_path, started, finished_run):
    """Driver, scheduler and a worker on one host, the other worker on the other."""
    folder = tmp_path / "cluster"
    folder.mkdir()
    run = tmp_path / "run"
    with two_hosts() as hosts:
        here, there = hosts.prefixes
        with Cluster(folder, hosts.addresses[0], here) as cluster:
            cluster.add_worker(prefix=here)
            far = cluster.add_worker(prefix=there)
            search = [*small_run.ARGUMENTS[:-2], "--cluster", cluster.address, "--out", "run"]
            process = started(search, tmp_path, prefix=here)
            while not (run.exists() or process.poll() is not None):
                time.sleep(0.05)
            assert process.poll() is None, process.communicate()
            children = {child.pid for child in psutil.Process(far.pid).children(recursive=True)}
            _, trial_id = in_flight(run, children)
            hosts.cut_off_the_second()
            cut = time.time()
            ended = small_run.finish(process)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert small_run.tables(run) == small_run.tables(finished_run.path)
    rows = {row["trial_id"]: row for row in Store(run).rows("trials")}
    print(f"{trial_id} ended elsewhere {rows[trial_id]['finished'] - cut:.0f} s after the cut")
    assert rows[trial_id]["retries"] == 1
    assert int(rows[trial_id]["worker"].rpartition(":")[2]) not in children


@pytest.mark.slow
def test_random_kills_lose_nothing():
    """Four of the thirty that docs/reliability.md tells of."""
    command = [sys.executable, "-m", "benchmarks.kills", "--runs", "4", "--seed", "1"]
    root = small_run.PROGRAM.parent
    ended = subprocess.run(command, capture_output=True, text=True, check=False, cwd=root)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ": 0 trials lost, 4 of 4 ended with equal tables" in ended.stdout
