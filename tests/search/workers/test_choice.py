"""Which workers a machine gets: by its GPUs, as the driver's tool lists them, or its processors."""

from __future__ import annotations

import os

import pytest

from search.environment import GPUS
from search.experiment import Execution
from search.workers.choice import auto_workers, plan_workers
from search.workers.dask_cluster import start_cluster


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Makes this machine look as if its `nvidia-smi` said something."""
    monkeypatch.delenv(GPUS, raising=False)

    def made(script: str) -> None:
        tool = tmp_path / "nvidia-smi"
        tool.write_text(f"#!/bin/sh\n{script}\n")
        tool.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    return made


def gpus(execution: Execution) -> list[str | None]:
    return [environment.get(GPUS) for environment in plan_workers(execution)]


def test_a_worker_for_each_gpu_or_as_many_as_are_to_share_one(machine):
    machine("echo 0; echo 1")
    assert gpus(Execution()) == ["0", "1"]
    assert sorted(map(str, gpus(Execution(workers_per_gpu=2)))) == ["0", "0", "1", "1"]
    assert gpus(Execution(workers=3)) == ["0", "1", "0"]
    assert gpus(Execution(cluster="tcp://elsewhere:8786")) == []


@pytest.mark.parametrize(("workers_per_gpu", "most"), [(1, 1.0), (2, 0.5), (5, 0.2)])
def test_those_that_share_a_gpu_fit_into_its_memory(machine, workers_per_gpu, most):
    machine("echo 0; echo 1")
    for environment in plan_workers(Execution(workers_per_gpu=workers_per_gpu)):
        assert environment["TF_FORCE_GPU_ALLOW_GROWTH"] == "true"
        assert 0 < float(environment["XLA_PYTHON_CLIENT_MEM_FRACTION"]) < most


def test_gpus_that_the_user_has_named_are_taken_and_no_others(machine, monkeypatch):
    machine("echo 0; echo 1")
    monkeypatch.setenv(GPUS, "3,GPU-8f2c")
    assert gpus(Execution()) == ["3", "GPU-8f2c"]
    for none in ("", "-1"):
        monkeypatch.setenv(GPUS, none)
        assert gpus(Execution(workers=2)) == [None, None]


@pytest.mark.parametrize("script", ["", "echo no devices were found >&2; exit 6"])
def test_without_a_gpu_that_works_there_is_a_worker_for_each_processor(machine, script):
    machine(script)
    assert gpus(Execution()) == [None] * auto_workers()


def test_a_worker_sees_its_own_gpu_alone(machine):
    machine("echo 0; echo 1")
    client, cluster = start_cluster(plan_workers(Execution()), Execution(), print)
    with cluster, client:
        seen = client.run(os.getenv, GPUS)
    assert sorted(seen.values()) == ["0", "1"]
