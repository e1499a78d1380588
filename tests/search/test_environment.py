"""What this process runs on, as it is saved with a run."""

import json
import os

import pytest

from search.environment import describe_machine, keep_compiled, limit_threads, worker_name


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


@pytest.fixture
def cache(tmp_path, monkeypatch):
    for name in ("JAX_COMPILATION_CACHE_DIR", "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "scanline" / "jax"


def test_what_jax_compiles_is_kept_where_no_other_user_can_write(cache):
    keep_compiled()
    assert os.environ["JAX_COMPILATION_CACHE_DIR"] == str(cache)
    assert cache.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("fault", ["open to others", "a link", "a file"])
def test_and_nothing_is_kept_where_others_could(cache, fault, tmp_path):
    cache.parent.mkdir()
    if fault == "a link":
        cache.symlink_to(tmp_path)
    elif fault == "a file":
        cache.write_text("")
    else:
        cache.mkdir()
        cache.chmod(0o770)
    keep_compiled()
    assert "JAX_COMPILATION_CACHE_DIR" not in os.environ


def test_another_users_directory_is_left_alone(cache, monkeypatch):
    keep_compiled()
    del os.environ["JAX_COMPILATION_CACHE_DIR"]
    monkeypatch.setattr("search.environment.os.getuid", lambda: 4711)
    keep_compiled()
    assert "JAX_COMPILATION_CACHE_DIR" not in os.environ
