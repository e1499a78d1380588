"""How much of the driver's time does a trial cost, among ten thousand and for a thousand workers?

    python -m benchmarks.scale [--trials 10000] [--workers 1000]

The tuner, the oracle, the run directory and the plain display are real: a search of eleven
strategies, nine epochs, as many iterations as make so many trials. The workers are invented and
live in simulated time: a trial takes five seconds of set-up and 7.5 an epoch, 30 in the mean. An
epoch's seconds vary by a strategy's pace and by a configuration's, each lognormal, so that 95 % of
either lie within a factor of ten. While the driver works, simulated time passes as real time does:
so whoever has ended waits for a driver that is slow.
"""

from __future__ import annotations

import argparse
import dataclasses
import heapq
import itertools
import math
import os
import random
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from search.data.datasets import Dataset, Images
from search.experiment import Experiment
from search.forecast import Outlook, effort, plans
from search.hyperband.oracle import StrategyHyperband
from search.search_spaces import search_spaces
from search.store import Store
from search.terminal.display import PlainDisplay
from search.terminal.progress import Progress
from search.training.spec import OnEpoch, TrialResult, TrialSpec
from search.tuner import SequenceTuner
from search.workers.protocol import Job
from spaces import STRATEGIES

SETUP, EPOCH = 5.0, 7.5  # seconds
SPREAD = math.log(10) / (2 * 1.96)  # of the logarithm
MULTIPLY_ADDS = 1_000_000
GROUP = 1000  # trials, of which the first are compared with the last


class Clock:
    """Simulated seconds. They pass as real ones do, but for what is set."""

    def __init__(self) -> None:
        self.set(0.0)

    def __call__(self) -> float:
        """Returns what it is now."""
        return time.perf_counter() + self._ahead

    def set(self, now: float) -> None:
        """Puts it forward, or back to when something began that is to cost nothing."""
        self._ahead = now - time.perf_counter()


def varied(*parts: object) -> float:
    """Returns a factor that follows from the parts, one in the mean."""
    return random.Random(repr(parts)).lognormvariate(-(SPREAD**2) / 2, SPREAD)


@dataclasses.dataclass
class Flight:
    """A trial under way, or ended.

    Attributes:
        spec: what is trained.
        worker: who has it.
        began: when, in simulated seconds.
        driver: the seconds that the driver has spent on it, real ones.
        processor: the seconds of a processor in them, which count on a machine that is shared.
    """

    spec: TrialSpec
    worker: str
    began: float
    driver: float = 0.0
    processor: float = 0.0

    @property
    def epoch_seconds(self) -> float:
        """What an epoch of it takes."""
        return EPOCH * varied(self.spec.strategy) * varied(self.spec.seed)

    @property
    def ends(self) -> float:
        """When it has ended, whether or not the driver has time for it."""
        epochs = self.spec.last_epoch - self.spec.first_epoch
        return self.began + SETUP + epochs * self.epoch_seconds


class SimulatedWorkers:
    """Workers that train nothing. What they do themselves costs no time.

    Args:
        count: how many.
        clock: what time it is.

    Attributes:
        flights: the trials, by name, in the order in which they were started.
        starved: when a worker found nothing to start, for the first time.
    """

    def __init__(self, count: int, clock: Clock):
        self.present, self.devices = count, ["invented"] * count
        self.flights: dict[str, Flight] = {}
        self.starved: float | None = None
        self._clock, self._numbers = clock, itertools.count()
        self._free = dict.fromkeys(f"invented:{number}" for number in range(count))
        self._events: list[tuple[float, int, int, Flight]] = []  # (when, number, epoch, whose)
        self._handed: Flight | None = None  # whose result the driver works on
        self._since, self._processor = 0.0, time.process_time()

    def __enter__(self) -> SimulatedWorkers:
        """Returns itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leaves nothing."""

    def open(self, images: Mapping[str, Images]) -> None:
        """Needs none."""

    @property
    def busy(self) -> int:
        """How many trials are in flight."""
        return self.present - len(self._free)

    def _stop_the_clock(self, flight: Flight | None) -> float:
        """Returns what time it is, and charges to a trial what has passed in the driver."""
        now = self._clock()
        if flight is not None:
            flight.driver += now - self._since
            flight.processor += time.process_time() - self._processor
        return now

    def _go_on(self, now: float) -> None:
        self._since, self._processor = now, time.process_time()
        self._clock.set(now)

    def idle(self) -> list[str]:
        """The names of those that have nothing to do."""
        now = self._stop_the_clock(self._handed)
        names = list(self._free)
        self._go_on(now)
        return names

    def submit(self, job: Job, worker: str) -> None:
        """Takes a trial."""
        flight = Flight(job.spec, worker, 0.0)
        flight.began = now = self._stop_the_clock(flight)
        self.flights[job.spec.trial_id] = flight
        self._handed = self._handed or flight  # so that the first wait is somebody's, too
        del self._free[worker]
        self._await(flight, job.spec.first_epoch + 1)
        self._go_on(now)

    def _await(self, flight: Flight, epoch: int) -> None:
        epochs = epoch - flight.spec.first_epoch
        when = flight.began + SETUP + epochs * flight.epoch_seconds
        heapq.heappush(self._events, (when, next(self._numbers), epoch, flight))

    def next_result(self, on_epoch: OnEpoch) -> TrialResult:
        """Lets time pass until a trial has ended."""
        now = self._stop_the_clock(self._handed)
        if self._free and self.starved is None:
            self.starved = now
        while True:
            when, _, epoch, flight = heapq.heappop(self._events)
            row = epoch_row(flight, epoch)
            self._go_on(max(now, when))
            on_epoch(flight.spec.trial_id, row)
            now = self._stop_the_clock(flight)
            if epoch == flight.spec.last_epoch:
                break
            self._await(flight, epoch + 1)
        self._free[flight.worker] = None
        self._handed = flight
        result = result_of(flight)
        self._go_on(now)
        return result


def epoch_row(flight: Flight, epoch: int) -> dict[str, Any]:
    """Returns an epoch's row, as a worker tells it."""
    score = 1 - 1 / (1 + epoch * random.Random(f"{flight.spec.seed} {epoch}").random())
    values = {"loss": 1 - score, "accuracy": score, "val_loss": 1 - score, "val_accuracy": score}
    return {"epoch": epoch, **values, "seconds": flight.epoch_seconds}


def result_of(flight: Flight) -> TrialResult:
    """Returns what a trial has come to; its model is a few bytes."""
    spec = flight.spec
    rows = tuple(epoch_row(flight, n) for n in range(spec.first_epoch + 1, spec.last_epoch + 1))
    columns = {"status": "completed", "score": rows[-1]["val_accuracy"]}
    columns |= {"val_loss": rows[-1]["val_loss"], "multiply_adds": MULTIPLY_ADDS}
    model = spec.trial_id.encode() if spec.keep else None
    return TrialResult(spec.trial_id, columns, rows, SETUP, model, worker=flight.worker)


@dataclasses.dataclass(frozen=True)
class Measured:
    """What a search has cost.

    Attributes:
        workers: how many there were.
        flights: its trials, in the order in which they were started.
        starved: until when there was something to start for every worker, in simulated seconds.
    """

    workers: int
    flights: Sequence[Flight]
    starved: float

    def busy(self, until: float = math.inf) -> float:
        """Returns the share of the workers' time that went into trials."""
        until = min(until, max(flight.ends for flight in self.flights))
        seconds = sum(max(0.0, min(each.ends, until) - each.began) for each in self.flights)
        return seconds / (self.workers * until)


def noise() -> Dataset:
    """A data set of images without meaning."""
    images = Images(np.zeros((4, 8, 8, 1), "uint8"), np.arange(4, dtype="int32") % 2)
    return Dataset("noise", images, images, ("a", "b"), False, False, 4, lambda: images)


def measure(trials: int, workers: int, folder: str | Path) -> Measured:
    """Returns what a search costs.

    Args:
        trials: how many, at least.
        workers: how many.
        folder: where its run directory is made.
    """
    names = tuple(STRATEGIES)
    dataset, clock = noise(), Clock()
    experiment = Experiment(dataset.name, names, max_epochs=9)
    spaces = search_spaces(experiment, dataset)

    def oracle_of(iterations: int) -> StrategyHyperband:
        return StrategyHyperband(
            max_epochs=experiment.max_epochs,
            iterations=iterations,
            dataset=dataset.name,
            spaces=spaces,
            clock=clock,
            keep_files=False,
        )

    each = sum(count for count, _ in oracle_of(1).totals().values())
    experiment = dataclasses.replace(experiment, iterations=math.ceil(trials / each))
    oracle = oracle_of(experiment.iterations)
    simulated = SimulatedWorkers(workers, clock)
    with (
        Store.create(Path(folder, "run"), experiment, {}) as store,
        Path(os.devnull).open("w", encoding="utf-8") as nowhere,
    ):
        display = PlainDisplay(Progress(experiment, plans(oracle.totals())), Console(file=nowhere))
        typical = dict.fromkeys(names, effort(MULTIPLY_ADDS, experiment.batch_size))
        display.expect(Outlook(typical, workers=workers), ends=math.inf)
        tuner = SequenceTuner(oracle, store, dataset, simulated, display)
        clock.set(0.0)
        tuner.search()
    starved = clock() if simulated.starved is None else simulated.starved
    return Measured(workers, [*simulated.flights.values()], starved)


def table(found: Measured) -> str:
    """Returns a row in Markdown, and what its columns are."""
    group = min(GROUP, len(found.flights))

    def told(flights: Sequence[Flight]) -> str:
        columns = ([each.driver for each in flights], [each.processor for each in flights])
        middle, processor = (1000 * statistics.median(column) for column in columns)
        most = 1000 * statistics.quantiles(columns[0], n=20)[-1]
        return f"{middle:.1f} ({most:.1f}), {processor:.1f}"

    return (
        "| trials | workers | busy while any was left to start, % | busy to the end, % | driver's "
        "ms a trial: median (95 %), of a processor's | "
        f"the first {group:,} | the last {group:,} |\n"
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n"
        f"| {len(found.flights):,} | {found.workers:,} | {100 * found.busy(found.starved):.1f} | "
        f"{100 * found.busy():.1f} | {told(found.flights)} | {told(found.flights[:group])} | "
        f"{told(found.flights[-group:])} |"
    )


def main() -> None:
    """Prints a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=1000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(table(measure(options.trials, options.workers, folder)))


if __name__ == "__main__":
    main()
