"""Stock KerasTuner's chief and two workers, of which one is killed in mid-trial.

For comparison with `kills.py`: the same single SIGKILL. The chief, an oracle that answers by gRPC,
and the workers are processes as KerasTuner's guide to distributed tuning starts them. A trial
trains nothing, it sleeps and returns a number, so what is seen here is the tuner's own doing.

    python -m benchmarks.stock_kill --wait 120
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TRIAL_SECONDS = 2.0
MAX_EPOCHS = 4  # with factor 2: 15 trials


def work(directory: str) -> None:
    """What each process runs: KerasTuner makes it the chief or a worker by its environment."""
    import keras_tuner

    class Sleeper(keras_tuner.Tuner):
        def run_trial(self, trial: keras_tuner.engine.trial.Trial, **_: object) -> float:
            print(f"began {trial.trial_id}", flush=True)
            time.sleep(TRIAL_SECONDS)
            return float(trial.hyperparameters.get("x"))

    space = keras_tuner.HyperParameters()
    space.Float("x", 0.0, 1.0)
    oracle = keras_tuner.oracles.HyperbandOracle(
        objective=keras_tuner.Objective("default_objective", "min"),
        max_epochs=MAX_EPOCHS, factor=2, seed=1, hyperparameters=space,
    )  # fmt: skip
    Sleeper(oracle, directory=directory, project_name="stock").search()
    print("search ended", flush=True)


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def start(name: str, port: int, folder: Path) -> subprocess.Popen[bytes]:
    """Starts the chief or a worker; what it says goes into a file of its name."""
    ours = {
        "KERASTUNER_TUNER_ID": name,
        "KERASTUNER_ORACLE_IP": "127.0.0.1",
        "KERASTUNER_ORACLE_PORT": str(port),
        "CUDA_VISIBLE_DEVICES": "-1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    with (folder / name).open("wb") as log:
        return subprocess.Popen(
            [sys.executable, __file__, "--work", str(folder / "results")],
            env={**os.environ, **ours},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )


def trials(folder: Path) -> collections.Counter[str]:
    """How many trials have which status, by the chief's own files."""
    files = (folder / "results").rglob("trial.json")
    return collections.Counter(json.loads(file.read_text())["status"] for file in files)


def begun(folder: Path, name: str) -> int:
    """How many trials a worker has begun."""
    return (folder / name).read_text(errors="replace").count("began ")


def ended(folder: Path, name: str) -> bool:
    """Whether a worker's search has ended by itself."""
    return "search ended" in (folder / name).read_text(errors="replace")


def search(folder: Path, kill: bool, wait: float) -> None:
    """Runs a search, with or without a kill, and prints what became of it."""
    port = free_port()
    processes = {name: start(name, port, folder) for name in ("chief", "worker-0", "worker-1")}
    try:
        while min(begun(folder, "worker-0"), begun(folder, "worker-1")) < 2:
            for name, process in processes.items():
                if process.poll() is not None:
                    raise RuntimeError(f"{name}: {(folder / name).read_text()[-2000:]}")
            time.sleep(0.05)
        began = time.monotonic()
        living = ["worker-0", "worker-1"]
        if kill:
            processes[living.pop(0)].kill()
        last, begun_before = began, 0
        while time.monotonic() < began + wait and not all(ended(folder, name) for name in living):
            now = sum(begun(folder, name) for name in living)
            if now > begun_before:
                last, begun_before = time.monotonic(), now
            time.sleep(0.2)
        seconds = time.monotonic() - began
        over = all(ended(folder, name) for name in living)
        counts = ", ".join(f"{count} {status}" for status, count in sorted(trials(folder).items()))
        print(
            f"{'one worker killed' if kill else 'undisturbed'}: "
            + (f"ended after {seconds:.0f} s" if over else f"not ended after {seconds:.0f} s")
            + f", the last trial began after {last - began:.0f} s; {counts}",
            flush=True,
        )
    finally:
        for process in processes.values():
            process.kill()
            process.wait()


def main() -> int:
    """Runs the search twice, the second time with a kill."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--wait", type=float, default=120, metavar="S", help="default: 120")
    parser.add_argument("--work", metavar="DIR", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(options.work)
        return 0
    for kill in (False, True):
        with tempfile.TemporaryDirectory() as directory:
            search(Path(directory), kill, options.wait)
    return 0


if __name__ == "__main__":
    sys.exit(main())
