"""The command line: which way of turning images into a sequence does an LSTM read best?"""

from __future__ import annotations

import _thread
import argparse
import dataclasses
import io
import json
import math
import re
import shlex
import signal
import sqlite3
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from search.environment import start_backend
from search.experiment import Execution, Experiment, ExperimentError
from search.workers.choice import make_workers, plan_workers
from search.workers.protocol import SchedulerLostError

if TYPE_CHECKING:
    from search.data.datasets import Dataset
    from search.store import Store
    from search.workers.protocol import Occupancy, Workers

Environments = list[dict[str, str]]  # of the workers to start on this machine
Spaces = dict[str, Any]  # strategy to its `keras_tuner.HyperParameters`

INTERRUPTED = 130  # what a shell says of a program that Ctrl-C ended
SCHEDULER_LOST = 3


class Parser(argparse.ArgumentParser):
    """Refuses with one line, as every other error does."""

    def error(self, message: str) -> NoReturn:
        """Prints the line and exits with code 2."""
        self.exit(2, f"error: {message} (see --help)\n")


def whole(least: int) -> Any:
    """Returns a parser of whole numbers from `least` up."""

    def parse(text: str) -> int:
        # A limit that no experiment reaches, but that SQLite and NumPy can still count with.
        if not re.fullmatch(r"\d{1,9}", text) or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} up")
        return int(text)

    return parse


def positive(unit: str) -> Any:
    """Returns a parser of numbers above 0 of a unit."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not (math.isfinite(value) and value > 0):
            raise argparse.ArgumentTypeError(f"{text!r} is not a number of {unit} above 0")
        return value

    return parse


def worker_count(text: str) -> int | None:
    """Parses a number of workers, or `auto`."""
    if text == "auto":
        return None
    count: int = whole(1)(text)
    return count


def size(text: str) -> tuple[int, int]:
    """Parses HEIGHTxWIDTH, or one number for a square."""
    match = re.fullmatch(r"(\d{1,4})(?:[xX](\d{1,4}))?", text)
    height = int(match[1]) if match else 0
    width = int(match[2] or match[1]) if match else 0
    if not (height and width):
        raise argparse.ArgumentTypeError(f"{text!r} is not a size: write 32, or 24x32")
    return height, width


def not_empty(text: str) -> str:
    """Refuses an empty name, such as a shell's variable that is not set leaves behind."""
    if not text.strip():
        raise argparse.ArgumentTypeError("it is empty")
    return text


def names(text: str) -> tuple[str, ...]:
    """Parses names with commas between them."""
    parts = tuple(part.strip() for part in text.split(",") if part.strip())
    if not parts:
        raise argparse.ArgumentTypeError("no name given")
    return tuple(dict.fromkeys(parts))


def make_parser() -> Parser:
    """Returns the parser; an option's default is the experiment's."""
    parser = Parser(
        prog="run_search.py",
        allow_abbrev=False,  # what goes with --resume is read from the arguments as given
        description="Searches every way of turning images into a sequence for an LSTM with an "
        "equal budget, retrains the best of each on several seeds, tests them once and reports.",
    )
    default = {field.name: field.default for field in dataclasses.fields(Experiment)}
    data = parser.add_argument_group("data")
    data.add_argument(
        "--dataset",
        type=not_empty,
        default="digits",
        help="digits (default), mnist, fashion_mnist, cifar10, cifar100, an .npz with x_train "
        "y_train x_test y_test, or a folder of class folders",
    )
    data.add_argument(
        "--data-dir", type=not_empty, metavar="DIR", help="look for DIR/<dataset>.npz first"
    )
    data.add_argument("--image-size", type=size, metavar="HxW", help="resize a folder's images")
    data.add_argument(
        "--train-limit", type=whole(1), metavar="N", help="use N of the training images, stratified"
    )
    data.add_argument(
        "--mirror",
        action=argparse.BooleanOptionalAction,
        help="whether a mirror image keeps its class, so that flips may be tried",
    )
    search = parser.add_argument_group("search")
    search.add_argument(
        "--strategies", type=names, metavar="A,B", help="which strategies compete (default: all)"
    )
    for name, least, text in (
        ("max_epochs", 1, "epochs of the longest trials and of the finals"),
        ("factor", 2, "Hyperband's reduction factor"),
        ("iterations", 1, "how often every bracket is run"),
        ("seed", 0, "everything random follows from it"),
        ("final_seeds", 1, "how often each finalist is retrained"),
        ("batch_size", 1, "images a step"),
    ):
        add_number(search, name, whole(least), default[name], "N", text)
    search.add_argument(
        "--time-limit",
        type=positive("minutes"),
        metavar="MINUTES",
        help="start no further trial after this",
    )
    search.add_argument(
        "--seed-designs",
        type=not_empty,
        nargs="+",
        metavar="PATH",
        help="start from these designs (.json) or run directories as well",
    )
    add_execution(parser)
    run = parser.add_argument_group("run")
    run.add_argument(
        "--out",
        type=not_empty,
        metavar="RUN",
        help="the run directory (default: runs/<name>-<time>)",
    )
    run.add_argument(
        "--resume", type=not_empty, metavar="RUN", help="go on with a run that was stopped"
    )
    run.add_argument(
        "--status",
        type=not_empty,
        metavar="RUN",
        help="tell how far a run is, whether or not it is running, and exit",
    )
    run.add_argument("--list-strategies", action="store_true", help="print the strategies and exit")
    return parser


def option(field: str) -> str:
    """Returns the option that sets a field of an experiment or an execution."""
    return f"--{field.replace('_', '-')}"


def add_number(group: Any, field: str, kind: Any, default: Any, metavar: str, text: str) -> None:
    """Adds the option of a field that is a number and has a default."""
    group.add_argument(
        option(field),
        type=kind,
        default=default,
        metavar=metavar,
        help=f"{text} (default: {default:g})",
    )


def add_execution(parser: argparse.ArgumentParser) -> None:
    """Adds the options of where and how it runs, which go with --resume, too."""
    default = Execution()
    where = parser.add_argument_group("workers (no answer follows from these)")
    where.add_argument(
        "--workers",
        type=worker_count,
        metavar="N|auto",
        help="worker processes on this machine; 1 trains in this process (default: auto, one for "
        "each processor, or for each GPU)",
    )
    add_number(
        where, "workers_per_gpu", whole(1), default.workers_per_gpu, "K", "how many share a GPU"
    )
    where.add_argument(
        "--cluster",
        type=not_empty,
        metavar="ADDRESS",
        help="use the workers of a running Dask scheduler, such as tcp://10.0.0.1:8786",
    )
    where.add_argument(
        "--shared-dir",
        type=not_empty,
        metavar="DIR",
        help="a directory that all workers see: images and models travel through it "
        "(default: through the scheduler)",
    )
    where.add_argument(
        "--worker-memory",
        type=positive("gigabytes"),
        metavar="GB",
        help="what a worker on this machine may hold (default: its share of the memory)",
    )
    add_number(
        where, "retries", whole(0), default.retries, "N",
        "how often a trial whose worker was lost starts again, before it has failed",
    )  # fmt: skip
    where.add_argument(
        "--trial-timeout",
        type=positive("minutes"),
        metavar="MINUTES",
        help="a trial that takes longer has failed",
    )
    add_number(
        where, "checkpoint_every", positive("minutes"), default.checkpoint_every, "MINUTES",
        "keep a long trial's model on the way, at the end of an epoch",
    )  # fmt: skip
    where.add_argument("--dashboard", action="store_true", help="serve Dask's own dashboard")


def execution_of(options: argparse.Namespace) -> Execution:
    """Returns where and how it runs.

    Raises:
        ExperimentError: two options contradict each other.
    """
    asked = {field.name: getattr(options, field.name) for field in dataclasses.fields(Execution)}
    execution = Execution(**asked)
    if execution.cluster and execution.workers:
        raise ExperimentError("--cluster brings its own workers: leave out --workers")
    if execution.dashboard and (execution.cluster or execution.workers == 1):
        raise ExperimentError(
            "--dashboard is for several workers on this machine: "
            "a cluster's scheduler serves its own, and one worker has none"
        )
    if execution.shared_dir:
        directory = Path(execution.shared_dir).resolve()
        if not directory.is_dir():
            raise ExperimentError(f"no directory {directory} for --shared-dir: make it first")
        execution = dataclasses.replace(execution, shared_dir=str(directory))
    return execution


def check_strategies(asked: tuple[str, ...] | None, known: list[str]) -> tuple[str, ...]:
    """Returns the strategies that compete.

    Raises:
        ExperimentError: one is unknown.
    """
    from spaces.values import did_you_mean

    for name in asked or ():
        if name not in known:
            hint = did_you_mean(name, known)
            raise ExperimentError(f"no strategy {name!r}: {hint}There are {', '.join(known)}")
    return asked or tuple(known)


def new_run(options: argparse.Namespace, arguments: list[str]) -> tuple[Store, Dataset, Spaces]:
    """Checks everything that was asked for, and only then makes the run directory.

    Returns:
        The run, open for writing; its images; the spaces that were built to check them.
    """
    from search.data.datasets import NAMES, load_dataset
    from search.environment import describe_machine
    from search.store import Store
    from search.tuner import search_spaces
    from search.warm_start import read_seeds
    from spaces import STRATEGIES

    fields = {field.name for field in dataclasses.fields(Experiment)}
    asked = {name: value for name, value in vars(options).items() if name in fields}
    asked["strategies"] = check_strategies(options.strategies, list(STRATEGIES))
    # So that a resume from elsewhere finds them; `digits` is no folder, even where there is one.
    for name, known in (("dataset", NAMES), ("data_dir", ())):
        if asked[name] and asked[name] not in known and Path(asked[name]).exists():
            asked[name] = str(Path(asked[name]).resolve())
    experiment = Experiment(**asked)
    default = Path("runs") / f"{experiment.dataset_name}-{time.strftime('%Y%m%d-%H%M%S')}"
    out = Path(options.out) if options.out else default
    if out.exists():
        raise ExperimentError(f"{out} exists: go on with --resume {out}, or choose another --out")
    dataset = load_dataset(experiment)
    spaces = search_spaces(experiment, dataset)
    if options.seed_designs:
        seeds, notes = read_seeds(options.seed_designs, experiment, spaces)
        experiment = dataclasses.replace(experiment, seeds=seeds)
        for note in notes:
            print(note)
    command = shlex.join(["python", "run_search.py", *arguments])
    return Store.create(out, experiment, describe_machine(command)), dataset, spaces


def old_run(path: str, arguments: list[str]) -> tuple[Store, Dataset]:
    """Opens a run that was stopped; all that was asked for is in it."""
    from search.data.datasets import load_dataset
    from search.store import Store

    allowed = ["resume", *(field.name for field in dataclasses.fields(Execution))]
    known = set(map(option, allowed))
    others = [a for a in arguments if a.startswith("--") and a.partition("=")[0] not in known]
    if others:
        raise ExperimentError(
            f"--resume takes what was asked for from the run: leave out {' '.join(others)}"
        )
    store = Store.resume(path)
    return store, load_dataset(store.experiment)


def resume_command(path: Path | str) -> str:
    """The command that goes on with a run, from the directory where this one was given."""
    return shlex.join(["python", sys.argv[0], "--resume", str(path)])


def record_dataset(store: Store, dataset: Dataset) -> None:
    """Writes the facts about the data that the report states, and a few images."""
    from search.report_images import record_samples
    from spaces import STRATEGIES

    order = list(STRATEGIES)
    store.record_strategies(
        {
            "strategy": name,
            "position": order.index(name),
            "recurrent": int(STRATEGIES[name].recurrent),
            "summary": STRATEGIES[name].summary,
        }
        for name in store.experiment.strategies
    )
    height, width, channels = dataset.image_shape
    store.record_dataset(
        {
            "dataset": dataset.name,
            "height": height,
            "width": width,
            "channels": channels,
            "train_images": len(dataset.train.y),
            "validation_images": len(dataset.validation.y),
            "test_images": dataset.test_count,
            "class_names": json.dumps(dataset.class_names, ensure_ascii=False),
            "mirror": int(dataset.mirror),
        }
    )
    record_samples(store, dataset)


def run(
    store: Store,
    dataset: Dataset,
    spaces: Spaces | None,
    execution: Execution,
    environments: Environments,
) -> int:
    """Searches, runs the finals and reports; on Ctrl-C reports what there is."""
    from analysis.report.write import write_report

    code, stopped = 0, ""
    try:
        with store.session():
            search_and_test(store, dataset, spaces, execution, environments)
    except KeyboardInterrupt:
        code, stopped = INTERRUPTED, "interrupted"
    except SchedulerLostError as error:
        code, stopped = SCHEDULER_LOST, f"error: {error}"
    report = write_report(store.path)
    if stopped:
        print(f"{stopped}. What there is so far:\n{report}\nto go on: {resume_command(store.path)}")
    else:
        print(report)
    return code


def search_and_test(
    store: Store,
    dataset: Dataset,
    spaces: Spaces | None,
    execution: Execution,
    environments: Environments,
) -> None:
    """Searches, runs the finals and writes the designs; the report's page follows all of it."""
    from analysis.report.live import LivePage
    from search.designs import export_designs
    from search.finals import run_finals
    from search.terminal.display import make_display
    from search.tuner import SequenceTuner, make_oracle

    record_dataset(store, dataset)
    oracle = make_oracle(store.experiment, dataset, spaces)
    totals = oracle.totals()
    store.record_plan(dataset.name, totals)
    with make_display(
        store.experiment,
        {strategy: trials for strategy, (trials, _) in totals.items()},
        {strategy: epochs for strategy, (_, epochs) in totals.items()},
    ) as display:
        page = LivePage(store.path, display.note)
        page()
        with make_workers(execution, environments, display.note) as workers:
            # Once the finals have opened the test split, the search is over for good.
            if not store.finals_begun:
                tuner = SequenceTuner(oracle, store, dataset, workers, display, execution, page)
                tuner.search()
                display.note(in_use(tuner.occupancy, workers))
            else:
                display.replay(store.trials())
            run_finals(store, dataset, workers, display, execution, page)
    export_designs(store)


def in_use(occupancy: Occupancy, workers: Workers) -> str:
    """Says how much of the workers' time the search has used."""
    count = f"{workers.present} workers" if workers.present != 1 else "1 worker"
    return f"{count}, busy {100 * occupancy.share:.0f} % of {occupancy.seconds:.0f} s of search"


def list_strategies() -> None:
    """Prints every strategy with its summary and reference."""
    from spaces import STRATEGIES

    wide = max(map(len, STRATEGIES))
    for name, strategy in STRATEGIES.items():
        print(f"{name:{wide}}  {strategy.summary}\n{'':{wide}}  {strategy.reference}")


def show_status(path: str, arguments: list[str]) -> None:
    """Prints how far a run is; needs no backend and leaves the run alone."""
    from rich.console import Console

    from search.store import Store
    from search.terminal.status import read_status, status_screen

    others = [a for a in arguments if a.startswith("--") and a.partition("=")[0] != "--status"]
    if others:
        raise ExperimentError(f"--status changes nothing: leave out {' '.join(others)}")
    status = read_status(Store(path), time.time())
    if isinstance(sys.stdout, io.TextIOWrapper):  # it may hold no more than ASCII
        sys.stdout.reconfigure(errors="backslashreplace")
    console = Console(highlight=False)
    console.print(status_screen(status, console.width))


def interrupt_again(ignored: sys.UnraisableHookArgs) -> None:
    """Repeats a Ctrl-C that Python has ignored, a moment later.

    What is raised in a callback of the garbage collector is printed and dropped. One Ctrl-C in
    fourteen fell there, while a model was made, and the search went on.
    """
    if issubclass(ignored.exc_type, KeyboardInterrupt):
        threading.Timer(0.1, _thread.interrupt_main).start()
    else:
        sys.__unraisablehook__(ignored)


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line and returns the exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    options = make_parser().parse_args(arguments)
    # Slurm and systemd warn with SIGTERM; it ends a run as cleanly as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.unraisablehook = interrupt_again
    store: Store | None = None
    try:
        if options.status:
            show_status(options.status, arguments)
            return 0
        execution = execution_of(options)
        environments = plan_workers(execution)
        start_backend(cpu_only=execution.cluster is not None or len(environments) > 1)
        if options.list_strategies:
            list_strategies()
            return 0
        if options.resume:
            (store, dataset), spaces = old_run(options.resume, arguments), None
        else:
            store, dataset, spaces = new_run(options, arguments)
        with store:
            return run(store, dataset, spaces, execution, environments)
    # The last two are a full disk, or one that went away.
    except (ExperimentError, OSError, sqlite3.Error) as error:
        hint = f". When that is fixed, go on: {resume_command(store.path)}" if store else ""
        print(f"error: {error}{hint}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        path = store.path if store else options.resume  # whose images were just being read
        hint = f"go on: {resume_command(path)}" if path else "nothing was written"
        print(f"interrupted: {hint}", file=sys.stderr)
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
