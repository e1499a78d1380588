"""What is needed to do it again: the command, the experiment, the data, software and hardware."""

from __future__ import annotations

import math
from typing import Any

from analysis import formatting
from analysis.report.elements import Section, Table
from analysis.report.findings import Findings
from analysis.run import Run
from search.store import Experiment

MOST_CLASSES = 20


def section(found: Findings) -> Section:
    """Returns the command, and those that asked for more, and the facts."""
    about = found.run.about
    asked = [about.get("command") or "", *(each["command"] for each in about.get("extended", []))]
    commands = "\n".join(formatting.clean(command, 2000) for command in asked)
    title = "How to do it again"
    return Section("again", title, parts=[_facts(found)], code=formatting.bare(commands))


def _configurations(asked: Experiment) -> str:
    """How many a search starts with, and by what."""
    only = asked.in_one_bracket
    return f"{only}, by successive halving" if only else "those of all of Hyperband's brackets"


def _facts(found: Findings) -> Table:
    run = found.run
    asked = run.experiment
    strategies = [found.label(name) for name in asked.strategies]
    rows = [
        ["seed", str(asked.seed)],
        ["strategies", formatting.listing(strategies)],
        ["epochs", f"{asked.min_epochs} to {asked.max_epochs}, reduction factor {asked.factor}"],
        ["epochs of the finals", str(asked.epochs_of_finals)],
        ["searches of each strategy", _searches(asked)],
        ["configurations of each search", _configurations(asked)],
        ["final seeds", str(asked.final_seeds)],
        ["batch size", str(asked.batch_size)],
        *_data(run),
    ]
    if asked.budget is not None:
        rows.append(["budget", f"{asked.budget:g} minutes"])
    if started := run.about.get("started"):
        rows.append(["started", formatting.clean(started)])
    rows.extend(_times(run))
    # Whatever the file says of these: a run is read, not trusted.
    hardware, versions = run.about.get("hardware"), run.about.get("versions")
    if isinstance(hardware, dict):
        rows.append(["hardware", _hardware(hardware)])
    devices = run.about.get("devices")
    if isinstance(devices, list):
        rows.append(["trained by", "; ".join(formatting.clean(each, 500) for each in devices)])
    if isinstance(versions, dict):
        shown = [
            f"{formatting.clean(name, 30)} {formatting.clean(version, 30)}"
            for name, version in versions.items()
        ]
        others = run.about.get("went_on_with") or []
        went_on = [f"went on with {formatting.clean(each, 500)}" for each in others]
        rows.append(["versions", "; ".join([", ".join(shown), *went_on])])
    return Table("facts", ["what", "value"], rows, numeric=False)


def _searches(asked: Experiment) -> str:
    """Returns how many there are, and how many more there may be."""
    if asked.most_iterations <= asked.iterations:
        return str(asked.iterations)
    return f"{asked.iterations}, and up to {asked.most_iterations} while it may be the best"


def _data(run: Run) -> list[list[str]]:
    rows = [["data set", formatting.clean(run.experiment.dataset)]]
    if run.experiment.train_limit is not None:
        rows.append(["training limit", formatting.plural(run.experiment.train_limit, "image")])
    row: Any
    for row in run.datasets.itertuples():
        splits = ((row.train_images, "training"), (row.validation_images, "validation"),
                  (row.test_images, "test"))  # fmt: skip
        known = [f"{int(size):,} {split}" for size, split in splits if not math.isnan(size)]
        sides = [row.height, row.width, row.channels]
        if not any(math.isnan(side) for side in sides):
            rows.append(["images", formatting.TIMES.join(str(int(side)) for side in sides)])
        rows.append(["split", ", ".join(known)])
        names = [formatting.clean(name, 40) for name in row.class_names[:MOST_CLASSES]]
        more = len(row.class_names) - len(names)
        listed = ", ".join(names) + (f" and {more} more" if more else "")
        rows.append(["classes", f"{len(row.class_names)}: {listed}"])
        rows.extend(["read", formatting.clean(note, 500)] for note in row.notes)
        if not math.isnan(row.mirror):
            rows.append(["mirrored in training", "yes" if row.mirror else "no"])
    return rows


def _times(run: Run) -> list[list[str]]:
    searching = float(run.trials.train_seconds.sum() + run.trials.setup_seconds.sum())
    finals = float(run.finals.train_seconds.sum())
    rows = [
        ["time in trials", formatting.duration(searching)],
        ["time in final trainings", formatting.duration(finals)],
        ["hours in all", f"{(searching + finals) / 3600:.2f}"],
    ]
    span = run.trials.finished.max() - run.trials.started.min()
    if not math.isnan(span):
        rows.append(["first trial's start to last trial's end", formatting.duration(float(span))])
    return rows


def _hardware(hardware: dict[str, Any]) -> str:
    parts = []
    if hardware.get("processor"):
        parts.append(formatting.clean(hardware["processor"]))
    if hardware.get("cores"):
        parts.append(f"{formatting.clean(hardware['cores'])} cores")
    memory = hardware.get("memory_bytes")
    if isinstance(memory, (int, float)):
        parts.append(f"{formatting.memory(memory)} memory")
    gpus = hardware.get("gpus")
    if isinstance(gpus, list):
        parts.extend(formatting.clean(gpu) for gpu in gpus if gpu)
    return ", ".join(parts) or formatting.NOTHING
