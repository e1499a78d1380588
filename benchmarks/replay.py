"""What a second of search buys, by us and by others, on recorded curves in simulated time.

    python -m benchmarks.replay benchmarks/records/curves_*.npz [--seeds 60] [--seconds 1200]

Every searcher meets the same space, curves and costs (`benchmarks.simulated`), one worker, so many
seeds. Ours is the oracle and the dispatch that a run uses, with workers that only let time pass.
Two things are measured against the simulated seconds:

- **regret**: how much less the best configuration so far is worth, after a full training, than the
  best that there is. The best so far is that of the highest latest accuracy.
- **error of the arms' best**: the same for each strategy's own best, mean over strategies. It is
  what a verdict on strategies rests on.
"""

from __future__ import annotations

import argparse
import collections
import functools
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import simulated
from benchmarks.curves import load
from benchmarks.simulated import Seen, Start, World, arm_errors, regrets
from search.dispatch import dispatch
from search.epochs import STEPS
from search.experiment import Experiment
from search.hyperband.oracle import StrategyHyperband
from search.hyperband.promotion import TrialKey
from search.plan import SEARCHES, planned
from search.training.spec import TrialResult, TrialSpec
from search.workers.protocol import Job

FIVE = ("lines", "cnn_lines", "line_cnn", "sweeps", "cnn_control")
SHAPES = {"digits": (8, 8, 1), "fashion_mnist": (28, 28, 1)}
HALF_A_POINT, POINT = 0.005, 0.01


class SimulatedWorkers:
    """Workers for whom nothing passes but time.

    Args:
        world: what trials come to.
        start_of: what a job trains.
        count: of workers.

    Attributes:
        now: the simulated time, in seconds.
        seen: the last epoch of each trial, as it ended.
    """

    def __init__(self, world: World, start_of: Callable[[TrialSpec], Start], count: int):
        self.world, self.start_of = world, start_of
        self.now, self.seen = 0.0, list[Seen]()
        self._in_flight: dict[str, tuple[float, Job]] = {}
        self._names = [f"worker {number}" for number in range(count)]

    def __enter__(self) -> SimulatedWorkers:
        """Returns itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """There is nothing to stop."""

    def open(self, images: Mapping[str, Any]) -> None:
        """Images change nothing here."""

    @property
    def devices(self) -> list[str]:
        """None."""
        return []

    def idle(self) -> list[str]:
        """Those that have nothing to do."""
        return [name for name in self._names if name not in self._in_flight]

    @property
    def present(self) -> int:
        """All of them."""
        return len(self._names)

    @property
    def busy(self) -> int:
        """How many trials are in flight."""
        return len(self._in_flight)

    def submit(self, job: Job, worker: str) -> None:
        """Begins a trial, and knows when it will end."""
        start = self.start_of(job.spec)
        epochs = start.last_epoch - start.first_epoch
        takes = self.world.setup(*start[:2]) + epochs * self.world.epoch_seconds(*start[:2])
        self._in_flight[worker] = self.now + takes, job

    def next_result(self, on_epoch: Any) -> TrialResult | None:
        """Lets time pass until a trial ends."""
        worker = min(self._in_flight, key=lambda name: self._in_flight[name][0])
        self.now, job = self._in_flight.pop(worker)
        start = self.start_of(job.spec)
        accuracy = self.world.accuracy(start.strategy, start.place, start.last_epoch)
        loss = self.world.loss(start.strategy, start.place, start.last_epoch)
        self.seen.append(Seen(self.now, start.strategy, start.place, start.last_epoch, accuracy))
        columns = {"status": "completed", "score": accuracy, "val_loss": loss}
        return TrialResult(job.spec.trial_id, columns, worker=worker)


def scanline(world: World, seed: int, seconds: float, **plan: Any) -> list[Seen]:
    """Runs our search for so many simulated seconds, and returns what it saw, in order."""
    return searched(world, seed, seconds, **plan)[0]


def searched(
    world: World, seed: int, seconds: float, workers: int = 1, **plan: Any
) -> tuple[list[Seen], StrategyHyperband]:
    """Runs our search for so many simulated seconds; returns what it saw, and its oracle.

    Args:
        world: what there is to find.
        seed: of its draws.
        seconds: after which no trial starts.
        workers: how many.
        **plan: of the oracle, where it is not the one of `auto`: `min_epochs`, and so on.
    """

    def start_of(spec: TrialSpec) -> Start:
        index = world.nearest(spec.strategy, spec.hyperparameters)
        return Start(spec.strategy, index, spec.first_epoch, spec.last_epoch)

    hands = SimulatedWorkers(world, start_of, workers)
    oracle = StrategyHyperband(
        spaces=world.spaces,
        seed=seed,
        keep_files=False,
        clock=lambda: hands.now,
        **{"max_epochs": world.epochs, "iterations": 40, **plan_of(world.epochs), **plan},
    )
    oracle.verbose = 0
    running: dict[str, Any] = {}

    def waiting() -> bool:
        return hands.now < seconds and oracle.next_key() is not None

    def next_job(idle: Sequence[str]) -> tuple[Job, str]:
        trial = oracle.create_trial(f"{len(oracle.start_order)}")
        key = TrialKey.parse(trial.trial_id)
        running[trial.trial_id] = trial
        rung = oracle.rung(key)
        spec = TrialSpec(
            trial_id=trial.trial_id,
            strategy=key.strategy,
            hyperparameters=oracle.values(key),
            seed=0,
            first_epoch=rung.first_epoch,
            last_epoch=rung.last_epoch,
            max_epochs=world.epochs,
            batch_size=1,
            classes=1,
            mirror=False,
        )
        return Job(spec), idle[0]

    def on_result(result: TrialResult) -> None:
        trial = running.pop(result.trial_id)
        trial.status = "COMPLETED"
        metrics = {"val_accuracy": result.columns["score"], "val_loss": result.columns["val_loss"]}
        oracle.update_trial(result.trial_id, metrics)
        oracle.end_trial(trial)

    dispatch(hands, waiting, next_job, on_result, lambda trial_id, row: None)
    return hands.seen, oracle


def plan_of(epochs: int) -> dict[str, Any]:
    """Returns the plan of a search as `auto` has it, where a full training has so many epochs."""
    free = ("min_epochs", "configurations")
    asked = Experiment("curves", FIVE, max_epochs=epochs)
    plan = planned(asked, free, images=asked.batch_size * STEPS // epochs, pixels=1)
    return {"min_epochs": plan.min_epochs, "configurations": plan.in_one_bracket}


OURS: dict[str, dict[str, Any]] = {
    "Scanline": {},
    "Scanline, all of Hyperband's brackets": {"configurations": None},
}
"""Name to what differs from the plan of `auto`; with as many iterations as time allows."""


def searchers() -> dict[str, Callable[[World, int, float], list[Seen]]]:
    """Name to what searches a world from a seed for so many seconds: ours first."""
    from benchmarks.peers import peers

    def ours(plan: Mapping[str, Any]) -> Callable[[World, int, float], list[Seen]]:
        return lambda world, seed, seconds: scanline(world, seed, seconds, **plan)

    def theirs(make: Any) -> Callable[[World, int, float], list[Seen]]:
        return lambda world, seed, seconds: simulated.run(world, make(world, seed), seconds)

    return {name: ours(plan) for name, plan in OURS.items()} | {
        name: theirs(make) for name, make in peers().items()
    }


def the_world(record: Path, strategies: Sequence[str]) -> World:
    """The world of a record, with these strategies."""
    curves = load(record)
    dataset = record.stem.removeprefix("curves_")
    return simulated.world({name: curves[name] for name in strategies}, SHAPES[dataset], 10)


@functools.lru_cache
def known_world(record: Path) -> World:
    """The same, made once a process."""
    return the_world(record, FIVE)


def measured(
    record: Path, name: str, seed: int, times: tuple[float, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the regret and the arms' error of one search at these times."""
    world = known_world(record)
    seen = searchers()[name](world, seed, times[-1])
    return regrets(world, seen, times), arm_errors(world, seen, times)


def measure(
    record: Path, names: Sequence[str], seeds: int, times: Sequence[float], processes: int
) -> dict[str, np.ndarray]:
    """Name to (regret or error, seeds, times)."""
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    # Two processes with two threads each for small matrices are ten times slower than with one.
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    context = multiprocessing.get_context("spawn")
    found = {}
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        jobs = {
            name: [pool.submit(measured, record, name, seed, tuple(times)) for seed in range(seeds)]
            for name in names
        }
        for name, each in jobs.items():
            found[name] = np.array([job.result() for job in each]).swapaxes(0, 1)
            print(f"{record.stem}: {name}", flush=True)
    return found


def stays_below(mean: np.ndarray, times: np.ndarray, bound: float) -> float:
    """Returns from which time on it stays below a bound; infinity where it ends above.

    >>> stays_below(np.array([0.9, 0.1, 0.7, 0.2, 0.1]), np.arange(5.0), 0.5)
    3.0
    """
    above = np.flatnonzero(mean >= bound)
    if not len(above):
        return float(times[0])
    return float(times[above[-1] + 1]) if above[-1] + 1 < len(times) else float("inf")


def interval(values: Sequence[float]) -> str:
    """Returns the range that holds 95 of 100 values."""
    low, high = np.quantile(values, [0.025, 0.975], method="nearest")
    return f"{low:.0f} to {high:.0f}" if np.isfinite(high) else f"{low:.0f} on"


def resampled(count: int, draws: int = 1000) -> np.ndarray:
    """Returns seeds drawn again and again, with replacement: (draws, seeds)."""
    return np.random.default_rng(0).integers(0, count, (draws, count))


def regret_table(found: Mapping[str, np.ndarray], times: np.ndarray) -> str:
    """Returns as Markdown from when on the mean regret stays under half a point."""
    lines = [
        "| search | mean regret stays under half a point after, s (95 %) | mean regret, points, "
        f"after {', '.join(f'{time:g}' for time in shown(times))} s |",
        "| :--- | ---: | ---: |",
    ]
    for name, (regret, _) in found.items():
        when = stays_below(regret.mean(axis=0), times, HALF_A_POINT)
        again = [
            stays_below(regret[seeds].mean(axis=0), times, HALF_A_POINT)
            for seeds in resampled(len(regret))
        ]
        told = f"{when:.0f}" if np.isfinite(when) else "not"
        lines.append(f"| {name} | {told} ({interval(again)}) | {at(regret, times)} |")
    return "\n".join(lines)


def error_table(found: Mapping[str, np.ndarray], times: np.ndarray) -> str:
    """Returns as Markdown the error of the arms' best, and when another's is surely lower."""
    ours, *_ = found
    mine = found[ours][1]
    lines = [
        "| search | mean error of the arms' best, points, "
        f"after {', '.join(f'{time:g}' for time in shown(times))} s "
        f"| surely lower than {ours}'s |",
        "| :--- | ---: | :--- |",
    ]
    late = times >= 60
    for name, (_, error) in found.items():
        difference = (error - mine)[:, late]
        means = np.array([difference[seeds].mean(axis=0) for seeds in resampled(len(error))])
        lower = times[late][np.quantile(means, 0.975, axis=0) < 0]
        said = f"at {len(lower)} of {late.sum()} times" if len(lower) else "never"
        lines.append(f"| {name} | {at(error, times)} | {said if name != ours else ''} |")
    return "\n".join(lines)


def shown(times: np.ndarray) -> list[float]:
    """The times of which a table tells."""
    return [time for time in (60, 150, 300, 600, 1200) if time <= times[-1]]


def at(values: np.ndarray, times: np.ndarray) -> str:
    """Returns the means at these times, in points."""
    places = np.searchsorted(times, shown(times))
    return " / ".join(f"{100 * each:.2f}" for each in values.mean(axis=0)[places])


def named_right(record: Path, seed: int) -> bool:
    """Returns whether the default plan names a strategy whose best is within a point of the best.

    Named is that of the highest mean over its searches of what their finalists are worth.
    """
    world = known_world(record)
    _, oracle = searched(world, seed, float("inf"), iterations=SEARCHES)
    longest: dict[tuple[str, int, int, int], TrialKey] = {}
    for key in sorted(oracle.table, key=lambda key: key.rung):
        longest[key.strategy, key.iteration, key.bracket, key.slot] = key
    finalists: dict[tuple[str, int], TrialKey] = {}
    for key in sorted(longest.values(), key=lambda key: oracle.table[key].score or 0.0):
        finalists[key.strategy, key.iteration] = key  # the best comes last
    worth: dict[str, list[float]] = collections.defaultdict(list)
    for (strategy, _), key in finalists.items():
        place = world.nearest(strategy, oracle.values(key))
        worth[strategy].append(float(world.truth(strategy)[place]))
    named = max(worth, key=lambda name: sum(worth[name]) / len(worth[name]))
    return float(world.truth(named).max()) >= world.best - POINT


def main() -> None:
    """Prints the tables of each record in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("records", nargs="+", type=Path)
    parser.add_argument("--seeds", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=1200)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    times = np.arange(5.0, options.seconds + 1, 5.0)
    names = [*searchers()]
    for record in options.records:
        found = measure(record, names, options.seeds, times.tolist(), options.processes)
        right = sum(named_right(record, seed) for seed in range(options.seeds))
        print(f"\n## {record.stem}: {options.seeds} seeds\n")
        print(regret_table(found, times) + "\n")
        print(error_table(found, times) + "\n")
        print(f"The right strategy is named by {right} of {options.seeds} searches.")


if __name__ == "__main__":
    main()
