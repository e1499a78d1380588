"""What trains: by what the driver's tool lists and the backend sees; and why nothing more."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest

from search import devices
from search.devices import PROCESSORS, find_devices, in_words
from search.environment import GPUS, PLATFORMS
from search.experiment import ExperimentError
from tests.support import small_run
from tests.support.cards import ONE, TWO, MadeMachine

DRIVER = Path("/dev/nvidiactl")


@pytest.fixture
def machine(tmp_path, monkeypatch):
    return MadeMachine(tmp_path, monkeypatch)


@pytest.fixture
def no_backend(monkeypatch):
    """Nobody may wait for the backend."""

    def asked(backend):
        raise AssertionError("the backend was asked")

    monkeypatch.setattr(devices, "ask_backend", asked)


def warning():
    """Why no GPU is used, in one line that no terminal obeys."""
    found = find_devices()
    assert found.gpus == {}
    assert found.warning.startswith("no GPU is used: ") and found.warning.isprintable()
    return found.warning


# What the backend sees


def test_gpus_that_the_backend_sees_have_its_names_for_them(machine):
    machine.tool(TWO)
    machine.tensorflow_sees("Fast", "Slow")
    found = find_devices()
    assert found.gpus == {"0": "Fast", "1": "Slow"} and found.warning == ""


def test_a_card_that_the_backend_does_not_see_is_named_with_what_fixes_it(machine):
    machine.tool(ONE)
    machine.tensorflow_sees()
    said = warning()
    assert "nvidia-smi lists 1, TensorFlow sees 0" in said
    command = shlex.split(said.partition("To install them: ")[2])
    assert command[:4] == [sys.executable, "-m", "pip", "install"]
    assert command[4].startswith("tensorflow[and-cuda]==")


def test_where_cuda_is_installed_another_command_says_why(machine, monkeypatch):
    monkeypatch.setattr(devices, "version_of", lambda package: "1")
    machine.tool(ONE)
    machine.tensorflow_sees()
    said = warning()
    assert "pip" not in said and "list_physical_devices" in said


def test_some_of_the_cards_are_used(machine):
    machine.tool(TWO)
    machine.tensorflow_sees("Fast")
    found = find_devices()
    assert found.gpus == {"0": "Fast"}
    assert found.warning.startswith("not every GPU is used: nvidia-smi lists 2, TensorFlow sees 1")


def test_gpus_that_the_user_has_named_are_taken_and_no_others(machine, monkeypatch, tmp_path):
    machine.tool(f": > {tmp_path}/asked; {TWO}")
    machine.tensorflow_sees("A", "B")
    monkeypatch.setenv(GPUS, "3, GPU-8f2c")
    assert find_devices().gpus == {"3": "A", "GPU-8f2c": "B"}
    monkeypatch.setenv(GPUS, "3,GPU-8f2c,7")
    assert "CUDA_VISIBLE_DEVICES names 3, TensorFlow sees 2" in find_devices().warning
    assert not (tmp_path / "asked").exists()


def test_jax_is_asked_where_it_trains(machine, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    machine.tool(TWO)
    machine.backend(
        "jax",
        """
        import os
        from types import SimpleNamespace as Device
        assert os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false"
        print("chatter")
        def devices():
            return [Device(platform="gpu", device_kind=name) for name in "AB"]
        """,
    )
    assert find_devices().gpus == {"0": "A", "1": "B"}


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("raise RuntimeError('the driver is\\ntoo \\033[31mold')", "too [31mold"),
        ("import os; os._exit(3)", "exit code 3"),
        ("raise SystemExit", "exit code 0"),
        ("import time; time.sleep(60)", "does not say within 2 s"),
    ],
)
def test_a_backend_that_fails_is_reported_in_one_line(machine, monkeypatch, code, why):
    monkeypatch.setattr(devices, "BACKEND_SECONDS", 2)
    machine.tool(ONE)
    machine.backend("tensorflow", code)
    said = warning()
    assert why in said and "To see why: " in said


@pytest.mark.skipif(DRIVER.exists(), reason="here is a card")
@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_the_command_says_what_would_train(machine, tmp_path, backend):
    """The backends as they are: a card that is listed and does not exist is not seen."""
    machine.tool(ONE)
    ended = small_run.execute(["--devices", "--workers", "3"], tmp_path, KERAS_BACKEND=backend)
    assert (ended.returncode, ended.stderr) == (0, "")
    trains, why = ended.stdout.splitlines()
    assert trains.endswith(": 3 workers on processors")
    assert "nvidia-smi lists 1" in why and "sees 0" in why and "pip install" in why


# Where there is nothing to ask


@pytest.mark.parametrize("script", [None, "echo No devices were found; exit 6"])
def test_without_a_card_nobody_waits_for_the_backend(machine, no_backend, script):
    if script is not None:
        machine.tool(script)
    assert find_devices() == PROCESSORS


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("echo NVIDIA-SMI has failed.; echo more; exit 9", "says: NVIDIA-SMI has failed (exit"),
        ("echo mismatch >&2; exit 18", "says: mismatch (exit code 18)"),
        ("printf '\\033[2J\\377\\000garbage'", "garbage (exit code 0)"),
        ("", "says: nothing"),
        (f"{ONE}; exit 15", "says: nothing (exit code 15)"),
        (f"{ONE}; echo Unable to reach GPU 1; exit 15", "says: Unable to reach GPU 1 (exit"),
        ("exec /bin/sleep 60", "does not answer within 0.5 s"),
        ("exec /nowhere", "exit code 127"),
    ],
)
def test_a_tool_that_does_not_work_is_named(machine, no_backend, monkeypatch, script, why):
    monkeypatch.setattr(devices, "TOOL_SECONDS", 0.5)
    machine.tool(script)
    began = time.monotonic()
    assert why in warning()
    assert time.monotonic() - began < 2


def test_a_tool_that_cannot_be_run_is_named(machine, no_backend, tmp_path):
    machine.tool("")
    (tmp_path / "bin" / "nvidia-smi").write_bytes(b"\x7fELF of another machine")
    assert "nvidia-smi cannot be run" in warning()


@pytest.mark.parametrize("hidden", ["", "-1", "NoDevFiles", "-1,0"])
def test_a_user_who_hides_the_cards_is_told_so(machine, no_backend, monkeypatch, hidden):
    machine.tool(ONE)
    monkeypatch.setenv(GPUS, hidden)
    assert f"{GPUS}={shlex.quote(hidden)} hides them all" in warning()


def test_jax_may_be_told_to_use_none(machine, no_backend, monkeypatch):
    machine.tool(ONE)
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setenv(PLATFORMS, "cpu")
    assert "JAX_PLATFORMS=cpu hides them all" in warning()


# The backend


def test_a_backend_that_there_is_not_is_an_error(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    with pytest.raises(ExperimentError, match="KERAS_BACKEND is tensorflow or jax"):
        find_devices()


def test_a_backend_that_is_not_installed_is_an_error(monkeypatch):
    monkeypatch.setattr("search.environment.BACKENDS", {"no_such_backend": "None"})
    monkeypatch.setenv("KERAS_BACKEND", "no_such_backend")
    with pytest.raises(ExperimentError, match="None is not installed"):
        find_devices()


def test_a_process_says_what_it_trains_on(machine):
    """In a process of its own: here TensorFlow is the real one."""
    machine.tensorflow_sees("Fast", "Slow")
    root = Path(devices.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", "from search.devices import trains_on; print(trains_on())"],
        cwd=root,
        env=os.environ,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "Fast\n"


@pytest.mark.parametrize(
    ("workers", "words"),
    [
        (["processor"], "1 worker on a processor"),
        (["processor", "processor"], "2 workers on processors"),
        (["A", "B", "A"], "2 workers on A, 1 worker on B"),
        (["A", "processor"], "1 worker on A, 1 worker on a processor"),
    ],
)
def test_in_words(monkeypatch, workers, words):
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    backend, said = in_words(workers).split(": ")
    assert backend.startswith("TensorFlow 2.") and said == words
