"""Which workers a machine gets: by the GPUs that the backend can use, or its processors."""

from __future__ import annotations

import os

import pytest

from search.devices import Devices
from search.environment import GPUS, PLATFORMS
from search.execution import Execution
from search.workers.choice import auto_workers, plan_workers, planned_devices
from search.workers.dask_cluster import start_cluster

TWO = Devices({"0": "A", "GPU-8f2c": "B"})
UNUSABLE = Devices({}, "no GPU is used: it is broken")


def gpus(execution: Execution, devices: Devices = TWO) -> list[str | None]:
    return [environment.get(GPUS) for environment in plan_workers(execution, devices)]


def test_a_worker_for_each_gpu_or_as_many_as_are_to_share_one():
    assert gpus(Execution()) == ["0", "GPU-8f2c"]
    both = ["0", "0", "GPU-8f2c", "GPU-8f2c"]
    assert sorted(map(str, gpus(Execution(workers_per_gpu=2)))) == both
    assert gpus(Execution(workers=3)) == ["0", "GPU-8f2c", "0"]
    assert gpus(Execution(cluster="tcp://elsewhere:8786")) == []


def test_what_each_is_to_train_on():
    assert planned_devices(Execution(workers=3), TWO) == ["A", "B", "A"]
    assert planned_devices(Execution(workers=2), UNUSABLE) == ["processor", "processor"]


@pytest.mark.parametrize(("workers_per_gpu", "most"), [(1, 1.0), (2, 0.5), (5, 0.2)])
def test_those_that_share_a_gpu_fit_into_its_memory(workers_per_gpu, most):
    for environment in plan_workers(Execution(workers_per_gpu=workers_per_gpu), TWO):
        assert environment["TF_FORCE_GPU_ALLOW_GROWTH"] == "true"
        assert 0 < float(environment["XLA_PYTHON_CLIENT_MEM_FRACTION"]) < most


def test_without_a_gpu_that_works_there_is_a_worker_for_each_processor():
    assert plan_workers(Execution()) == [{}] * auto_workers()
    assert gpus(Execution(), UNUSABLE) == ["-1"] * auto_workers()


def test_a_worker_sees_its_own_gpu_alone(monkeypatch):
    """Even where the process that starts it was told to look for none."""
    monkeypatch.setenv(GPUS, "-1")
    monkeypatch.setenv(PLATFORMS, "cpu")
    client, cluster = start_cluster(plan_workers(Execution(), TWO), Execution(), print)
    with cluster, client:
        seen, platforms = client.run(os.getenv, GPUS), client.run(os.getenv, PLATFORMS)
    assert sorted(seen.values()) == ["0", "GPU-8f2c"]
    assert set(platforms.values()) == {""}
