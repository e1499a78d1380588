"""Run directory -> tidy pandas frames. The only module here that reads a run."""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis import formatting
from search.store import Experiment, Metric, Store, columns, trial_rank

# SQLite gives a column without a single value no type; these are numbers whatever they hold.
_NUMBERS = {
    "trials": (
        "score val_loss parameters multiply_adds timesteps features train_seconds setup_seconds "
        "peak_memory_bytes started finished"
    ),
    "epochs": "loss accuracy val_loss val_accuracy val_score seconds",
    "finals": "test_accuracy test_score test_loss train_seconds latency_ms",
    "baselines": "test_accuracy test_score",
    "searches": "finals",
    "datasets": "height width channels train_images validation_images test_images mirror "
    "test_copies",
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
    return pd.DataFrame(columns=columns("searches")).astype({"whole": bool})


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
            holds integer arrays (test images,) or None, `image_scores` floats (test images,) or
            None, `measures` mappings, which are empty in older runs.
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
        baselines: a row a simple classifier: `label`, and the columns on the test as in
            `finals`. Empty where the run is older than this table, or not yet there.
        searches: a row a strategy and iteration, once the search has ended: `whole`, whether it had
            all its trials, or the budget ended first; `finals`, how many trainings of its finalist
            there are, where it left time for fewer. Empty in older runs, whose are all whole.
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
    def class_names(self) -> list[str]:
        """The classes' names, in the order of the labels; empty where the run has none."""
        return next((names for names in self.datasets.class_names if names), [])

    @property
    def controls(self) -> tuple[str, ...]:
        """Who competes without recurrence, to show what recurrence is worth."""
        return tuple(str(name) for name in self.strategies.index[~self.strategies.recurrent])

    @property
    def test_copies(self) -> int:
        """How many test images are exact copies of images to train or validate on."""
        return int(self.datasets.test_copies.fillna(0).sum())

    def label(self, strategy: str) -> str:
        """Returns a strategy's name for people, marked where it is a control."""
        return formatting.label(strategy, control=strategy in self.controls)


def load_run(path: str | os.PathLike[str]) -> Run:
    """Reads a run directory, finished or not, without changing it.

    Raises:
        ExperimentError: the directory is not a run, or its files are damaged.
    """
    store = Store(path)
    frames = {name: _frame(name, rows) for name, rows in store.tables().items()}
    images, sequences = frames["images"], frames["sequences"]
    trials = _trials(frames["trials"])
    datasets = frames["datasets"]
    return Run(
        path=store.path,
        experiment=store.experiment,
        about=store.about,
        trials=trials,
        epochs=_epochs(frames["epochs"], trials),
        finals=_tested(frames["finals"]),
        datasets=datasets.assign(
            class_names=datasets.class_names.map(_names),
            notes=datasets.notes.map(_names),
            test_labels=datasets.test_labels.map(_classes),
        ),
        images=images.assign(pixels=_arrays(images, "pixels", "u1")),
        sequences=sequences.assign(timesteps=_arrays(sequences, "timesteps", "<u2")),
        plans=frames["plans"],
        strategies=_strategies(frames["strategies"], store.experiment.strategies),
        report_directory=store.report_directory,
        baselines=_tested(frames["baselines"]),
        searches=frames["searches"].astype({"whole": bool}),
    )


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
    completed = best_first(latest(run.trials), run.experiment.objective)
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
    completed = best_first(latest(run.trials), run.experiment.objective)
    searches = completed[["strategy", "iteration"]].drop_duplicates()
    known = searches.merge(run.searches, how="left", on=["strategy", "iteration"])
    # Those that the budget cut short send nobody, but where a strategy has no other the first.
    whole = known.whole.fillna(True).astype(bool)
    first = known.groupby("strategy").iteration.transform("min") == known.iteration
    sends = whole | (first & ~whole.groupby(known.strategy).transform("any"))
    # Of some the budget left time for fewer, or none.
    planned = known.finals.astype(float).fillna(run.experiment.final_seeds) * sends
    wanted = planned.groupby(known.strategy).sum().reindex(representatives(run).index)
    missing = wanted - recorded.reindex(wanted.index).fillna(0)
    return missing.clip(lower=0).astype(int)


def given_up(run: Run) -> dict[str, int]:
    """Returns of which strategies the budget left no time for final trainings, and how many.

    >>> from analysis.example import example
    >>> given_up(example(lines=0.9))
    {}
    """
    fewer = run.searches[run.searches.finals.notna()]
    missed = (run.experiment.final_seeds - fewer.finals.astype(float)).groupby(fewer.strategy).sum()
    return {
        name: int(missed[name]) for name in run.experiment.strategies if missed.get(name, 0) > 0
    }


def _frame(table: str, rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Returns a table's rows with a column for everything that there is to know of one."""
    names = [*dict.fromkeys([*columns(table), *(name for row in rows[:1] for name in row)])]
    frame = pd.DataFrame(rows, columns=names).fillna({"iteration": 0})
    return frame.astype(dict.fromkeys(_NUMBERS.get(table, "").split(), "float64"))


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
    frame = pd.DataFrame(found, columns=columns("strategies")).set_index("strategy")
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
        hyperparameters=trials.hyperparameters.map(json.loads),
        configuration=np.array(configuration, dtype=object),
    )


def _epochs(epochs: pd.DataFrame, trials: pd.DataFrame) -> pd.DataFrame:
    names = trials[["trial_id", "dataset", "strategy", "configuration"]]
    joined = epochs.merge(names, on="trial_id", how="inner")
    return joined.sort_values(["configuration", "epoch"], kind="stable", ignore_index=True)


def _tested(frame: pd.DataFrame) -> pd.DataFrame:
    """Returns finals or baselines with arrays for bytes; older ones have a score, too."""
    shares = [
        np.frombuffer(each, "<f4").astype(float) if isinstance(each, bytes) else None
        for each in frame.image_scores
    ]
    measures = [json.loads(each) if isinstance(each, str) else {} for each in frame.measures]
    return frame.assign(
        predictions=frame.predictions.map(_classes),
        test_score=frame.test_score.fillna(frame.test_accuracy),
        image_scores=pd.Series(shares, index=frame.index, dtype=object),
        measures=pd.Series(measures, index=frame.index, dtype=object),
    )


def _names(text: object) -> list[str]:
    return json.loads(text) if isinstance(text, str) else []


def _classes(blob: object) -> np.ndarray | None:
    # NULL comes as None or as NaN, as pandas likes.
    return np.frombuffer(blob, dtype="<u2").astype(np.int64) if isinstance(blob, bytes) else None
