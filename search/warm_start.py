"""Designs and runs -> the configurations that another search starts from."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import keras_tuner

from search.designs import describe
from search.experiment import Experiment, ExperimentError, InitialConfiguration
from search.plan import brackets_of
from search.ranking import cut_short, finalists
from search.store import Store
from search.wording import value_in_words
from spaces.design import design_values
from spaces.values import nearest

# A design has some kilobytes; with a thousand classes, some more.
LARGEST = 10_000_000


def read_initial(
    paths: Iterable[str | os.PathLike[str]],
    experiment: Experiment,
    spaces: Mapping[str, keras_tuner.HyperParameters],
) -> tuple[tuple[InitialConfiguration, ...], list[str]]:
    """Reads designs and runs, and translates their values to these spaces.

    Args:
        paths: of designs (`.json`) and run directories. A run gives its designs, or each arm's
            best trial where there are none yet.
        experiment: the one that is to start from them.
        spaces: its strategies' search spaces.

    Returns:
        The initial configurations in the order of the paths, and what the user should know:
        values that were translated, and what was left out.

    Raises:
        ExperimentError: a path is no design or run, something in it is wrong, or none of it is of
            a strategy that competes.
    """
    most = next(iter(brackets_of(experiment).values()))[0].size
    initial: list[InitialConfiguration] = []
    notes: list[str] = []
    for path in paths:
        for origin, design in _designs(Path(path)):
            try:
                values = design_values(design)
            except ValueError as error:
                raise ExperimentError(f"{origin}: {error}") from error
            strategy = design["strategy"]
            if strategy not in spaces:
                notes.append(f"{origin} is left out: {strategy} does not compete")
                continue
            configuration = translated(strategy, values, origin, spaces[strategy])
            arm = [other for other in initial if other.strategy == strategy]
            if any(other.values == configuration.values for other in arm):
                notes.append(f"{origin} is left out: it is the same as another configuration")
            elif len(arm) == most:
                notes.append(f"{origin} is left out: {strategy} starts with {most} at most")
            else:
                initial.append(configuration)
                if configuration.translated:
                    notes.append(f"{origin} is translated: {_changes(configuration)}")
    if not initial:
        raise ExperimentError(
            f"nothing to start from: {'; '.join(notes) or 'no design is named'}. "
            "Leave out --warm-start, or name others"
        )
    return tuple(initial), notes


def translated(
    strategy: str, values: Mapping[str, Any], origin: str, space: keras_tuner.HyperParameters
) -> InitialConfiguration:
    """Returns values of another space as an initial configuration in this one."""
    here = nearest(space, values)
    changed = {name: value for name, value in values.items() if here.get(name) != value}
    return InitialConfiguration(strategy, here, origin, changed)


def _changes(configuration: InitialConfiguration) -> str:
    """Returns what was translated, in words."""
    return ", ".join(
        f"{name} {value_in_words(value)} is {value_in_words(configuration.values[name])}"
        if name in configuration.values
        else f"no {name} {value_in_words(value)}"
        for name, value in configuration.translated.items()
    )


def _designs(path: Path) -> Iterator[tuple[str, Any]]:
    """Yields the designs that a path holds, each with where it is from."""
    if not path.is_dir():
        yield str(path), _read(path)
        return
    store = Store(path)
    files = store.design_files()
    for file in files:
        yield str(file), _read(file)
    if files:
        return
    datasets = {row["dataset"]: row for row in store.tables()["datasets"]}
    best = finalists(store.trials(), store.experiment.objective, cut_short(store.rows("searches")))
    if not (best and datasets):
        raise ExperimentError(f"{path} holds no design and no completed trial to start from")
    for row in best.values():
        design = describe(store.experiment, store.about, datasets[row.dataset], row, [])
        yield f"{path} ({row.trial_id})", design


def _read(file: Path) -> Any:
    """Reads a JSON file that somebody may have edited."""
    try:
        if file.stat().st_size > LARGEST:
            raise ExperimentError(f"{file} is no design: it is too large")
        return json.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ExperimentError(f"cannot read {file}: {error.strerror or error}") from error
    except RecursionError as error:
        raise ExperimentError(f"{file} is no design: it is nested too deeply") from error
    except ValueError as error:
        reason = str(error).splitlines()[0]
        raise ExperimentError(f"{file} is no JSON: {reason}") from error
