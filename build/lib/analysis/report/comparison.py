"""Several runs -> one report that compares them: strategies by data set, side by side."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from analysis import formatting
from analysis.report import captions, plots
from analysis.report.elements import Part, Picture, Section, Table
from analysis.report.findings import Findings, find
from analysis.report.render import html_page, markdown_page
from analysis.report.write import Report, beside, named_styles, write_files
from analysis.run import load_run
from analysis.statistics import ranks as rankings
from analysis.statistics.decision import Verdict

NAME = "comparison"
# What must be alike for one run's figures to be held against another's.
_BUDGET = ("max_epochs", "factor", "iterations", "final_seeds", "batch_size", "train_limit")


def write_comparison(
    run_paths: Sequence[str | os.PathLike[str]], out: str | os.PathLike[str] | None = None
) -> Report:
    """Makes one report of several runs; their own reports stay as they are.

    Args:
        run_paths: the run directories, two or more.
        out: where the page goes; beside the first run's report, as `comparison.html`, unless said.
            The Markdown, its figures and the tables go beside it.

    Raises:
        ExperimentError: one is not a run, or the report cannot be written.
    """
    found = [find(load_run(path)) for path in run_paths]
    page = Path(out) if out else found[0].run.report_directory / f"{NAME}.html"
    content = describe(found, page.stem)
    files = {
        **beside(content),
        f"{page.stem}.md": markdown_page(content),
        page.name: html_page(content),
    }
    write_files(page.parent, files)
    return Report(content["verdict"], page)


def describe(found: Sequence[Findings], name: str = NAME) -> dict[str, Any]:
    """Returns what the comparison says; the templates only arrange it."""
    scores, look = accuracies(found), looks(found)
    data = list(dict.fromkeys(one.run.experiment.dataset_name for one in found))
    runs, sets = formatting.plural(len(found), "run"), formatting.plural(len(data), "data set")
    title = f"{runs} on {sets} compared"
    verdict = Verdict("comparison", None, (), title, _sentences(found, scores))
    return {
        "title": title,
        "verdict": verdict,
        "run": formatting.listing(
            [formatting.clean(one.run.path.resolve().name, 40) for one in found]
        ),
        "sentences": verdict.sentences,
        "counts": ", ".join(formatting.clean(dataset, 40) for dataset in data),
        "picture_part": _picture(scores, look),
        "brief": runs_table(found),
        "sections": [made for section in SECTIONS if (made := section(found, scores))],
        "look": named_styles(look),
        "reload": None,
        "done": None,
        "prefix": f"{name}-",
        "again": "python -m analysis RUN RUN",
        "after_again": ", with the run directories in place of RUN, makes this report again.",
    }


def looks(found: Sequence[Findings]) -> dict[str, plots.Style]:
    """Returns the style of every strategy that any run tried, as first seen."""
    names = dict.fromkeys(n for one in found for n in one.run.experiment.strategies)
    return plots.styles(list(names))


def labels(found: Sequence[Findings]) -> list[str]:
    """Returns each run's name in the comparison: its data set, and the run where that is shared."""
    names = [formatting.clean(one.run.experiment.dataset_name, 24) for one in found]
    shown = [
        name
        if names.count(name) == 1
        else f"{name} ({formatting.clean(one.run.path.resolve().name, 24)})"
        for name, one in zip(names, found, strict=True)
    ]
    # Directories of one name in two places.
    return [
        text if shown.count(text) == 1 else f"{text} {place}"
        for place, text in enumerate(shown, start=1)
    ]


def accuracies(found: Sequence[Findings]) -> pd.DataFrame:
    """Returns the mean test accuracy: a row a strategy, a column a run, NaN where untested.

    Only strategies that some run has tested; the one with the highest mean comes first.
    """
    names = labels(found)
    frame = rankings.accuracy_table(_scores(found), "run").reindex(names).T
    return frame.loc[frame.mean(axis=1).sort_values(ascending=False, kind="stable").index]


def _scores(found: Sequence[Findings]) -> pd.DataFrame:
    return rankings.accuracies(dict(zip(labels(found), (one.run for one in found), strict=True)))


def runs_table(found: Sequence[Findings]) -> Table:
    """Returns a row a run: its best strategy and how sure that is."""
    rows = []
    for name, one in zip(labels(found), found, strict=True):
        best = one.verdict.best
        row: Any = one.summary.loc[best] if best is not None else None
        tested = row is not None and row.seeds > 0
        kinds = {"wins": "wins", "ties": f"ties with {len(one.verdict.group) - 1}"}
        rows.append(
            [
                name,
                formatting.label(best) if best else formatting.NOTHING,
                kinds.get(one.verdict.kind, one.verdict.kind.replace("_", " ")),
                formatting.percent(row["mean"]) if tested else formatting.NOTHING,
            ]
        )
    return Table("runs", ["run", "best", "verdict", "test accuracy"], rows)


def verdicts(found: Sequence[Findings], scores: pd.DataFrame) -> Section:
    """Each run's own verdict."""
    prose = [
        f"{one.verdict.headline}. {one.verdict.sentences[0]}" if one.verdict.sentences else ""
        for one in found
    ]
    return Section("verdicts", "The verdict of each run", prose)


def wins(found: Sequence[Findings], scores: pd.DataFrame) -> Section | None:
    """Which strategy is how accurate where, and its place."""
    if scores.empty:
        return None
    places = scores.rank(ascending=False)
    rows = [
        [
            formatting.label(str(strategy)),
            *(
                formatting.NOTHING
                if pd.isna(share)
                else f"{formatting.percent(share)} ({_place(place)})"
                for share, place in zip(scores.loc[strategy], places.loc[strategy], strict=True)
            ),
        ]
        for strategy in scores.index
    ]
    note = (
        "Mean test accuracy and, in brackets, the place among those tested in the run; equals "
        "share the mean of their places."
    )
    frame = scores.rename_axis("strategy").reset_index()
    table = Table("accuracy", ["strategy", *scores.columns], rows, note=note, frame=frame)
    return Section("wins", "What wins where", parts=[table])


def ranking(found: Sequence[Findings], scores: pd.DataFrame) -> Section | None:
    """What the data sets say together: ranks, whether they differ by more than chance, and wins."""
    by_dataset = rankings.accuracy_table(_scores(found))
    if by_dataset.empty:
        return None
    tested = rankings.compare_ranks(by_dataset)
    ranks = rankings.ranks(by_dataset)
    parts: list[Part] = []
    if not math.isnan(tested.critical_difference):
        look, mean = looks(found), ranks["mean rank"]
        joined = rankings.cliques(mean, tested.critical_difference)
        drawn = plots.figure(
            lambda ax: plots.critical_difference(
                mean, tested.critical_difference, joined, look, ax
            ),
            plots.WIDTH,
            1.6 + 0.34 * len(mean) + 0.22 * len(joined),
        )
        caption = captions.critical_difference(joined, tested.critical_difference)
        title = "Mean rank over data sets, by strategy, with the critical difference"
        parts.append(Picture("critical-difference", caption, drawn, title))
    if len(ranks):
        parts.append(rank_table(ranks))
    if matrix := win_table(found, list(scores.index)):
        parts.append(matrix)
    return Section("ranks", "Over data sets", [tested.sentence], parts)


def rank_table(ranks: pd.DataFrame) -> Table:
    """Returns each strategy's rank by data set and the mean of them, the best first."""
    columns = [str(name) for name in ranks.columns if name != "mean rank"]
    rows = [
        [formatting.label(str(name)), f"{row['mean rank']:.2f}", *(_place(row[c]) for c in columns)]
        for name, row in ranks.iterrows()
    ]
    head = ["strategy", "mean rank", *(formatting.clean(name, 24) for name in columns)]
    note = (
        "1 is the most accurate on a data set, equals sharing the mean of their ranks; of several "
        "runs on one data set the mean accuracy counts. Only strategies that were tested on every "
        "data set."
    )
    return Table("ranks", head, rows, note=note, frame=ranks.rename_axis("strategy").reset_index())


def win_table(found: Sequence[Findings], order: Sequence[str]) -> Table | None:
    """Returns how often each strategy beat each other; None where no two met in a run."""
    pairs = rankings.win_matrix([one.run for one in found])
    if pairs.empty:
        return None
    met = pairs.set_index(["strategy", "other"])
    names = [name for name in order if name in set(pairs.strategy)]
    rows = []
    for name in names:
        cells = []
        for other in names:
            if (name, other) in met.index:
                row: Any = met.loc[(name, other)]
                cells.append(f"{row.wins} / {row.ties} / {row.losses}")
            else:
                cells.append(formatting.NOTHING)
        rows.append([formatting.label(name), *cells])
    note = (
        "In how many runs the row's strategy was more accurate than the column's, beyond what "
        "chance explains / could not be told apart from it / was less accurate."
    )
    return Table(
        "win-matrix", ["strategy", *map(formatting.label, names)], rows, note=note, frame=pairs
    )


def budgets(found: Sequence[Findings], scores: pd.DataFrame) -> Section:
    """What each run was asked for and what it took."""
    rows = []
    for name in _BUDGET:
        values = [getattr(one.run.experiment, name) for one in found]
        shown = [formatting.NOTHING if value is None else f"{value:,}" for value in values]
        rows.append([name.replace("_", " "), *shown])
    rows.append(["seed", *(str(one.run.experiment.seed) for one in found)])
    rows.append(["trials", *(f"{len(one.run.trials):,}" for one in found)])
    rows.append(["epochs searched", *(f"{len(one.run.epochs):,}" for one in found)])
    rows.append(
        ["time in trials and finals", *(formatting.duration(_seconds(one)) for one in found)]
    )
    unlike = [row[0] for row in rows[: len(_BUDGET)] if len(set(row[1:])) > 1]
    prose = (
        [
            f"Not alike: {formatting.listing(unlike)}. "
            "So a difference between runs may come from these."
        ]
        if unlike
        else ["All runs had the same budget."]
    )
    table = Table("budgets", ["what", *labels(found)], rows)
    return Section("budgets", "What each run had to spend", prose, [table])


SECTIONS: Sequence[Callable[[Sequence[Findings], pd.DataFrame], Section | None]] = (
    verdicts,
    wins,
    ranking,
    budgets,
)
"""The comparison, top to bottom. A new section is a function and a line."""


def _picture(scores: pd.DataFrame, look: dict[str, plots.Style]) -> Picture | None:
    if scores.empty:
        return None
    drawn = plots.figure(
        lambda ax: plots.comparison(scores, look, ax), plots.WIDTH, 1.6 + 0.32 * len(scores) + 0.3
    )
    caption = captions.comparison(scores)
    return Picture("accuracy", caption, drawn, "Test accuracy by strategy and run")


def _sentences(found: Sequence[Findings], scores: pd.DataFrame) -> tuple[str, ...]:
    best: dict[str, list[str]] = {}
    for name, one in zip(labels(found), found, strict=True):
        if one.verdict.kind == "wins":
            best.setdefault(str(one.verdict.best), []).append(name)
    said = [
        f"{formatting.label(strategy)} wins on {formatting.listing(names)}."
        for strategy, names in sorted(best.items(), key=lambda item: -len(item[1]))
    ]
    open_ones = [
        name for name, one in zip(labels(found), found, strict=True) if one.verdict.kind != "wins"
    ]
    if open_ones:
        said.append(f"No single winner on {formatting.listing(open_ones)}.")
    if scores.empty:
        said.append("No run has tested a model yet.")
    by_dataset = rankings.accuracy_table(_scores(found))
    if len(by_dataset) > 1:
        said.append(rankings.compare_ranks(by_dataset).sentence)
    return tuple(said)


def _seconds(found: Findings) -> float:
    trials = found.run.trials
    searching = trials.train_seconds.sum() + trials.setup_seconds.sum()
    return float(searching + found.run.finals.train_seconds.sum())


def _place(rank: float) -> str:
    return f"{rank:.0f}" if rank == int(rank) else f"{rank:.1f}"
