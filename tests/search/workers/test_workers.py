"""Every kind of worker does the same: in this process, in others here, on a cluster by address."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import shutil
import subprocess
import sys
import time
import types

import psutil
import pytest
from distributed.diagnostics import nvml
from distributed.system_monitor import SystemMonitor

from search.data.datasets import Images
from search.execution import Execution
from search.experiment import ExperimentError
from search.store import Store
from search.workers import dask_cluster
from search.workers.choice import make_workers, plan_workers
from search.workers.protocol import Job
from tests.support import small_run
from tests.support.clusters import Cluster
from tests.support.invented import InventedWorkers
from tests.support.small_trials import (
    TRAIN,
    VALIDATION,
    all_ended,
    assert_same_state,
    lasting,
    run,
    spec_of,
)

# The contract


class Packed(Images):
    """Counts how often it is made ready to be sent."""

    times = 0

    def __reduce__(self):
        Packed.times += 1
        return Images, (self.x, self.y)


def in_process(stack, folder):
    return Execution(workers=1)


def started_here(stack, folder):
    return Execution(workers=2)


def by_address(stack, folder):
    cluster = stack.enter_context(Cluster(folder))
    cluster.add_worker()
    cluster.add_worker()
    cluster.wait_for_workers(2)
    return Execution(cluster=cluster.address)


# "started here" is the first, as it is in the test that has only those: pytest sorts tests by the
# place of a parameter, and would otherwise start them a second time.
KINDS = {"started here": started_here, "in process": in_process, "by address": by_address}


@functools.cache
def alone(strategy, seed, last_epoch):
    """What a trial comes to where nothing but `run_trial` is at work."""
    return run(spec_of(strategy, seed=seed, last_epoch=last_epoch))


@pytest.fixture(scope="module", params=KINDS)
def workers(request, tmp_path_factory):
    """Workers of one kind, with images."""
    with contextlib.ExitStack() as stack:
        execution = KINDS[request.param](stack, tmp_path_factory.mktemp("cluster"))
        made = make_workers(execution, plan_workers(execution), print)
        entered = stack.enter_context(made)
        Packed.times = 0
        entered.open({"train": Packed(TRAIN.x, TRAIN.y), "validation": VALIDATION})
        yield entered


def holds_one_trial_a_worker(workers):
    count = workers.present
    assert len(set(workers.idle())) == len(workers.devices) == count
    assert workers.busy == 0
    for number in range(count):
        assert (workers.busy, len(workers.idle())) == (number, count - number)
        spec = spec_of(last_epoch=1, trial_id=f"{number}")
        workers.submit(Job(spec), workers.idle()[0])
    assert (workers.busy, workers.idle(), workers.present) == (count, [], count)
    ended = set()
    while workers.busy:
        result = workers.next_result(lambda *_: None)
        if result is not None:
            ended.add(result.trial_id)
            assert workers.busy == count - len(ended) == count - len(workers.idle())
    assert ended == {f"{number}" for number in range(count)}


def tells_every_epoch(workers):
    jobs = [Job(spec_of(last_epoch=2, seed=seed, trial_id=f"{seed}")) for seed in range(2)]
    results, told = all_ended(workers, jobs)
    assert len(results) == 2
    for name, result in results.items():
        assert [row["epoch"] for row in told[name]] == [1, 2]
        assert told[name] == list(result.epochs)


WHATEVER_TRAINS = [holds_one_trial_a_worker, tells_every_epoch]


@pytest.mark.parametrize("rule", WHATEVER_TRAINS)
def test_workers_keep_the_rule(workers, rule):
    rule(workers)


@pytest.mark.parametrize("rule", WHATEVER_TRAINS)
def test_those_that_the_tests_of_the_search_invent_keep_it_too(rule):
    rule(InventedWorkers(capacity=3))


def test_the_same_jobs_give_the_same_results(workers):
    specs = [
        spec_of(last_epoch=1, seed=5, trial_id="five"),
        spec_of(last_epoch=1, seed=6, trial_id="six"),
        spec_of("line_cnn", last_epoch=2, trial_id="another strategy"),
    ]
    results, _ = all_ended(workers, [Job(spec) for spec in specs])
    for spec in specs:
        found, expected = results[spec.trial_id], alone(spec.strategy, spec.seed, spec.last_epoch)
        assert lasting(found) == lasting(expected)
        assert_same_state(found.model, expected.model)
        assert found.worker and found.retries == 0 and found.memory_bytes > 1e8


def test_a_promoted_trial_goes_on_exactly(workers):
    """Where its parent's model is held still, and where it is sent."""
    whole = alone("lines", 7, 3)
    parent = Job(spec_of(last_epoch=1, trial_id="parent"))
    first, _ = all_ended(workers, [parent])
    model = first["parent"].model
    for worker in workers.idle():
        child = spec_of(first_epoch=1, trial_id=f"child of {worker}", continues="parent")
        workers.submit(Job(child, model, frozenset(["parent"])), worker)
        second = all_ended(workers, [])[0][child.trial_id]
        assert second.worker == worker
        assert lasting(second)[1] == lasting(whole)[1][1:]
        assert second.columns["score"] == whole.columns["score"]
        assert_same_state(second.model, whole.model)


def test_a_trial_that_fails_or_takes_too_long_is_a_result_and_its_worker_goes_on(workers):
    spec = spec_of(last_epoch=1, trial_id="impossible")
    impossible = {**spec.hyperparameters, "lstm_units": -1}
    present = workers.present
    specs = [dataclasses.replace(spec, hyperparameters=impossible)]
    specs += [dataclasses.replace(spec, trial_id="slow", timeout=0.001)]
    specs += [spec_of(last_epoch=1, trial_id=f"{number}") for number in range(present)]
    results, _ = all_ended(workers, list(map(Job, specs)))
    assert results["impossible"].columns["status"] == "failed"
    assert len(results["impossible"].columns["message"].splitlines()) == 1
    assert results["slow"].columns["status"] == "failed"
    assert "--trial-timeout" in results["slow"].columns["message"]
    assert [results[f"{number}"].columns["status"] for number in range(present)] == (
        ["completed"] * present
    )
    assert len(workers.idle()) == workers.present == present


@pytest.mark.parametrize("workers", ["started here"], indirect=True)
def test_no_profiler_slows_a_worker_that_is_started_here(workers):
    at_work = workers._client.run(lambda dask_worker: list(dask_worker.periodic_callbacks))
    assert len(at_work) == 2
    for callbacks in at_work.values():
        assert "heartbeat" in callbacks and not {"profile", "profile-cycle"} & set(callbacks)


def test_no_card_is_asked_what_it_does(monkeypatch):
    """NVIDIA's package asks "-1", which hides the cards here, and fails: seen on an H100."""

    def ask(card):
        raise RuntimeError(f"Invalid Argument: {card}")

    made = types.SimpleNamespace(
        nvmlInit=lambda: None, nvmlDeviceGetCount=lambda: 1, nvmlDeviceGetHandleByIndex=ask
    )
    monkeypatch.setattr(nvml, "pynvml", made)
    monkeypatch.setattr(nvml, "NVML_STATE", nvml.NVMLState.UNINITIALIZED)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    dask_cluster.configure()
    assert "gpu_name" not in SystemMonitor().update()


def test_images_are_sent_once(workers):
    """Whatever is tried with them: they were packed when the workers were given them."""
    packed = Packed.times
    assert packed <= 1
    each = range(workers.present)
    all_ended(workers, [Job(spec_of(last_epoch=1, trial_id=f"{n}")) for n in each])
    assert Packed.times == packed


# A search on them, and a kill


@pytest.fixture
def process(tmp_path):
    """A small search with two workers, started."""
    started = small_run.start(small_run.TWO_WORKERS, tmp_path)
    yield started
    if started.poll() is None:
        started.kill()
        started.communicate()


def test_a_worker_that_runs_something_else_gets_no_work(tmp_path):
    """One has no project, one another version of it: alone they are an error, else a note each."""
    other, nothing = tmp_path / "other", tmp_path / "nothing"
    nothing.mkdir()
    for package in ("search", "spaces"):
        shutil.copytree(small_run.PROGRAM.parent / package, other / package)
    with (other / "spaces" / "blocks.py").open("a") as file:
        file.write("# changed\n")
    notes = []
    with Cluster(tmp_path) as cluster:
        for project in (other, nothing):
            cluster.add_worker(project=project)
        cluster.wait_for_workers(2)
        execution = Execution(cluster=cluster.address)
        made = make_workers(execution, [], notes.append)
        with pytest.raises(ExperimentError, match=r"is of no use: it .* \(docs/cluster.md\)"), made:
            pass
        assert notes == []
        cluster.add_worker()
        cluster.wait_for_workers(3)
        with make_workers(execution, [], notes.append) as workers:
            assert workers.present == 1
            workers.open({"train": TRAIN, "validation": VALIDATION})
            results, _ = all_ended(workers, [Job(spec_of(last_epoch=1, seed=5))])
            assert workers.present == 1
    assert lasting(*results.values()) == lasting(alone("lines", 5, 1))
    assert len(notes) == 2
    assert [note for note in notes if "it runs scanline" in note]
    assert [note for note in notes if "No module named 'search'" in note]


def test_two_workers_give_the_answer_of_one_though_one_of_them_is_killed(
    process, tmp_path, finished_run
):
    run = tmp_path / "run"
    while small_run.finished_rows(run) < 2 and process.poll() is None:
        time.sleep(0.05)
    workers = {row["worker"] for row in Store(run).rows("trials") if row["status"] == "completed"}
    victim = int(sorted(workers)[0].rpartition(":")[2])
    assert victim in {worker.pid for worker in small_run.worker_processes(process)}
    psutil.Process(victim).kill()
    ended = small_run.finish(process)
    assert ended.returncode == 0, ended.stderr
    assert small_run.tables(run) == small_run.tables(finished_run.path)
    rows = Store(run).rows("trials")
    assert all(row["status"] == "completed" for row in rows)
    assert sum(row["retries"] for row in rows) <= 1  # none, if it was killed between two trials
    assert len({row["worker"] for row in rows}) >= 2
    assert "workers, busy" in ended.stdout


# A driver that has nothing to do but to have workers.
DRIVER = """
import time
from search.execution import Execution
from search.workers import dask_driver
from search.workers.choice import make_workers, plan_workers
dask_driver.JOIN_SECONDS = 600.0  # while other tests run, a minute may not do
execution = Execution(workers=2)
with make_workers(execution, plan_workers(execution), print) as workers:
    while workers.present < 2:
        workers.next_result(lambda *_: None)
    print("there are two", flush=True)
    time.sleep(600)
"""


def test_a_worker_that_is_killed_as_it_starts_is_replaced_and_all_end_with_their_driver():
    driver = subprocess.Popen(
        [sys.executable, "-c", DRIVER],
        cwd=small_run.PROGRAM.parent,
        env=small_run.environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        victim = small_run.first_workers(driver)[0]
        victim.kill()
        assert driver.stdout.readline() == "there are two\n"
        workers = small_run.worker_processes(driver)
        assert len(workers) == 2 and victim not in workers
    finally:
        driver.kill()
        driver.communicate()
    _, alive = psutil.wait_procs(workers, timeout=30)
    assert alive == []


@pytest.mark.slow
def test_a_worker_that_is_killed_before_it_has_begun_is_started_again(process, tmp_path):
    small_run.first_workers(process)[0].kill()
    ended = small_run.finish(process)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert small_run.finished_rows(tmp_path / "run") == small_run.TRIALS + small_run.FINALS


@pytest.mark.slow
def test_when_the_driver_is_killed_its_workers_end_and_a_resume_goes_on(
    process, tmp_path, finished_run
):
    run = tmp_path / "run"
    while small_run.finished_rows(run) < 3 and process.poll() is None:
        time.sleep(0.05)
    workers = small_run.worker_processes(process)
    assert len(workers) >= 2
    process.kill()
    process.communicate()
    _, alive = psutil.wait_procs(workers, timeout=30)
    assert alive == []
    ended = small_run.execute(["--resume", "run", "--workers", "1"], tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert small_run.tables(run) == small_run.tables(finished_run.path)
