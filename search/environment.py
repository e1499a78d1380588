"""What this process runs on: its backend on one thread, the machine and its versions."""

from __future__ import annotations

import _thread
import contextlib
import datetime
import importlib.metadata
import importlib.util
import io
import logging
import os
import platform
import signal
import socket
import stat
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

import psutil

from search.experiment import ExperimentError

VERSION = "0.1.0"

# Sums over several threads come in no fixed order, so more than one thread would mean that the
# same seed gives another answer. Two processes of one thread are faster than one of two, besides.
# On a GPU XLA tries several kernels and takes the fastest of the moment, another one next time: of
# 15 trials made twice on an H100, 4 were equal; by these flags 15, and the search was faster.
ONE_THREAD = {
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1 "
    "--xla_gpu_deterministic_ops=true --xla_gpu_autotune_level=0",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}

BACKENDS = {"tensorflow": "TensorFlow", "jax": "JAX"}

GPUS = "CUDA_VISIBLE_DEVICES"
PLATFORMS = "JAX_PLATFORMS"
# JAX with CUDA's libraries refuses to start where no GPU is visible, unless it is told not to look.
NO_GPU = {GPUS: "-1", PLATFORMS: "cpu"}


def backend_name() -> str:
    """Returns what Keras runs on: `tensorflow`, unless `KERAS_BACKEND` says `jax`.

    Raises:
        ExperimentError: it is another, or it is not installed.
    """
    name = os.environ.get("KERAS_BACKEND") or "tensorflow"
    if name not in BACKENDS:
        raise ExperimentError(f"no backend {name!r}: KERAS_BACKEND is tensorflow or jax")
    if importlib.util.find_spec(name) is None:
        raise ExperimentError(
            f'{BACKENDS[name]} is not installed: install it (README.md, "GPUs and backends"), '
            "or name the backend that is by KERAS_BACKEND, tensorflow or jax"
        )
    return name


def check_backend(about: object) -> None:
    """Refuses to go on with a run on another backend than it was begun on: half of it would differ.

    Args:
        about: what the run says of how it was made; an older one does not say the backend.

    Raises:
        ExperimentError: it is another.
    """
    begun = about.get("backend") if isinstance(about, dict) else None
    if begun in BACKENDS and begun != backend_name():
        raise ExperimentError(
            f"the run was begun on {BACKENDS[begun]}, and this is {BACKENDS[backend_name()]}: "
            f"go on with KERAS_BACKEND={begun}"
        )


def limit_threads() -> None:
    """Sets what the backends read when they are imported; what the user has set stays."""
    for name, value in ONE_THREAD.items():
        os.environ.setdefault(name, value)


def start_backend(cpu_only: bool = False) -> None:
    """Imports Keras and its backend, and has it look for devices.

    Args:
        cpu_only: leave the GPUs to the workers. (TensorFlow takes a GPU's whole memory when it
            first looks at it.)

    Raises:
        ExperimentError: there is no such backend, or it is not installed.
    """
    if cpu_only:
        os.environ.update(NO_GPU)
    import_backend()
    with _chatter_set_aside():
        import keras

        try:
            keras.ops.zeros(1)  # the backend looks for devices at its first operation
        except (RuntimeError, AssertionError) as error:
            asked = f"{PLATFORMS}={os.environ[PLATFORMS]}" if os.environ.get(PLATFORMS) else ""
            raise ExperimentError(
                f"{BACKENDS[backend_name()]} cannot start"
                f"{f' with {asked}' if asked else ''} ({error or type(error).__name__}): "
                f"{f'unset {PLATFORMS}' if asked else 'look at what it needs'}, and try again"
            ) from error


def import_backend() -> None:
    """Imports Keras and its backend on one thread, and has it do nothing yet.

    Raises:
        ExperimentError: there is no such backend, or it is not installed.
    """
    limit_threads()
    os.environ["KERAS_BACKEND"] = backend_name()  # whatever Keras's own file says
    if backend_name() == "jax":
        keep_compiled()
    # It warns that functions are traced anew, as they must be for every new model. With JAX, too:
    # KerasTuner imports TensorFlow where there is one.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    with _chatter_set_aside():
        import keras
        import keras_tuner  # noqa: F401

    # Keras's own file may say otherwise, and models would be others.
    keras.config.set_image_data_format("channels_last")
    keras.config.set_floatx("float32")
    keras.config.set_epsilon(1e-7)


@contextlib.contextmanager
def _chatter_set_aside() -> Iterator[None]:
    """Keeps what libraries write to the error stream, and shows it only if the block fails.

    TensorFlow writes lines about graphics cards there before any setting can stop it.
    """
    with tempfile.TemporaryFile() as chatter:
        try:
            stderr = os.dup(2)
        except OSError:  # closed, as by `2>&-`: there is nothing to keep clean
            yield
            return
        if sys.stderr is not None:
            sys.stderr.flush()
        os.dup2(chatter.fileno(), 2)
        try:
            yield
        except Exception:  # Ctrl-C is no reason to show it
            chatter.seek(0)
            os.write(stderr, chatter.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def keep_compiled() -> None:
    """Has JAX keep what it compiles on disk, for all workers and runs of this user.

    XLA compiles a small model in one to five seconds. What is kept is a program, so the directory
    has to be this user's own, and closed to others; where it cannot be, nothing is kept.
    """
    if not hasattr(os, "getuid"):  # Windows, which says otherwise whose a directory is
        return
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "scanline", "jax")
    try:
        cache.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = cache.lstat()
    except OSError:  # no home, or a full disk: compile as if there were none
        return
    if stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077:
        os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(cache))
        os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
        os.environ.setdefault("JAX_COMPILATION_CACHE_MAX_SIZE", str(2**30))
        # Of an entry that is damaged it says so, and compiles.
        warnings.filterwarnings("ignore", "Error (reading|writing) persistent compilation cache")


def print_anything() -> None:
    """Has both streams print what their encoding cannot, as escapes: no run ends for a name."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


_interrupted = threading.Event()


def end_cleanly() -> None:
    """Has SIGTERM, by which Slurm and systemd warn, end a run as Ctrl-C does; both always do.

    So does SIGHUP, by which a terminal says that it is closed, unless `nohup` has it ignored.
    """
    _interrupted.clear()
    numbers = [signal.SIGINT, signal.SIGTERM]
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    for number in numbers:
        signal.signal(number, _interrupt)
    sys.unraisablehook = _interrupt_again


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Notes a Ctrl-C, and raises it wherever the program is."""
    _interrupted.set()
    signal.default_int_handler(number, frame)


def interrupted() -> bool:
    """Whether Ctrl-C or SIGTERM has come since `end_cleanly`."""
    return _interrupted.is_set()


def raise_if_interrupted() -> None:
    """Raises a Ctrl-C again that has been swallowed by whoever was running.

    TensorFlow has an `except:` without a name (`DType.max`, 2.21), which a model meets while it is
    traced: the trial then failed of what was said there, and the search went on.

    Raises:
        KeyboardInterrupt: Ctrl-C or SIGTERM has come since `end_cleanly`.
    """
    if interrupted():
        raise KeyboardInterrupt


def _interrupt_again(ignored: sys.UnraisableHookArgs) -> None:
    """Repeats a Ctrl-C that Python has ignored, a moment later.

    What is raised in a callback of the garbage collector is printed and dropped. One Ctrl-C in
    fourteen fell there, while a model was made, and the search went on.
    """
    if issubclass(ignored.exc_type, KeyboardInterrupt):
        threading.Timer(0.1, _thread.interrupt_main).start()
    else:
        sys.__unraisablehook__(ignored)


def worker_name() -> str:
    """What the column `worker` says of this process."""
    return f"{socket.gethostname()}:{os.getpid()}"


def gpu_environment(sharing: int) -> dict[str, str]:
    """What lets so many processes share a GPU's memory, for each backend, and sum in one order."""
    return {
        "TF_DETERMINISTIC_OPS": "1",  # what XLA's flags above are for JAX
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        "XLA_PYTHON_CLIENT_MEM_FRACTION": f"{0.9 / sharing:.3f}",
        PLATFORMS: "",  # the process that starts it may have been told to look for none
    }


def describe_machine(command: str) -> dict[str, Any]:
    """What a reader needs to make a run again: command, versions, hardware."""
    return {
        "command": command,
        "backend": backend_name(),
        "started": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        "versions": versions(),
        "hardware": {
            "processor": _processor(),
            "cores": os.cpu_count(),
            "memory_bytes": psutil.virtual_memory().total,
            "system": platform.platform(),
        },
    }


def versions() -> dict[str, str]:
    """Returns the versions of what trains here, by name."""
    packages = ("keras", "keras-tuner", "tensorflow", "jax", "numpy", "scikit-learn")
    return {
        "scanline": VERSION,
        "python": platform.python_version(),
        **{name: version for name in packages if (version := version_of(name))},
    }


def other_versions(begun: Mapping[str, str]) -> str:
    """Returns which versions are others than a run was begun with, as they are now; "" for none.

    >>> other_versions({**versions(), "keras": "2"}).partition(" ")[0]
    'keras'
    """
    here = versions()
    return ", ".join(
        f"{name} {here.get(name, 'not installed')}"
        for name, version in begun.items()
        if here.get(name) != version
    )


def version_of(package: str) -> str | None:
    """Returns a package's version; None if it is not installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    """The processor's name; Python itself says only its kind on Linux."""
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
