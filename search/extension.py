"""A run of which more is asked: what it has stays, where the larger plan has it, too.

Where the larger plan contains the smaller, the tables end as those of a run that was asked for all
of it at once, and nothing is trained twice that need not be. `experiment.json` says first what is
asked for; from then on a resume goes on with it, wherever it was killed. The tables are made to fit
before anything is trained. What the smaller search promoted or granted, the larger one takes when
its turn comes (`search.tuner`), and which finals stay follows from the finalists (`search.finals`).
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from search.data.datasets import Dataset
from search.designs import file_name, weights_seed
from search.experiment import Experiment
from search.hyperband.oracle import StrategyHyperband
from search.hyperband.promotion import TrialKey
from search.ranking import cut_short, finalists
from search.rows import FinalRow, TrialRow
from search.store import Store
from search.trainings import final_id, make_spec
from search.tuner import check_places, make_oracle


def extend(
    store: Store, experiment: Experiment, dataset: Dataset, command: str
) -> StrategyHyperband:
    """Asks more of a run: the last that may be refused, and the first that is written.

    Args:
        store: the run directory, open for writing.
        experiment: what is asked for from now on, as `search.plan.extended` returns it.
        dataset: the images.
        command: the command line that asks for it.

    Returns:
        What draws the larger plan's configurations.

    Raises:
        ExperimentError: a strategy cannot read the images, or a trial of the run is none of its
            search.
    """
    oracle = make_oracle(experiment, dataset)
    # Or all that another version, or an editor, has made otherwise would be trained anew.
    before = store.fitted
    check_places(make_oracle(before, dataset), store.trials(), store)
    store.extend(experiment, command)
    return oracle


def fit(store: Store, dataset: Dataset, oracle: StrategyHyperband) -> None:
    """Deletes from a run what the larger plan lacks, or has otherwise, once it was extended.

    Killed on its way, it is to be called again: a resume does.

    Args:
        store: the run directory, open for writing.
        dataset: the images.
        oracle: the larger plan's.
    """
    before = store.fitted
    if before == store.experiment:
        return
    trials = {
        row.trial_id: row
        for row in store.trials()
        if trained_alike(row, before, store.experiment, dataset, oracle)
    }
    gone = [row.trial_id for row in store.trials() if row.trial_id not in trials]
    finals = {final_id(row.strategy, row.seed): row for row in store.finals()}
    stay = {
        name: row
        for name, row in finals.items()
        if row.trial_id in trials
        and tested_alike(row, trials[row.trial_id], before, store.experiment, dataset)
    }
    # Files first: those that a kill leaves out are found again as long as the tables are as before.
    names = store.checkpoint_names()
    store.delete_checkpoints_except(
        name for name in names if name.partition("@")[0] in {*trials, *stay}
    )
    for file in store.design_files():
        if (place := weights_of(file)) is None or place not in map(place_of, stay.values()):
            store.delete_design(file)
    store.fit(gone, {name: row for name, row in finals.items() if name not in stay})


def trained_alike(
    row: TrialRow,
    before: Experiment,
    after: Experiment,
    dataset: Dataset,
    oracle: StrategyHyperband,
) -> bool:
    """Whether a trial of a run is one of the larger plan, and would be trained as it was."""
    key = TrialKey.parse(row.trial_id)
    try:
        rung, values = oracle.rung(key), oracle.values(key)
    except LookupError:
        return False
    planned = dataclasses.replace(
        row,
        seed=oracle.trial_seed(key),
        hyperparameters=json.dumps(values),
        first_epoch=rung.first_epoch,
        last_epoch=rung.last_epoch,
    )
    return make_spec(before, dataset, row) == make_spec(after, dataset, planned)


def tested_alike(
    row: FinalRow, trial: TrialRow, before: Experiment, after: Experiment, dataset: Dataset
) -> bool:
    """Whether a final of a run may be one of the larger plan, and would be trained as it was.

    With other numbers of seeds some belong to other searches. Which are finalists, the search says.
    """
    specs = [make_spec(asked, dataset, trial, row.seed) for asked in (before, after)]
    return row.seed in after.final_seeds_of(row.iteration) and specs[0] == specs[1]


def without_weights(store: Store) -> dict[str, FinalRow]:
    """Returns the finals of an extended run whose models its designs need, and nobody has.

    None of a run that was not extended: its designs have what they can have.

    Only the best final's model outlives a run, in its design. Where another is the best now, or the
    seeds of its search are others, the model of a final from before may be wanted: that final is
    trained again, to the same result.
    """
    if not store.extended:
        return {}
    cut = cut_short(store.rows("searches"))
    kept = set(map(weights_of, store.design_files()))
    names, lost = store.checkpoint_names(), {}
    for strategy, trial in finalists(store.trials(), store.experiment.objective, cut).items():
        rows = [row for row in store.finals() if row.trial_id == trial.trial_id]
        seed = weights_seed(rows)
        for row in rows:
            name = final_id(strategy, row.seed)
            if row.seed == seed and name not in names and place_of(row) not in kept:
                lost[name] = row
    return lost


def run_with_weights(store: Store, run_finals: Callable[[], None]) -> None:
    """Runs the finals, and again those whose models the designs need and nobody has.

    Args:
        store: the run directory, open for writing.
        run_finals: trains the finals that it lacks.
    """
    run_finals()
    tried: set[str] = set()
    while lost := {n: row for n, row in without_weights(store).items() if n not in tried}:
        tried |= lost.keys()
        store.forget([], lost)
        run_finals()


def place_of(row: FinalRow) -> tuple[str, str, int]:
    """Returns the design file that a final's model would be in, and whose it would be."""
    return file_name(row.dataset, row.strategy), row.trial_id, row.seed


def weights_of(file: Path) -> tuple[str, str, int] | None:
    """Returns the same of a design: whose weights it has; None where it has none."""
    try:
        design: Any = json.loads(file.read_text(encoding="utf-8"))
        weights = design["weights"]
        there = weights is not None and file.with_suffix(".keras").is_file()
        return (file.stem, design["trial_id"], weights["seed"]) if there else None
    except (ValueError, LookupError, TypeError):  # somebody has edited it
        return None
