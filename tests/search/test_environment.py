"""What this process runs on, as it is saved with a run."""

import json
import os
import subprocess
import sys
import textwrap

import pytest

from search.environment import (
    check_backend,
    describe_machine,
    keep_compiled,
    limit_threads,
    worker_name,
)
from search.experiment import ExperimentError


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


def test_a_run_goes_on_where_it_began(monkeypatch):
    for backend, other in (("tensorflow", "JAX"), ("jax", "TensorFlow")):
        monkeypatch.setenv("KERAS_BACKEND", backend)
        begun = describe_machine("a command")
        assert begun["backend"] == backend
        check_backend(begun)
        check_backend({"backend": None} | {"command": "of an older version"})
        elsewhere = {"tensorflow": "jax", "jax": "tensorflow"}[backend]
        monkeypatch.setenv("KERAS_BACKEND", elsewhere)
        with pytest.raises(ExperimentError, match=f"this is {other}: .*KERAS_BACKEND={backend}"):
            check_backend(begun)


def test_kerass_own_file_changes_no_model(tmp_path):
    settings = {"image_data_format": "channels_first", "floatx": "float16", "epsilon": 0.5}
    (tmp_path / "keras.json").write_text(json.dumps(settings | {"backend": "jax"}))
    code = """
        from search.environment import import_backend
        import_backend()
        import keras
        layer = keras.layers.Conv2D(2, 3)
        print(layer.data_format, layer.dtype, keras.config.epsilon(), keras.backend.backend())
    """
    environment = {**os.environ, "KERAS_HOME": str(tmp_path)}
    environment.pop("KERAS_BACKEND", None)
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert ended.stdout.split() == ["channels_last", "float32", "1e-07", "tensorflow"]
