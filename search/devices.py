"""What trains: the GPUs that the backend can use, or else the processors; and why, in words.

`nvidia-smi` says which cards there are, the backend which of them it can use. A TensorFlow without
CUDA's libraries sees none and says nothing.
"""

from __future__ import annotations

import collections
import dataclasses
import itertools
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from search.environment import BACKENDS, GPUS, PLATFORMS, backend_name, limit_threads, version_of
from search.wording import one_line

TOOL = "nvidia-smi"
CARD = r"^GPU (\d+): "
TOOL_SECONDS = 20.0  # it takes a second or two for each card whose driver is not kept loaded
BACKEND_SECONDS = 60.0  # an import takes 6, and more from a disk on the network

PROCESSOR = "processor"
ANSWER = "gpus: "  # how the line begins that the process of the backend is there for
HIDDEN = ("", "-1", "NoDevFiles")  # CUDA looks no further; the last is Slurm's, in a job without

# What brings CUDA's libraries, by what it is seen that they are there, and who says what is wrong.
CUDA = {
    "tensorflow": (
        "tensorflow[and-cuda]",
        ("nvidia-cudnn-cu12",),
        "import tensorflow; print(tensorflow.config.list_physical_devices('GPU'))",
    ),
    "jax": (
        "jax[cuda12]",
        ("jax-cuda12-plugin", "jax-cuda13-plugin"),
        "import jax; print(jax.devices('gpu'))",
    ),
}


@dataclasses.dataclass(frozen=True)
class Devices:
    """What this machine can train on, beside its processors.

    Attributes:
        gpus: those that the backend can use: what CUDA calls them, and their names for people.
        warning: why a GPU that there is, or may be, is not used, and what fixes it; else empty.
    """

    gpus: Mapping[str, str]
    warning: str = ""


PROCESSORS = Devices({})


class UnusableError(Exception):
    """GPUs that there are, or may be, cannot be used: why, and what fixes it."""


def find_devices() -> Devices:
    """Finds the GPUs that the backend can use. Without a card nobody waits for the backend.

    Raises:
        ExperimentError: there is no such backend, or it is not installed.
    """
    backend = backend_name()
    try:
        if setting := hidden_by(backend):
            raise UnusableError(f"{setting} hides them all. To train on them, unset it")
        cards = named_gpus() or list_cards()
        seen = ask_backend(backend) if cards else []
    except UnusableError as why:
        return Devices({}, f"no GPU is used: {why}")
    # CUDA counts in an order of its own, so `nvidia-smi` says how many, and the backend which.
    gpus = dict(zip(cards, seen, strict=False))
    if len(gpus) == len(cards):
        return Devices(gpus)
    used = "not every GPU is used" if gpus else "no GPU is used"
    told = f"{GPUS} names" if GPUS in os.environ else f"{TOOL} lists"
    numbers = f"{told} {len(cards)}, {BACKENDS[backend]} sees {len(gpus)}"
    return Devices(gpus, f"{used}: {numbers}. {fix(backend)}")


def hidden_by(backend: str) -> str:
    """Returns the setting by which the user keeps all GPUs from a backend; empty for none."""
    if GPUS in os.environ and not named_gpus():
        return f"{GPUS}={shlex.quote(os.environ[GPUS])}"
    if backend == "jax" and os.environ.get(PLATFORMS) == "cpu":
        return f"{PLATFORMS}=cpu"
    return ""


def named_gpus() -> list[str]:
    """Returns the GPUs that the user has named, as CUDA reads it."""
    names = (name.strip() for name in os.environ.get(GPUS, "").split(","))
    return [*itertools.takewhile(lambda name: name not in HIDDEN, names)]


def list_cards() -> list[str]:
    """Returns the numbers of the cards that the driver's own tool lists; none without the tool.

    Raises:
        UnusableError: it does not work.
    """
    if shutil.which(TOOL) is None:
        return []
    try:
        code, output = run([TOOL, "-L"], TOOL_SECONDS)
    except OSError as error:
        raise UnusableError(f"{TOOL} cannot be run ({error}). Install the driver anew") from error
    except subprocess.TimeoutExpired as error:
        raise UnusableError(
            f"{TOOL} does not answer within {TOOL_SECONDS:g} s. A driver that hangs needs a restart"
        ) from error
    cards = re.findall(CARD, output, re.MULTILINE)
    if "no devices" in output.lower():
        return []
    if code or not cards:
        # It may list one card and complain of another.
        lines = [line for line in output.splitlines() if line.strip() and not re.match(CARD, line)]
        said = one_line(lines[0])[:200].rstrip(".") if lines else "nothing"
        raise UnusableError(
            f"{TOOL} does not work. It says: {said} (exit code {code}). Fix the driver of the GPU"
        )
    return cards


def ask_backend(backend: str) -> list[str]:
    """Returns the names of the GPUs that a backend sees, in CUDA's order.

    Asked in a process of its own: a backend that has looked at a card keeps memory on it.

    Raises:
        UnusableError: it fails, or does not answer in time.
    """
    path = [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    settings = {
        "PYTHONPATH": os.pathsep.join(filter(None, path)),
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",  # a card that others are using has no room
    }
    try:
        # Without -P a folder `search` of the user's would be found first.
        command = [sys.executable, "-P", "-m", "search.devices"]
        code, output = run(command, BACKEND_SECONDS, settings)
    except subprocess.TimeoutExpired as error:
        raise UnusableError(
            f"{BACKENDS[backend]} does not say within {BACKEND_SECONDS:g} s which it sees. "
            f"{look(backend)}"
        ) from error
    answers = re.findall(f"^{ANSWER}(.*)$", output, re.MULTILINE)
    if code or not answers:
        said = one_line(output.strip().rpartition("\n")[2])[:200] or f"exit code {code}"
        raise UnusableError(f"{BACKENDS[backend]} cannot look for them: {said}. {look(backend)}")
    names: list[str] = json.loads(answers[-1])
    return names


def run(
    command: Sequence[str], seconds: float, settings: Mapping[str, str] | None = None
) -> tuple[int, str]:
    """Runs a command to its end.

    Args:
        command: with its arguments.
        seconds: that it may take.
        settings: environment variables beside ours.

    Returns:
        Its exit code, and what it printed and complained of.

    Raises:
        OSError: it cannot be started.
        subprocess.TimeoutExpired: it took longer.
    """
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env={**os.environ, **(settings or {})},
    )
    try:
        output, _ = process.communicate(timeout=seconds)
    except BaseException:
        process.kill()  # and not waited for: a call that hangs in a driver does not end
        raise
    return process.returncode, output


def fix(backend: str) -> str:
    """Returns the command that lets a backend use a card, or that says what is in its way."""
    wanted, brought, _ = CUDA[backend]
    if any(map(version_of, brought)):
        return f"CUDA's libraries are installed. {look(backend)}"
    command = [sys.executable, "-m", "pip", "install", f"{wanted}=={version_of(backend)}"]
    return f"CUDA's libraries are not installed. To install them: {shlex.join(command)}"


def look(backend: str) -> str:
    """Returns the command by which a backend says what is wrong."""
    return f"To see why: {shlex.join([sys.executable, '-c', CUDA[backend][2]])}"


def gpus_seen() -> list[str]:
    """Returns the names of the GPUs that the backend of this process sees, in CUDA's order."""
    if backend_name() == "jax":
        import jax

        return [device.device_kind for device in jax.devices() if device.platform == "gpu"]
    import tensorflow

    details = tensorflow.config.experimental.get_device_details
    gpus = tensorflow.config.list_physical_devices("GPU")
    return [details(gpu).get("device_name", "GPU") for gpu in gpus]


def trains_on() -> str:
    """Returns what this process trains on: the name of its first GPU, or `processor`."""
    return next(iter(gpus_seen()), PROCESSOR)


def in_words(workers: Iterable[str]) -> str:
    """Returns which backend trains on what.

    Args:
        workers: what each worker trains on.
    """
    backend = backend_name()
    parts = [
        f"{count} workers on {'processors' if device == PROCESSOR else device}"
        if count > 1
        else f"1 worker on {'a processor' if device == PROCESSOR else device}"
        for device, count in collections.Counter(workers).items()
    ]
    return f"{BACKENDS[backend]} {version_of(backend)}: {', '.join(parts)}"


if __name__ == "__main__":
    limit_threads()
    print(f"{ANSWER}{json.dumps(gpus_seen())}")
