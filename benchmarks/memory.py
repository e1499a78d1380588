"""Does a process that trains model after model hold more after 1,000 trials than after 100?

    python -m benchmarks.memory [--trials 1000] [--strategies lines,cnn_lines,patches]

Trains drawn configurations of the digits, one epoch each, in this process, as `--workers 1` does
and as every worker does, and prints what the process holds on the way.
"""

from __future__ import annotations

import argparse
import time

from search.environment import start_backend

start_backend()

from search.data.datasets import load_dataset  # noqa: E402
from search.experiment import Experiment  # noqa: E402
from search.training.spec import TrialSpec  # noqa: E402
from search.tuner import make_oracle  # noqa: E402
from search.workers.protocol import Job  # noqa: E402
from search.workers.worker_state import WorkerState  # noqa: E402


def main() -> None:
    """Prints a row for every hundred trials."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--strategies", default="lines,cnn_lines,patches")
    options = parser.parse_args()
    names = tuple(options.strategies.split(","))
    experiment = Experiment("digits", names, train_limit=100, max_epochs=81, iterations=10)
    dataset = load_dataset(experiment)
    oracle = make_oracle(experiment, dataset)
    arms = [list(oracle.configurations(name).values()) for name in names]
    state = WorkerState()
    state.receive({"train": dataset.train, "validation": dataset.validation})
    print("| trials | MB held after the last | most MB held after any of the last 100 | seconds |")
    print("| ---: | ---: | ---: | ---: |")
    began, most = time.monotonic(), 0
    for number in range(1, options.trials + 1):
        strategy = (number - 1) % len(names)
        values = arms[strategy][(number - 1) // len(names) % len(arms[strategy])]
        spec = TrialSpec(
            trial_id=str(number),
            strategy=names[strategy],
            hyperparameters=values,
            seed=number,
            first_epoch=0,
            last_epoch=1,
            max_epochs=experiment.max_epochs,
            batch_size=experiment.batch_size,
            classes=len(dataset.class_names),
            mirror=dataset.mirror,
        )
        result = state.run(Job(spec))
        if result.columns["status"] != "completed":
            raise SystemExit(f"trial {number}: {result.columns['message']}")
        most = max(most, result.memory_bytes)
        if number % 100 == 0:
            held, passed = result.memory_bytes / 1e6, time.monotonic() - began
            print(f"| {number} | {held:,.0f} | {most / 1e6:,.0f} | {passed:,.0f} |", flush=True)
            most = 0


if __name__ == "__main__":
    main()
