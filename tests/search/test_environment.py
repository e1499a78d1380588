"""What this process runs on, as it is saved with a run."""

import json
import os

from search.environment import describe_machine, limit_threads, worker_name


def test_the_machine_in_json():
    machine = describe_machine("python run_search.py")
    assert json.loads(json.dumps(machine)) == machine
    assert machine["command"] == "python run_search.py"
    assert {"keras", "tensorflow", "python"} <= machine["versions"].keys()
    assert machine["hardware"]["cores"] >= 1


def test_what_the_user_has_set_stays(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.delenv("TF_NUM_INTRAOP_THREADS", raising=False)
    limit_threads()
    assert os.environ["OMP_NUM_THREADS"] == "3"
    assert os.environ["TF_NUM_INTRAOP_THREADS"] == "1"


def test_a_worker_is_called_by_its_host_and_process():
    assert worker_name().endswith(f":{os.getpid()}")
