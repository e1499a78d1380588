"""Frames -> the report's tables: cells as text for people, the frame itself for the CSV file."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from analysis import formatting
from analysis.report import plots
from analysis.report.elements import Table
from analysis.run import Run, hyperparameters
from analysis.statistics.decision import clean_first_line

MOST_REASONS = 20
MOST_CLASSES = 20


def brief(
    run: Run, summary: pd.DataFrame, comparison: pd.DataFrame, standing: pd.DataFrame
) -> Table:
    """Returns the first screen's table: how accurate each strategy is, and at what cost.

    Args:
        run: the run.
        summary: what `statistics.by_strategy` says; its order is the rows' order.
        comparison: what `statistics.against_best` says.
        standing: what `tables.representatives` says.
    """
    tested = bool(summary.seeds.sum())
    kept = ["strategy", "test accuracy", "behind, points", "multiply-adds"]
    columns = kept if tested else ["strategy", "validation accuracy", "after epochs", kept[-1]]
    rows = []
    for name in _order(run, summary, standing):
        place: Any = standing.loc[name] if name in standing.index else None
        adds = formatting.NOTHING if place is None else formatting.amount(place.multiply_adds)
        if tested:
            accuracy, _, _, difference, _ = _tested(name, summary, comparison)
            middle = [accuracy, difference.partition(" (")[0]]
        elif place is None:
            middle = [formatting.NOTHING] * 2
        else:
            middle = [formatting.percent(place.score), str(int(place.last_epoch))]
        rows.append([formatting.label(name), *middle, adds])
    return Table("brief", columns, rows)


def strategies(
    run: Run,
    summary: pd.DataFrame,
    comparison: pd.DataFrame,
    standing: pd.DataFrame,
    groups: pd.Series | None,
) -> Table:
    """Returns the table by strategy: what it achieves and how sure that is.

    Args: as `brief`, and
        groups: the letters of `statistics.groups`, or None where nobody knows.
    """
    columns = [
        "strategy",
        "test accuracy, mean ± SD",
        "95 % interval",
        "seeds",
        "difference, points",
        "p (Holm)",
        "group",
        "chance to be best",
        "validation score",
        "at epoch",
    ]
    rows = []
    for name in _order(run, summary, standing):
        score = [formatting.NOTHING] * 2
        if name in standing.index:
            place: Any = standing.loc[name]
            score = [formatting.percent(place.score), str(int(place.last_epoch))]
        group = formatting.NOTHING if groups is None else groups.get(name, formatting.NOTHING)
        sure = [str(group), formatting.percent(summary.p_best[name], 0)]
        rows.append([formatting.label(name), *_tested(name, summary, comparison), *sure, *score])
    frame = summary.join(comparison.add_prefix("against_best_"), how="left").join(
        standing[["score", "last_epoch"]].add_prefix("validation_"), how="left"
    )
    if groups is not None:
        frame = frame.join(groups.rename("group"))
    note = (
        "SD is the standard deviation over seeds; the difference is that from the most accurate. "
        "Each interval counts both the seeds and the test images; p is corrected by Holm for all "
        "comparisons. Strategies that share a letter cannot be told apart. The chance to be best "
        "is the probability of being the most accurate. The validation score is that of the "
        "configuration shown, the best of its strategy."
    )
    return Table("strategies", columns, rows, note=note, frame=frame.reset_index())


def fronts(front: pd.DataFrame) -> Table:
    """Returns a row a cost: the strategies that none other beats in accuracy and in it at once.

    Args:
        front: what `budgets.pareto` returns.
    """
    rows = []
    for kind, points in front[front.front].groupby("cost", sort=False):
        name, said = plots.COSTS[str(kind)]
        names, values = map(formatting.label, points.strategy), map(said, points.value)
        named = [
            f"{label} ({value}, {formatting.percent(share)})"
            for label, value, share in zip(names, values, points.accuracy, strict=True)
        ]
        rows.append([name, formatting.listing(named)])
    head = ["cost", "on the front, the cheapest first"]
    return Table("pareto", head, rows, numeric=False, frame=front)


def costs(run: Run, standing: pd.DataFrame) -> Table:
    """Returns what each strategy costs: to store, to compute, to train and to ask."""
    columns = [
        "strategy",
        "parameters",
        "multiply-adds",
        "time per epoch",
        "final training",
        "latency",
        "peak memory",
        f"timesteps{formatting.TIMES}features",
    ]
    finals = run.finals[run.finals.status == "completed"].groupby("strategy")
    measured = pd.DataFrame(
        {"final_seconds": finals.train_seconds.mean(), "latency_ms": finals.latency_ms.median()}
    )
    names = "parameters multiply_adds seconds_per_epoch peak_memory_bytes timesteps features"
    frame = standing[names.split()].join(measured, how="left")
    rows = []
    for name in run.experiment.strategies:
        cells = [formatting.NOTHING] * 7
        if name in frame.index:
            row: Any = frame.loc[name]
            none = math.isnan(row.timesteps)  # the control has no sequence
            shape = [] if none else [f"{int(n):,}" for n in (row.timesteps, row.features)]
            cells = [
                formatting.amount(row.parameters),
                formatting.amount(row.multiply_adds),
                formatting.duration(row.seconds_per_epoch),
                formatting.duration(row.final_seconds),
                formatting.milliseconds(row.latency_ms),
                formatting.memory(row.peak_memory_bytes),
                formatting.TIMES.join(shape) or formatting.NOTHING,
            ]
        rows.append([formatting.label(name), *cells])
    note = (
        "Multiply-adds are for one image. Time per epoch is the median of the search's epochs, "
        "final training the mean over seeds, latency the median time for one image in a batch of "
        f"one. Timesteps{formatting.TIMES}features is the sequence that the LSTM reads."
    )
    frame = frame.rename_axis("strategy").reset_index()
    return Table("costs", columns, rows, note=note, frame=frame)


def _order(run: Run, summary: pd.DataFrame, standing: pd.DataFrame) -> list[str]:
    """Returns all strategies: by test accuracy, or by validation accuracy, the untried last."""
    ranked = standing.sort_values("score", ascending=False, kind="stable").index
    order = list(summary.index if summary.seeds.sum() else ranked)
    return order + [name for name in run.experiment.strategies if name not in order]


def _tested(name: str, summary: pd.DataFrame, comparison: pd.DataFrame) -> list[str]:
    row: Any = summary.loc[name]
    spread = f" ± {100 * row['std']:.1f}" if not math.isnan(row["std"]) else ""
    difference = p = formatting.NOTHING
    if name in comparison.index:
        against: Any = comparison.loc[name]
        difference = formatting.points(against.difference, signed=True) + _between(
            against.low, against.high
        )
        p = formatting.probability(against.p)
    elif row.seeds and len(comparison):
        difference = "best"
    return [
        formatting.percent(row["mean"]).replace(" %", "") + spread + (" %" if row.seeds else ""),
        f"{100 * row.low:.1f} to {formatting.percent(row.high)}"
        if not math.isnan(row.low)
        else formatting.NOTHING,
        str(int(row.seeds)) + (f" ({int(row.failed)} failed)" if row.failed else ""),
        difference,
        p,
    ]


def _between(low: float, high: float) -> str:
    return (
        ""
        if math.isnan(low)
        else f" ({formatting.points(low, True)} to {formatting.points(high, True)})"
    )


def settings(standing: pd.DataFrame) -> Table:
    """Returns each strategy's best hyperparameters: a row a hyperparameter, a column a strategy."""
    values = hyperparameters(standing.reset_index()).set_axis(standing.index)
    rows = [
        [formatting.clean(name), *(_value(value) for value in values[name])]
        for name in values.columns
    ]
    head = ["hyperparameter", *(formatting.label(name) for name in standing.index)]
    return Table("best-configurations", head, rows)


def _value(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return formatting.NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    # A column in which some strategies have no value holds its integers as floats.
    return f"{value:.4g}" if isinstance(value, float) else formatting.clean(value, 40)


def progress(run: Run) -> Table:
    """Returns how many trials of each strategy ended in which way, and what they took."""
    rows = []
    for name in run.experiment.strategies:
        mine = run.trials[run.trials.strategy == name]
        states = [str(int((mine.status == s).sum())) for s in ("completed", "failed", "running")]
        epochs = int((run.epochs.strategy == name).sum())
        seconds = float(mine.train_seconds.sum() + mine.setup_seconds.sum())
        configurations = str(mine.configuration.nunique())
        row = [
            formatting.label(name),
            configurations,
            *states,
            f"{epochs:,}",
            formatting.duration(seconds),
        ]
        rows.append(row)
    columns = "strategy|configurations|trials completed|failed|unfinished|epochs|time in trials"
    return Table("tried", columns.split("|"), rows)


def failures(run: Run) -> Table:
    """Returns why trials and final trainings failed, by the first line, the most frequent first."""
    columns = ["strategy", "message"]
    trials = run.trials[run.trials.status == "failed"][columns].assign(what="trial")
    finals = run.finals[run.finals.status == "failed"][columns].assign(what="final training")
    failed = pd.concat([trials, finals], ignore_index=True)
    failed["reason"] = [
        clean_first_line(message) if isinstance(message, str) else "no reason recorded"
        for message in failed.message
    ]
    rows = []
    groups = sorted(failed.groupby("reason", sort=True), key=lambda pair: -len(pair[1]))
    for reason, group in groups[:MOST_REASONS]:
        counts = group.what.value_counts()
        how_often = [
            formatting.plural(int(counts[w]), w) for w in ("trial", "final training") if w in counts
        ]
        names = [
            formatting.label(name)
            for name in run.experiment.strategies
            if name in set(group.strategy)
        ]
        rows.append([str(reason), formatting.listing(how_often), formatting.listing(names)])
    rest = groups[MOST_REASONS:]
    if rest:
        count = sum(len(group) for _, group in rest)
        rows.append([f"{formatting.plural(len(rest), 'other reason')}", f"{count} in all", ""])
    return Table("failures", ["reason", "how often", "strategies"], rows, numeric=False)


def facts(run: Run) -> Table:
    """Returns what is needed to do it again: the experiment, the data, software and hardware."""
    asked = run.experiment
    about = {key: run.about.get(key) for key in ("started", "versions", "hardware")}
    rows = [
        ["seed", str(asked.seed)],
        ["strategies", formatting.listing([formatting.label(name) for name in asked.strategies])],
        ["epochs", f"at most {asked.max_epochs}, reduction factor {asked.factor}"],
        ["iterations of Hyperband", str(asked.iterations)],
        ["final seeds", str(asked.final_seeds)],
        ["batch size", str(asked.batch_size)],
        *_data(run),
    ]
    if asked.time_limit is not None:
        rows.append(["time limit", f"{asked.time_limit:g} minutes"])
    if about["started"]:
        rows.append(["started", formatting.clean(about["started"])])
    rows.extend(_times(run))
    if isinstance(about["hardware"], dict):
        rows.append(["hardware", _hardware(about["hardware"])])
    if isinstance(about["versions"], dict):
        named = [
            f"{formatting.clean(k, 30)} {formatting.clean(v, 30)}"
            for k, v in about["versions"].items()
        ]
        rows.append(["versions", ", ".join(named)])
    return Table("facts", ["what", "value"], rows, numeric=False)


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
    parts.extend(formatting.clean(gpu) for gpu in gpus if gpu) if isinstance(gpus, list) else None
    return ", ".join(parts) or formatting.NOTHING
