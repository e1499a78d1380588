"""Run directory -> tidy pandas frames. The only module here that reads a run."""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis import formatting
from search.store import Experiment, ExperimentError, Metric, Store, has_table, trial_rank

# SQLite gives a column without a single value no type; these are numbers whatever they hold.
_NUMBERS = {
    "trials": (
        "score val_loss parameters multiply_adds timesteps features train_seconds setup_seconds "
        "peak_memory_bytes started finished"
    ),
    "epochs": "loss accuracy val_loss val_accuracy seconds",
    "finals": "test_accuracy test_loss train_seconds latency_ms",
    "datasets": "height width channels train_images validation_images test_images mirror",
}
# Tables that older runs lack, with their columns.
_ADDED = {
    "images": "dataset split position label height width channels pixels",
    "sequences": "dataset strategy trial_id height width timesteps",
    "plans": "dataset strategy trials epochs",
    "strategies": "strategy position recurrent summary",
    "searches": "dataset strategy iteration whole",
    "baselines": (
        "dataset baseline label setting validation_score test_accuracy train_images seconds "
        "predictions"
    ),
}
# Who could compete before runs said so themselves, in the registry's order, and who of them had no
# recurrence.
_BEFORE = (
    "lines", "cnn_lines", "cnn_flat", "line_cnn", "patches", "pixels", "hierarchical", "sweeps",
    "conv_sweeps", "conv_lstm", "cnn_control",
)  # fmt: skip
_CONTROLS_BEFORE = ("cnn_control",)


def no_searches() -> pd.DataFrame:
    """Returns what is known of the searches of a run that does not say it.

    >>> no_searches().whole.all()
    np.True_
    """
    return pd.DataFrame(columns=_ADDED["searches"].split()).astype({"whole": bool})


@dataclasses.dataclass(frozen=True, eq=False)
class Run:
    """Everything that one run directory says, as frames.

    Attributes:
        path: the run directory.
        experiment: what was asked for.
        about: the command line, versions and hardware; any key may be missing.
        trials: a row a trial, with the columns of the `trials` table; `hyperparameters` holds dicts
            and `configuration` is shared by the trials of one configuration, one a rung.
        epochs: a row an epoch, with the columns of the `epochs` table and the trial's `dataset`,
            `strategy` and `configuration`. Sorted, so that one configuration's rows are its whole
            learning curve across its rungs.
        finals: a row a finalist and seed, with the columns of the `finals` table; `predictions`
            holds integer arrays (test images,) or None.
        datasets: a row a data set; `class_names` holds lists and `test_labels` integer arrays
            (test images,) or None.
        images: a row an image that the run keeps: `split`, `position` in it, `label`, and
            `pixels`, uint8 (height, width, channels). Empty where a run keeps none.
        sequences: a row a finalist: `strategy`, `trial_id`, and `timesteps`, integers (height,
            width): the timestep that each place of the image reaches most strongly.
        plans: a row a strategy: how many `trials` and `epochs` its search has if none fails. Empty
            where the run is older than this table.
        strategies: a row a strategy, indexed by it, in the experiment's order: `position`, its
            place in the registry; `recurrent`, False for a control; `summary`, in one line.
        report_directory: where the report goes.
        baselines: a row a simple classifier: `label`, `test_accuracy`, `predictions`, integers
            (test images,). Empty where the run is older than this table, or not yet there.
        searches: a row a strategy and iteration, once the search has ended: `whole`, whether it had
            all its trials, or a time limit came first. Empty in older runs, whose are all whole.
    """

    path: Path
    experiment: Experiment
    about: dict[str, Any]
    trials: pd.DataFrame
    epochs: pd.DataFrame
    finals: pd.DataFrame
    datasets: pd.DataFrame
    images: pd.DataFrame
    sequences: pd.DataFrame
    plans: pd.DataFrame
    strategies: pd.DataFrame
    report_directory: Path
    baselines: pd.DataFrame = dataclasses.field(default_factory=pd.DataFrame)
    searches: pd.DataFrame = dataclasses.field(default_factory=no_searches)

    @property
    def test_labels(self) -> np.ndarray | None:
        """The test images' classes, (test images,); None before the finals."""
        return next((found for found in self.datasets.test_labels if found is not None), None)

    @property
    def controls(self) -> tuple[str, ...]:
        """Who competes without recurrence, to show what recurrence is worth."""
        return tuple(str(name) for name in self.strategies.index[~self.strategies.recurrent])

    @property
    def test_copies(self) -> int:
        """How many test images are exact copies of images that were trained on."""
        known = self.datasets.get("test_copies")
        return 0 if known is None else int(pd.to_numeric(known).fillna(0).sum())

    def label(self, strategy: str) -> str:
        """Returns a strategy's name for people, marked where it is a control."""
        return formatting.label(strategy, control=strategy in self.controls)


def load_run(path: str | os.PathLike[str]) -> Run:
    """Reads a run directory, finished or not, without changing it.

    Raises:
        ExperimentError: the directory is not a run, or its files are damaged.
    """
    store = Store(path)
    try:
        with store.connect() as database:
            # One transaction: a search that is still writing cannot change one table under us
            # while we read another.
            database.execute("BEGIN")
            frames = {table: _read(database, table) for table in _NUMBERS}
            images, sequences, plans, known, searches, baselines = (
                _read_added(database, table) for table in _ADDED
            )
        trials = _trials(frames["trials"])
        return Run(
            path=store.path,
            experiment=store.experiment,
            about=store.about if isinstance(store.about, dict) else {},
            trials=trials,
            epochs=_epochs(frames["epochs"], trials),
            finals=_finals(frames["finals"]),
            datasets=frames["datasets"].assign(
                class_names=frames["datasets"].class_names.map(_names),
                notes=frames["datasets"].reindex(columns=["notes"]).notes.map(_names),
                test_labels=frames["datasets"].test_labels.map(_classes),
            ),
            images=images.assign(pixels=_arrays(images, "pixels", "u1")),
            sequences=sequences.assign(timesteps=_arrays(sequences, "timesteps", "<u2")),
            plans=plans,
            strategies=_strategies(known, store.experiment.strategies),
            report_directory=store.report_directory,
            baselines=baselines.assign(predictions=baselines.predictions.map(_classes)),
            searches=searches.astype({"whole": bool}),
        )
    except (sqlite3.DatabaseError, pd.errors.DatabaseError, ValueError, AttributeError) as error:
        reason = str(error).splitlines()[0]
        raise ExperimentError(
            f"{store.results_file} is damaged ({reason}): restore it from a copy"
        ) from error


def hyperparameters(trials: pd.DataFrame) -> pd.DataFrame:
    """Returns the trials' hyperparameters: indexed by trial_id, a column each, NaN where unset."""
    return pd.DataFrame(list(trials.hyperparameters), index=trials.trial_id)


def best_first(trials: pd.DataFrame, metric: Metric) -> pd.DataFrame:
    """Returns the completed trials in the order in which the finals choose, the best first."""
    completed = trials[(trials.status == "completed") & trials.score.notna()]
    columns = [completed[name] for name in ("score", "val_loss", "last_epoch", "trial_id")]
    ranks = [
        trial_rank(score, val_loss, last_epoch, trial_id, metric)
        for score, val_loss, last_epoch, trial_id in zip(*columns, strict=True)
    ]
    return completed.iloc[sorted(range(len(ranks)), key=ranks.__getitem__)]


def latest(trials: pd.DataFrame) -> pd.DataFrame:
    """Returns of each configuration the trial that trained it longest, of those that have ended.

    As the finals choose (`search.ranking.latest`).
    """
    ended = trials[trials.status != "running"].sort_values("last_epoch", kind="stable")
    return ended.drop_duplicates("configuration", keep="last").sort_index()


def label(runs: Iterable[Run], strategy: str) -> str:
    """Returns a strategy's name for people, marked where any of the runs has it as a control."""
    control = any(strategy in run.controls for run in runs)
    return formatting.label(strategy, control=control)


def representatives(run: Run) -> pd.DataFrame:
    """Returns one trial a strategy: the one that was retrained, or else the best so far.

    Returns:
        A frame indexed by strategy, in the experiment's order, without the strategies that have no
        completed trial. Columns are those of `run.trials` and `seconds_per_epoch`, the median over
        the epochs of the configuration (in the search, so on the training split).
    """
    completed = best_first(latest(run.trials), run.experiment.metric)
    best = (
        completed.assign(retrained=completed.trial_id.isin(run.finals.trial_id))
        .sort_values("retrained", ascending=False, kind="stable")
        .drop_duplicates("strategy")
        .set_index("strategy")
    )
    seconds = run.epochs.groupby("configuration").seconds.median()
    order = [name for name in run.experiment.strategies if name in best.index]
    return best.loc[order].assign(seconds_per_epoch=lambda frame: frame.configuration.map(seconds))


def pending_finals(run: Run) -> pd.Series:
    """Returns how many final trainings are still to come, by strategy: of a finalist an iteration.

    A strategy without a completed trial has nothing to retrain, so nothing to wait for.
    """
    recorded = run.finals.groupby("strategy").size()
    completed = best_first(latest(run.trials), run.experiment.metric)
    searches = completed[["strategy", "iteration"]].drop_duplicates()
    cut = run.searches[~run.searches.whole][["strategy", "iteration"]]
    # Those that a time limit cut short send nobody, but where a strategy has no other the first.
    whole = searches.merge(cut, how="left", indicator=True)["_merge"] == "left_only"
    finalists = whole.groupby(searches.strategy.to_numpy()).sum().clip(lower=1)
    finalists = finalists.reindex(representatives(run).index)
    missing = run.experiment.final_seeds * finalists - recorded.reindex(finalists.index).fillna(0)
    return missing.clip(lower=0).astype(int)


def _read(database: sqlite3.Connection, table: str) -> pd.DataFrame:
    frame = pd.read_sql(f"SELECT * FROM {table} ORDER BY rowid", database)
    return frame.astype(dict.fromkeys(_NUMBERS[table].split(), "float64"))


def _read_added(database: sqlite3.Connection, table: str) -> pd.DataFrame:
    if not has_table(database, table):
        return pd.DataFrame(columns=_ADDED[table].split())
    return pd.read_sql(f"SELECT * FROM {table} ORDER BY rowid", database)


def _strategies(known: pd.DataFrame, competing: Sequence[str]) -> pd.DataFrame:
    """Returns who competes, completed by what was true where a run does not say it."""
    rows = {row["strategy"]: row for row in known.to_dict("records")}
    taken = {row["position"] for row in rows.values()}
    later = (place for place in itertools.count(len(_BEFORE)) if place not in taken)
    found = [
        rows.get(name)
        or {
            "strategy": name,
            "position": _BEFORE.index(name) if name in _BEFORE else next(later),
            "recurrent": name not in _CONTROLS_BEFORE,
            "summary": "",
        }
        for name in competing
    ]
    frame = pd.DataFrame(found, columns=_ADDED["strategies"].split()).set_index("strategy")
    return frame.astype({"position": int, "recurrent": bool})


def _arrays(frame: pd.DataFrame, column: str, kind: str) -> pd.Series:
    """Returns a column of bytes as arrays (height, width) or (height, width, channels)."""
    sides = [name for name in ("height", "width", "channels") if name in frame]
    arrays = [
        np.frombuffer(row[column], dtype=kind).reshape([int(row[side]) for side in sides])
        for row in frame.to_dict("records")
    ]
    return pd.Series(arrays, index=frame.index, dtype=object)


def _trials(trials: pd.DataFrame) -> pd.DataFrame:
    place = ["strategy", "iteration", "bracket", "slot"]
    configuration = ["-".join(map(str, row)) for row in trials[place].itertuples(index=False)]
    return trials.assign(
        hyperparameters=trials.hyperparameters.map(_settings),
        configuration=np.array(configuration, dtype=object),
    )


def _epochs(epochs: pd.DataFrame, trials: pd.DataFrame) -> pd.DataFrame:
    names = trials[["trial_id", "dataset", "strategy", "configuration"]]
    joined = epochs.merge(names, on="trial_id", how="inner")
    return joined.sort_values(["configuration", "epoch"], kind="stable", ignore_index=True)


def _finals(finals: pd.DataFrame) -> pd.DataFrame:
    if "iteration" not in finals:  # until each iteration had a finalist, there was one of all
        finals = finals.assign(iteration=0)
    return finals.assign(predictions=finals.predictions.map(_classes))


def _settings(text: str) -> dict[str, Any]:
    settings = json.loads(text)
    if not isinstance(settings, dict):
        raise ValueError("hyperparameters are not a JSON object")
    return settings


def _names(text: object) -> list[str]:
    names = json.loads(text) if isinstance(text, str) else []
    if not isinstance(names, list):
        raise ValueError("class_names or notes are not a JSON list")
    return [str(name) for name in names]


def _classes(blob: object) -> np.ndarray | None:
    # NULL comes as None or as NaN, as pandas likes.
    return np.frombuffer(blob, dtype="<u2").astype(np.int64) if isinstance(blob, bytes) else None
