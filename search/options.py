"""The command line's options, made from the fields of `Experiment` and `Execution`."""

from __future__ import annotations

import argparse
import dataclasses
import difflib
import itertools
import math
import os
import re
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from msgspec import inspect

from search.execution import Execution
from search.experiment import Experiment, ExperimentError
from search.fields import Option
from search.plan import EXTENDABLE, extended
from search.wording import did_you_mean, escaped, flag

DATA = ("data_dir", "image_size", "skip_broken", "train_limit", "mirror")


class Parser(argparse.ArgumentParser):
    """Refuses with one line, as every other error does."""

    def error(self, message: str) -> NoReturn:
        """Prints the line and exits with code 2."""
        hint = ""
        if message.startswith("unrecognized arguments"):
            known = [option for action in self._actions for option in action.option_strings]
            asked = next((part for part in message.split() if part.startswith("--")), "")
            near = difflib.get_close_matches(asked.partition("=")[0], known, n=2)
            hint = f"; did you mean {' or '.join(sorted(near))}?" if near else ""
        self.exit(2, escaped(f"error: {message}{hint} (see --help)") + "\n")


# What a value can be: text -> value


def count(text: str, least: int = 0) -> int:
    """Parses a whole number from `least` up.

    >>> count("12", least=1)
    12
    """
    # A limit that no experiment reaches, but that SQLite and NumPy can still count with.
    if not re.fullmatch(r"\d{1,9}", text) or int(text) < least:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} up")
    return int(text)


def count_or_auto(text: str) -> int | None:
    """Parses a number from 1 up, or `auto`, which is None."""
    return None if text == "auto" else count(text, least=1)


def configurations(text: str) -> int | str | None:
    """Parses a number from 1 up, `hyperband`, or `auto`, which is None.

    >>> configurations("12"), configurations("hyperband")
    (12, 'hyperband')
    """
    return text if text == "hyperband" else count_or_auto(text)


def positive(unit: str) -> Callable[[str], float]:
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


def size(text: str) -> tuple[int, int]:
    """Parses HEIGHTxWIDTH in pixels, or one number for a square.

    >>> size("24x32"), size("32")
    ((24, 32), (32, 32))
    """
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
    """Parses names with commas between them, each once.

    >>> names("lines, patches,lines")
    ('lines', 'patches')
    """
    parts = tuple(part.strip() for part in text.split(",") if part.strip())
    if not parts:
        raise argparse.ArgumentTypeError("no name given")
    return tuple(dict.fromkeys(parts))


KINDS: dict[str, Callable[[int], dict[str, Any]]] = {
    "count": lambda least: {"type": lambda text: count(text, least)},
    "count_or_auto": lambda _: {"type": count_or_auto},
    "configurations": lambda _: {"type": configurations},
    "minutes": lambda _: {"type": positive("minutes")},
    "gigabytes": lambda _: {"type": positive("gigabytes")},
    "size": lambda _: {"type": size},
    "text": lambda _: {"type": not_empty},
    "yes_or_no": lambda _: {"action": argparse.BooleanOptionalAction},
    "flag": lambda _: {"action": "store_true"},
}
"""A field's kind, and the lowest number that it may be, to what `argparse` is told of it."""


# The parser


def make_parser() -> Parser:
    """Returns the parser; an option's default is its field's."""
    parser = Parser(
        prog="run_search.py",
        allow_abbrev=False,  # what goes with --resume is read from the arguments as given
        description="Searches every way of turning images into a sequence for an LSTM with an "
        "equal budget, retrains the best of each on several seeds, tests them once and reports.",
    )
    data = parser.add_argument_group("data")
    data.add_argument(
        "--dataset",
        type=not_empty,
        default="digits",
        help="digits (default), mnist, fashion_mnist, cifar10, cifar100, an .npz with x_train "
        "y_train x_test y_test, or a folder of class folders",
    )
    search = parser.add_argument_group("search")
    search.add_argument(
        "--strategies",
        type=names,
        nargs="+",
        metavar="A,B",
        help="which strategies compete (default: all)",
    )
    least = lowest(Experiment)
    for field in dataclasses.fields(Experiment):
        add_option(data if field.name in DATA else search, field, least[field.name])
    search.add_argument(
        "--time-limit",  # what it was called when it held for the search alone
        type=positive("minutes"),
        metavar="MINUTES",
        help=argparse.SUPPRESS,
    )
    search.add_argument(
        "--warm-start",
        "--seed-designs",  # its name until it was found that random seeds are seeds, too
        type=not_empty,
        nargs="+",
        metavar="PATH",
        help="start from these designs (.json) or run directories as well",
    )
    workers = parser.add_argument_group("workers (no answer follows from these)")
    least = lowest(Execution)
    for field in dataclasses.fields(Execution):
        add_option(workers, field, least[field.name])
    run = parser.add_argument_group("run")
    for name, text in (
        ("--out", "the run directory (default: runs/<name>-<time>)"),
        ("--resume", "go on with a run that was stopped"),
        ("--extend", "ask more of a run: strategies, iterations, epochs, final seeds or time"),
        ("--status", "tell how far a run is, whether or not it is running, and exit"),
    ):
        run.add_argument(name, type=not_empty, metavar="RUN", help=text)
    run.add_argument(
        "--devices", action="store_true", help="print what would train on this machine, and exit"
    )
    run.add_argument("--list-strategies", action="store_true", help="print the strategies and exit")
    return parser


def lowest(kind: type[Any]) -> dict[str, int]:
    """Returns the lowest number that each field of a dataclass may be, by its type; 0 of others.

    >>> lowest(Experiment)["factor"]
    2
    """
    found = {}
    for field in inspect.type_info(kind).fields:  # type: ignore[attr-defined]
        types = getattr(field.type, "types", (field.type,))  # those of a union
        found[field.name] = max(getattr(each, "ge", None) or 0 for each in types)
    return found


def add_option(group: Any, field: dataclasses.Field[Any], least: int) -> None:
    """Adds the option that sets a field, if it has one; `least` is the lowest that it may be."""
    option: Option | None = field.metadata.get("option")
    if option is None:
        return
    told = KINDS[option.kind](least)
    if option.metavar:
        told["metavar"] = option.metavar
    if option.choices:
        told["choices"] = option.choices
    default = None if option.auto else field.default
    known = default is not None and default is not False
    shown = default if isinstance(default, str) else f"{default:g}" if known else ""
    said = "auto" if option.auto else shown
    text = f"{option.help} (default: {said})" if said else option.help
    group.add_argument(flag(field.name), default=default, help=text, **told)


def others(arguments: Sequence[str], allowed: Sequence[str]) -> list[str]:
    """Returns the options that were given and are none of the allowed, as they were given."""
    return [a for a in arguments if a.startswith("--") and a.partition("=")[0] not in allowed]


def resumable() -> list[str]:
    """Returns the options that go with `--resume`: where and how it runs."""
    return [flag(name) for name in ("resume", *(f.name for f in dataclasses.fields(Execution)))]


def extending() -> list[str]:
    """Returns the options that go with `--extend`: of what there is to be more, and where it runs.

    >>> "--iterations" in extending(), "--seed" in extending()
    (True, False)
    """
    return [*map(flag, ("extend", *EXTENDABLE)), *resumable()[1:]]


# Options -> what was asked for


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


def experiment_of(
    options: argparse.Namespace, strategies: Sequence[str], datasets: Sequence[str]
) -> Experiment:
    """Returns what is to be searched, without its initial configurations.

    What is left to the data has the value that a field has by itself; `search.plan` chooses it.

    Args:
        options: as parsed.
        strategies: the names of all there are.
        datasets: the names of data sets that are no path.

    Raises:
        ExperimentError: a strategy is unknown.
    """
    fields = {field.name for field in dataclasses.fields(Experiment)} - automatic(options)
    asked = {name: value for name, value in vars(options).items() if name in fields}
    asked["strategies"] = check_strategies(options.strategies, strategies)
    # So that a resume from elsewhere finds them; `digits` is no folder, even where there is one.
    for name, known in (("dataset", datasets), ("data_dir", ())):
        if asked[name] and asked[name] not in known and Path(asked[name]).exists():
            asked[name] = str(Path(asked[name]).resolve())
    return Experiment(**asked)


def larger_experiment(
    options: argparse.Namespace,
    arguments: Sequence[str],
    experiment: Experiment,
    strategies: Sequence[str],
) -> Experiment:
    """Returns an experiment of which more is asked by `--extend`; `auto` is what it has.

    Args:
        options: as parsed.
        arguments: as they were given, which tell what was asked for from a default.
        experiment: what was asked for until now.
        strategies: the names of all there are.

    Raises:
        ExperimentError: something is asked for of which there cannot be more, or less of something;
            or a strategy is unknown.
    """
    if unfit := others(arguments, extending()):
        raise ExperimentError(f"--extend takes all else from the run: leave out {' '.join(unfit)}")
    asked = {argument.partition("=")[0] for argument in arguments}
    given = {name: getattr(options, name) for name in EXTENDABLE if flag(name) in asked}
    given = {name: value for name, value in given.items() if value is not None}
    names = given.get("strategies", [experiment.strategies])
    given["strategies"] = check_strategies(names, strategies)
    return extended(experiment, given)


def automatic(options: argparse.Namespace) -> set[str]:
    """Returns the fields of an experiment that are left to the data."""
    return {
        field.name
        for field in dataclasses.fields(Experiment)
        if "option" in field.metadata
        and field.metadata["option"].auto
        and getattr(options, field.name) is None
    }


def strategy_names() -> list[str]:
    """The names of all strategies, without Keras, which they bring along: one is one file."""
    if "spaces" in sys.modules:
        return list(sys.modules["spaces"].STRATEGIES)
    folder = Path(__file__).parents[1] / "spaces" / "strategies"
    return sorted(file.stem for file in folder.glob("*.py") if file.stem != "__init__")


def check_strategies(
    asked: Sequence[tuple[str, ...]] | None, known: Sequence[str]
) -> tuple[str, ...]:
    """Returns the strategies that compete: those asked for, or all.

    Args:
        asked: names that came together, with commas or with spaces between them.
        known: the names of all there are.

    Raises:
        ExperimentError: one is unknown.
    """
    every = tuple(dict.fromkeys(itertools.chain(*(asked or ()))))
    for name in every:
        if name not in known:
            hint = did_you_mean(name, known)
            raise ExperimentError(f"no strategy {name!r}: {hint}There are {', '.join(known)}")
    return every or tuple(known)


def run_path(options: argparse.Namespace, experiment: Experiment) -> Path:
    """Returns where the run is to be, as long as there is nothing yet."""
    default = Path("runs") / f"{experiment.dataset_name}-{time.strftime('%Y%m%d-%H%M%S')}"
    out = Path(options.out) if options.out else default
    try:
        there = next(path for path in (out.absolute(), *out.absolute().parents) if path.exists())
        leads_to = out.resolve()
    except (OSError, RuntimeError) as error:  # a name too long, no directory, a circle of links
        raise ExperimentError(
            f"cannot make {out} ({getattr(error, 'strerror', error)}): choose another --out"
        ) from error
    if there == out.absolute():
        raise ExperimentError(f"{out} exists: go on with --resume {out}, or choose another --out")
    if not there.is_dir() or not os.access(there, os.W_OK):
        why = "may not be written" if there.is_dir() else "is no folder"
        raise ExperimentError(f"cannot make {out}, since {there} {why}: choose another --out")
    images = Path(experiment.dataset)
    if images.is_absolute() and images.is_dir() and leads_to.is_relative_to(images):
        raise ExperimentError(
            f"the run {out} would lie among the images in {images}: choose another --out"
        )
    return out
