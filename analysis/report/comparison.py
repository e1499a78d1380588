"""Several runs -> one report that compares them: strategies by data set, side by side."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from analysis import formatting
from analysis.report import style
from analysis.report.elements import Picture, Section, Table
from analysis.report.findings import Findings, find
from analysis.report.render import html_page, markdown_page
from analysis.report.sections import ranks
from analysis.report.sections.verdict import Verdict, in_words
from analysis.report.write import Report, beside, named_styles, write_files
from analysis.run import Run, label, load_run
from analysis.statistics import ranks as rankings
from search.store import ExperimentError, Metric, by_mean

NAME = "comparison"
# What must be alike for one run's figures to be held against another's.
_BUDGET = (
    "max_epochs",
    "epochs_of_finals",
    "min_epochs",
    "factor",
    "configurations",
    "iterations",
    "final_seeds",
    "batch_size",
    "class_weight",
    "train_limit",
)


def write_comparison(
    run_paths: Sequence[str | os.PathLike[str]], out: str | os.PathLike[str] | None = None
) -> Report:
    """Makes one report of several runs; their own reports stay as they are.

    Args:
        run_paths: the run directories, two or more.
        out: where the page goes; beside the first run's report, as `comparison.html`, unless said.
            The Markdown, its figures and the tables go beside it.

    Raises:
        ExperimentError: one is not a run, they are judged by different metrics, or the report
            cannot be written.
    """
    runs = [load_run(path) for path in run_paths]
    judged = list(dict.fromkeys(run.experiment.metric for run in runs))
    if len(judged) > 1:
        raise ExperimentError(
            f"these runs are judged by {formatting.listing(judged)}: compare those that are judged "
            "alike"
        )
    found = [find(run) for run in runs]
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
    verdict = Verdict(title, _sentences(found, scores))
    return {
        "title": title,
        "verdict": verdict,
        "run": formatting.listing(
            [formatting.clean(one.run.path.resolve().name, 40) for one in found]
        ),
        "sentences": verdict.sentences,
        "counts": ", ".join(formatting.clean(dataset, 40) for dataset in data),
        "picture_part": _picture(found, scores, look),
        "brief": runs_table(found),
        "sections": [made for section in SECTIONS if (made := section(found, scores))],
        "look": named_styles(look, lambda name: label(_runs(found).values(), name)),
        "reload": None,
        "done": None,
        "prefix": f"{name}-",
        "again": "python -m analysis RUN RUN",
        "after_again": ", with the run directories in place of RUN, makes this report again.",
    }


def looks(found: Sequence[Findings]) -> dict[str, style.Style]:
    """Returns the style of every strategy that any run tried, by its place as first seen."""
    places: dict[str, int] = {}
    for one in found:
        for name, place in one.run.strategies.position.items():
            places.setdefault(str(name), int(place))
    return style.styles(places)


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

    Only strategies that some run has tested; the one with the best mean comes first.
    """
    names = labels(found)
    frame = rankings.accuracy_table(_scores(found), "run").reindex(names).T
    means = {str(name): row.dropna().to_list() for name, row in frame.iterrows()}
    return frame.loc[by_mean(means, _metric(found))]


def _metric(found: Sequence[Findings]) -> Metric:
    """What the runs are judged by, all alike."""
    return found[0].run.experiment.objective


def _scores(found: Sequence[Findings]) -> pd.DataFrame:
    return rankings.accuracies(_runs(found))


def _runs(found: Sequence[Findings]) -> dict[str, Run]:
    return dict(zip(labels(found), (one.run for one in found), strict=True))


def runs_table(found: Sequence[Findings]) -> Table:
    """Returns a row a run: its best strategy and how sure that is."""
    rows = []
    for name, one in zip(labels(found), found, strict=True):
        best = one.decision.best
        row: Any = one.summary.loc[best] if best is not None else None
        tested = row is not None and row.seeds > 0
        kinds = {"wins": "wins", "ties": f"ties with {len(one.decision.group) - 1}"}
        rows.append(
            [
                name,
                one.label(best) if best else formatting.NOTHING,
                kinds.get(one.decision.kind, one.decision.kind.replace("_", " ")),
                one.objective.in_words(row["mean"]) if tested else formatting.NOTHING,
            ]
        )
    return Table("runs", ["run", "best", "verdict", f"test {_metric(found).label}"], rows)


def verdicts(found: Sequence[Findings], scores: pd.DataFrame) -> Section:
    """Each run's own verdict."""
    said = [in_words(one.decision, one.run) for one in found]
    prose = [f"{verdict.headline}. {verdict.sentences[0]}" for verdict in said]
    return Section("verdicts", "The verdict of each run", prose)


def wins(found: Sequence[Findings], scores: pd.DataFrame) -> Section | None:
    """Which strategy is how accurate where, and its place."""
    if scores.empty:
        return None
    places = scores.rank(ascending=_metric(found).lowest_is_best)
    rows = [
        [
            label(_runs(found).values(), str(strategy)),
            *(
                formatting.NOTHING
                if pd.isna(share)
                else f"{_metric(found).in_words(share)} ({_place(place)})"
                for share, place in zip(scores.loc[strategy], places.loc[strategy], strict=True)
            ),
        ]
        for strategy in scores.index
    ]
    note = (
        f"Mean test {_metric(found).label} and, in brackets, the place among those tested in the "
        "run; equals share the mean of their places."
    )
    frame = scores.rename_axis("strategy").reset_index()
    table = Table("accuracy", ["strategy", *scores.columns], rows, note=note, frame=frame)
    return Section("wins", "What wins where", parts=[table])


def ranking(found: Sequence[Findings], scores: pd.DataFrame) -> Section | None:
    """What the data sets say together: ranks, whether they differ by more than chance, and wins."""
    return ranks.section(_runs(found), looks(found), list(scores.index))


def budgets(found: Sequence[Findings], scores: pd.DataFrame) -> Section:
    """What each run was asked for and what it took."""
    rows = []
    for name in _BUDGET:
        values = [getattr(one.run.experiment, name) for one in found]
        rows.append([name.replace("_", " "), *map(_shown, values)])
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


def _shown(value: int | str | None) -> str:
    """A number, a word, or that there is none."""
    if value is None:
        return formatting.NOTHING
    return value if isinstance(value, str) else f"{value:,}"


SECTIONS: Sequence[Callable[[Sequence[Findings], pd.DataFrame], Section | None]] = (
    verdicts,
    wins,
    ranking,
    budgets,
)
"""The comparison, top to bottom. A new section is a function and a line."""


def _picture(
    found: Sequence[Findings], scores: pd.DataFrame, look: Mapping[str, style.Style]
) -> Picture | None:
    if scores.empty:
        return None
    called = {str(name): label(_runs(found).values(), str(name)) for name in scores.index}
    measure = f"test {_metric(found).label}"
    drawn = style.figure(
        lambda ax: draw(scores, called, look, ax, measure, _metric(found)),
        style.WIDTH,
        1.6 + 0.32 * len(scores) + 0.3,
    )
    caption = _caption(scores, called, _metric(found))
    return Picture("accuracy", caption, drawn, f"{measure.capitalize()} by strategy and run")


def draw(
    scores: pd.DataFrame,
    called: Mapping[str, str],
    look: Mapping[str, style.Style],
    ax: Axes,
    ylabel: str,
    metric: Metric,
) -> Axes:
    """Draws the test score of each strategy in each run, a line a strategy.

    Args:
        scores: (strategies, runs); NaN where a run has not tested it.
        called: each strategy's label.
        look: each strategy's style.
        ax: where to draw.
        ylabel: what the scores are of.
        metric: what they are.
    """
    runs = [style.two_lines(str(name)) for name in scores.columns]
    for name, row in scores.iterrows():
        colour, marker = look[str(name)]
        ax.plot(
            range(len(runs)), row.to_numpy(), color=colour, marker=marker,
            markersize=7, lw=1.6, alpha=0.9, label=formatting.bare(called[str(name)]),
        )  # fmt: skip
    ax.set(ylabel=ylabel, xlim=(-0.3, len(runs) - 0.7))
    ax.set_xticks(range(len(runs)), runs, rotation=25 if len(runs) > 4 else 0)
    ax.margins(y=0.08)
    style.score_axis(ax.yaxis, metric)
    ax.legend(loc="upper center", bbox_to_anchor=(0.45, -0.22), ncols=2)
    return ax


def _caption(scores: pd.DataFrame, called: Mapping[str, str], metric: Metric) -> str:
    """Describes scores, (strategies, runs), by the strategies' labels."""
    text = f"A line is a strategy, a mark its mean test {metric.label} in one run."
    known = scores.dropna()
    if known.empty or scores.shape[1] < 2:
        return text
    spread = known.max(axis=1) - known.min(axis=1)
    steady, wide = str(spread.idxmin()), str(spread.idxmax())
    return (
        f"{text} From run to run {called[wide]} differs most "
        f"({metric.gap_in_words(spread[wide])}), {called[steady]} least "
        f"({metric.gap(spread[steady])})."
    )


def _sentences(found: Sequence[Findings], scores: pd.DataFrame) -> tuple[str, ...]:
    best: dict[str, list[str]] = {}
    for name, one in zip(labels(found), found, strict=True):
        if one.decision.kind == "wins":
            best.setdefault(str(one.decision.best), []).append(name)
    said = [
        f"{label(_runs(found).values(), strategy)} wins on {formatting.listing(names)}."
        for strategy, names in sorted(best.items(), key=lambda item: -len(item[1]))
    ]
    open_ones = [
        name for name, one in zip(labels(found), found, strict=True) if one.decision.kind != "wins"
    ]
    if open_ones:
        said.append(f"No single winner on {formatting.listing(open_ones)}.")
    if scores.empty:
        said.append("No run has tested a model yet.")
    by_dataset = rankings.accuracy_table(_scores(found))
    if len(by_dataset) > 1:
        runs = [one.run for one in found]
        said.append(ranks.sentence(rankings.compare_ranks(by_dataset, _metric(found)), runs))
    return tuple(said)


def _seconds(found: Findings) -> float:
    trials = found.run.trials
    searching = trials.train_seconds.sum() + trials.setup_seconds.sum()
    return float(searching + found.run.finals.train_seconds.sum())


def _place(rank: float) -> str:
    return f"{rank:.0f}" if rank == int(rank) else f"{rank:.1f}"
