"""The command line: which way of turning images into a sequence does an LSTM read best?"""

from __future__ import annotations

import contextlib
import errno
import functools
import json
import math
import os
import shlex
import signal
import sqlite3
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

BEGAN = time.monotonic()
INTERRUPTED = 130  # what a shell says of a program that Ctrl-C ended
SCHEDULER_LOST = 3
INSTALL = "pip install -r requirements.txt, or make a virtual environment by `make run`"


def leave(*_: object) -> None:
    """Ends at once: what Ctrl-C does while this program is being imported."""
    print("interrupted: nothing was written", file=sys.stderr, flush=True)
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, leave)

try:
    from search.asked import check_asked, check_run, command_line, larger_run, old_run
    from search.devices import PROCESSORS, find_devices, in_words
    from search.environment import (
        end_cleanly,
        interrupted,
        other_versions,
        print_anything,
        start_backend,
    )
    from search.execution import Execution
    from search.experiment import ExperimentError
    from search.options import automatic, execution_of, make_parser, others
    from search.wording import escaped
    from search.workers.choice import make_workers, plan_workers, planned_devices
    from search.workers.forkserver import begin_imports
    from search.workers.protocol import SchedulerLostError
except ModuleNotFoundError as missing:  # as the system's own Python says
    print(f"error: {missing.name} is not installed: {INSTALL}", file=sys.stderr)
    sys.exit(2)

if TYPE_CHECKING:
    from search.data.datasets import Dataset
    from search.hyperband.oracle import StrategyHyperband
    from search.store import Store

Environments = list[dict[str, str]]  # of the workers to start on this machine


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    print_anything()
    options = make_parser().parse_args(arguments)
    end_cleanly()
    store: Store | None = None
    try:
        if options.status:
            return show_status(options.status, arguments)
        if options.list_strategies:
            start_backend(cpu_only=True)
            return list_strategies()
        if old := options.resume or options.extend:
            check_run(old)
        execution = execution_of(options)
        if options.devices:
            return show_devices(execution)
        larger = smaller = None  # what more is asked of a run, and that run
        if options.resume:
            store = old_run(options.resume, arguments)
        elif options.extend:
            larger, smaller = larger_run(options, arguments)
        experiment = larger or (store.experiment if store else check_asked(options, say))
        devices = PROCESSORS if execution.cluster else find_devices()
        environments = plan_workers(execution, devices)
        from search.data.locate import comes_with_keras
        from search.run_images import read_images

        # What is wrong with images is said before Keras is imported, unless they come with it.
        early = None if comes_with_keras(experiment) else read_images(experiment, store or smaller)
        start(environments)
        dataset = early or read_images(experiment, store or smaller)
        oracle = None
        if smaller:
            from search.extension import extend

            if experiment.budget:
                from search.calibration import larger_plan_by_budget
                from search.plan import instead

                rows, count = smaller.trials(), len(environments) or 1
                free = automatic(options)
                experiment = larger_plan_by_budget(experiment, free, dataset, rows, count)
                say(instead(experiment, of=smaller.experiment) or "the same plan, in more time")
            oracle = extend(smaller, experiment, dataset, command_line(arguments))
            store = smaller  # from here on a resume goes on with it
        elif store is None:
            from search.new_run import by_budget, new_run

            if experiment.budget:
                hands = functools.partial(make_workers, execution, environments, say)
                ends = BEGAN + 60 * experiment.budget
                experiment = by_budget(options, experiment, dataset, hands, ends, say)
                if experiment.train_limit != options.train_limit:
                    dataset = read_images(experiment, None)
            store, oracle = new_run(options, experiment, dataset, arguments, say)
        if devices.warning:
            say(devices.warning)
        with store:
            return run(store, dataset, oracle, execution, environments)
    except ERRORS as error:
        hint = f". When that is fixed, go on: {resume_command(store.path)}" if store else ""
        return complain(f"error: {in_words_of(error)}{hint}", 2)
    except (KeyboardInterrupt, Exception) as error:
        if not (isinstance(error, KeyboardInterrupt) or interrupted()):
            raise  # else an import has made something else of it
        path = store.path if store else options.resume  # whose images were just being read
        hint = f"go on: {resume_command(path)}" if path else "nothing was written"
        return complain(f"interrupted: {hint}", INTERRUPTED)


def start(environments: Environments) -> None:
    """Starts Keras here, and the processes of several workers, which import it meanwhile."""
    if len(environments) == 1:  # the worker is this process
        os.environ.update(environments[0])
    elif environments:
        begin_imports(environments)
    start_backend(cpu_only=len(environments) != 1)


# The last four are a full disk or one that went away, memory, and what is not installed.
ERRORS = (ExperimentError, OSError, sqlite3.Error, MemoryError, ModuleNotFoundError)


def in_words_of(error: BaseException) -> str:
    """What is wrong, and what to do, of one of `ERRORS`.

    >>> in_words_of(ModuleNotFoundError(name="keras"))[:22]
    'keras is not installed'
    """
    if isinstance(error, ModuleNotFoundError):
        return f"{error.name} is not installed: {INSTALL}"
    if isinstance(error, MemoryError):
        return f"not enough memory ({error or 'for the images'}): take fewer with --train-limit"
    if isinstance(error, OSError):
        where = f" ({error.filename})" if error.filename else ""
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        hint = "make room, on the disk or where the output goes" if full else "check what is there"
        return f"{error.strerror or error}{where}: {hint}"
    return str(error) or type(error).__name__


def say(text: object) -> None:
    """Prints a line, and at once: an output that takes no more is known while it can be said."""
    print(escaped(text), flush=True)


def complain(text: str, code: int) -> int:
    """Prints why it ended to the error stream, if that is still there, and returns the code."""
    with contextlib.suppress(OSError):
        print(escaped(text), file=sys.stderr, flush=True)
    return code


def show_status(path: str, arguments: Sequence[str]) -> int:
    """Prints how far a run is."""
    from search.store import Store
    from search.terminal import status

    if unfit := others(arguments, ["--status"]):
        raise ExperimentError(f"--status changes nothing: leave out {' '.join(unfit)}")
    status.show_status(Store(path))
    return 0


def show_devices(execution: Execution) -> int:
    """Prints what would train on this machine, and why no more than that."""
    if execution.cluster:
        raise ExperimentError("--devices is about this machine: leave out --cluster")
    devices = find_devices()
    say(in_words(planned_devices(execution, devices)))
    if devices.warning:
        say(devices.warning)
    return 0


def list_strategies() -> int:
    """Prints every strategy with its summary and reference."""
    from spaces import STRATEGIES

    wide = max(map(len, STRATEGIES))
    for name, strategy in STRATEGIES.items():
        print(f"{name:{wide}}  {strategy.summary}\n{'':{wide}}  {strategy.reference}")
    return 0


def resume_command(path: Path | str) -> str:
    """The command that goes on with a run, from the directory where this one was given."""
    return shlex.join(["python", sys.argv[0], "--resume", str(path)])


def run(
    store: Store,
    dataset: Dataset,
    oracle: StrategyHyperband | None,
    execution: Execution,
    environments: Environments,
) -> int:
    """Searches, runs the finals and reports; on Ctrl-C reports what there is."""
    from analysis.report.write import write_report

    code, stopped = 0, ""
    try:
        with store.session():
            search_and_test(store, dataset, oracle, execution, environments)
    except KeyboardInterrupt:
        code, stopped = INTERRUPTED, "interrupted"
    except SchedulerLostError as error:
        code, stopped = SCHEDULER_LOST, f"error: {error}"
    lines = str(write_report(store.path)).splitlines()
    if stopped:
        again = f"to go on: {resume_command(store.path)}"
        lines = [f"{stopped}. What there is so far:", *lines, again]
    for line in lines:
        say(line)
    return code


def record_dataset(store: Store, dataset: Dataset) -> None:
    """Writes what the report states of the data and of who competes, and a few images."""
    from search.report_images import record_samples
    from search.search_spaces import strategy_rows

    store.record_strategies(strategy_rows(store.experiment.strategies))
    asked = json.dumps(store.experiment.to_json())
    row = dataset.facts() | {"experiment": asked, "extensions": len(store.extended)}
    store.record_dataset(row, dataset.roll())
    record_samples(store, dataset)


def search_and_test(
    store: Store,
    dataset: Dataset,
    oracle: StrategyHyperband | None,
    execution: Execution,
    environments: Environments,
) -> None:
    """Searches, runs the finals and writes the designs; the report's page follows all of it."""
    from analysis.report.live import LivePage
    from search.calibration import afterwards, by_half_of_it, outlook
    from search.designs import export_designs
    from search.extension import fit, run_with_weights
    from search.finals import run_finals
    from search.metric import advice
    from search.plan import epochs_in_words
    from search.terminal.display import make_display
    from search.terminal.screen import expected_in_words
    from search.tuner import SequenceTuner, make_oracle

    oracle = oracle or make_oracle(store.experiment, dataset)
    fit(store, dataset, oracle)
    record_dataset(store, dataset)
    # Once a search is over, its plan is known, with all that was granted on the way.
    plans = {row["strategy"]: (row["trials"], row["epochs"]) for row in store.rows("plans")}
    totals = plans if plans and store.search_over else oracle.totals()
    ends = BEGAN + 60 * (store.experiment.budget or math.inf) - store.seconds_spent
    store.record_plan(dataset.name, totals)
    with make_display(store.experiment, totals) as display:
        for line in dataset.in_words():
            display.note(line)
        if advised := advice(store.experiment.metric, dataset.class_names, dataset.counts):
            display.note(advised)
        learnt = len(dataset.train.y), len(dataset.validation.y)
        display.note(epochs_in_words(store.experiment, *learnt))
        page = LivePage(store.path, display.note)
        page()
        with make_workers(execution, environments, display.note) as workers:
            devices = in_words(workers.devices)
            display.note(devices)
            store.record_about("devices", devices)
            if others := other_versions(store.about.get("versions", {})):
                display.note(f"the run was begun with other versions; now it is {others}")
                store.record_about("went_on_with", others)
            # Once the finals have opened the test split, the search is over for good.
            if not store.search_over:
                ahead = outlook(
                    store.experiment, dataset, oracle, workers, begun=bool(store.trials())
                )
                display.expect(ahead, ends)
                if expected := expected_in_words(display.progress):
                    display.note(expected)
                    seconds = sum(display.progress.parts_left() or ())
                    free = store.about.get("automatic", ())
                    if less := by_half_of_it(
                        store.experiment, free, dataset, oracle, ahead, seconds
                    ):
                        display.note(less)
                prepared = {row.trial_id: row.worker for row in ahead.calibrated if row.worker}
                tuner = SequenceTuner(
                    *(oracle, store, dataset, workers, display, execution, page, prepared),
                    display.search_until,
                )
                tuner.search()
                display.note(tuner.occupancy.in_words(workers.present))
            else:
                display.replay(store.trials())
            until = ends - afterwards(dataset, sum(learnt))
            last = functools.partial(
                run_finals, store, dataset, workers, display, execution, page, until
            )
            run_with_weights(store, last)
    export_designs(store)


if __name__ == "__main__":
    sys.exit(main())
