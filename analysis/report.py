"""Figures and tables -> report.html and report.md."""

from __future__ import annotations

import dataclasses
import os
import re
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup
from matplotlib.figure import Figure

from analysis import captions, plots, sections, statistics, words
from analysis.tables import Run, load_run, pending_finals, representatives
from analysis.verdict import judge
from search.store import ExperimentError, write_atomically

TEMPLATES = Path(__file__).parent / "templates"
WIDTH = 6.2  # inches: at this width a figure's text is legible on a phone and not coarse on a desk


@dataclasses.dataclass(frozen=True)
class Picture:
    """A figure and the sentences that say what to see in it.

    Attributes:
        name: its file's name without the ending.
        caption: how to read it and what this run shows in it.
        drawn: the figure.
    """

    name: str
    caption: str
    drawn: Figure

    @property
    def svg(self) -> Markup:
        """The figure as an element of an HTML page."""
        return Markup(plots.to_svg(self.drawn, self.name, self.caption))


def write_report(run_path: str | os.PathLike[str]) -> Path:
    """Makes the report of a run, finished or not, from its directory alone.

    Writes `report/report.html`, which needs no other file, and `report/report.md` with its figures.

    Returns:
        The path of report.html.

    Raises:
        ExperimentError: the directory is not a run, its files are damaged, or the report cannot
            be written.
    """
    run = load_run(run_path)
    content = describe(run)
    files = {f"{p.name}.png": plots.to_png(p.drawn) for p in content["pictures"].values()}
    files["report.md"] = _render("report.md", content, markdown)
    files["report.html"] = _render("report.html", content, None)
    try:
        for name, written in files.items():
            write_atomically(run.report_directory / name, written)
    except OSError as error:
        reason = error.strerror or error
        raise ExperimentError(f"cannot write {run.report_directory}: {reason}") from error
    return run.report_directory / "report.html"


def describe(run: Run) -> dict[str, Any]:
    """Returns everything that the report says of a run; the templates only arrange it."""
    labels = next((found for found in run.datasets.test_labels if found is not None), None)
    names = run.experiment.strategies
    summary = statistics.by_strategy(run.finals, labels, names)
    comparison = statistics.against_best(run.finals, labels, names)
    standing = representatives(run)
    look = plots.styles(names)
    return {
        "data": words.clean(run.experiment.dataset_name),
        "run": words.clean(run.path.resolve().name),
        "verdict": judge(run, summary, comparison),
        "pictures": _pictures(run, summary, standing, look),
        "strategies": sections.strategies(run, summary, comparison, standing),
        "settings": sections.settings(standing) if len(standing) else None,
        "progress": sections.progress(run),
        "failures": sections.failures(run),
        "facts": sections.facts(run),
        "command": words.clean(run.about.get("command") or "", 2000),
        "notes": _notes(bool(summary.seeds.sum())),
        "colours": {words.label(name): style.colour for name, style in look.items()},
        "counts": _counts(run),
    }


def _notes(tested: bool) -> str:
    cost = (
        "Multiply-adds are for one image. Time per epoch is the median of the search's epochs. "
        f"Timesteps{words.TIMES}features is the sequence that the LSTM reads. The validation score "
        "is that of the configuration shown, the best of its strategy."
    )
    if not tested:
        return cost
    return (
        "SD is the standard deviation over seeds. Each interval counts both the seeds and the test "
        "images: a t interval with Satterthwaite's degrees of freedom, for one comparison at a "
        f"time; p is corrected by Holm for all of them. {cost}"
    )


def _counts(run: Run) -> str:
    finals = int((run.finals.status == "completed").sum())
    parts = [
        words.plural(len(run.experiment.strategies), "strategy").replace("strategys", "strategies"),
        words.plural(run.trials.configuration.nunique(), "configuration"),
        words.plural(len(run.epochs), "epoch"),
        words.plural(finals, "tested model"),
    ]
    pending = int(pending_finals(run).sum())
    return ", ".join(parts) + (f" ({pending} to come)" if pending else "")


def _pictures(
    run: Run, summary: pd.DataFrame, standing: pd.DataFrame, look: dict[str, plots.Style]
) -> dict[str, Picture]:
    """Returns the figures that there is something to draw for, by what they show."""
    pictures = {}
    tested = summary.dropna(subset="mean")
    measure = "test accuracy"
    if len(tested):
        shown, caption = tested, captions.accuracy(tested)
    elif len(standing):
        measure = "validation accuracy"
        shown = standing.assign(mean=standing.score, low=float("nan"), high=float("nan"))
        shown = shown.sort_values("mean", ascending=False, kind="stable")
        caption = captions.validation(standing)
    else:
        return {}
    drawn = plots.figure(
        lambda ax: plots.accuracy(shown, run.finals, look, ax, measure),
        WIDTH,
        0.9 + 0.45 * len(shown),
    )
    pictures["accuracy"] = Picture("accuracy", caption, drawn)

    best = dict(zip(standing.index, standing.configuration, strict=True))
    curves = run.epochs.dropna(subset="val_accuracy")
    drawable = [name for name in run.experiment.strategies if name in set(curves.strategy)]
    if drawable:
        drawn = _curves(curves, drawable, best, look)
        caption = captions.learning_curves(curves, best)
        pictures["curves"] = Picture("learning-curves", caption, drawn)

    costs = pd.DataFrame(
        {
            "multiply_adds": standing.multiply_adds,
            "accuracy": shown["mean"].reindex(standing.index),
            "spread": summary["std"].reindex(standing.index),
        }
    ).dropna(subset=["multiply_adds", "accuracy"])
    costs = costs[costs.multiply_adds > 0]
    if len(costs):
        drawn = plots.figure(
            lambda ax: plots.cost(costs, look, ax, measure), WIDTH, 3.6 + 0.12 * len(costs)
        )
        pictures["cost"] = Picture("accuracy-against-cost", captions.cost(costs), drawn)
    return pictures


def _curves(
    curves: pd.DataFrame, names: list[str], best: dict[str, str], look: dict[str, plots.Style]
) -> Figure:
    columns = 1 if len(names) == 1 else 2 if len(names) <= 4 else 3
    rows = -(-len(names) // columns)

    def draw(*axes: Any) -> None:
        for ax, name in zip(axes, names, strict=False):
            plots.learning_curves(curves, name, best, look, ax)
        for ax in axes[len(names) :]:
            ax.set_visible(False)
        axes[0].figure.supylabel("validation accuracy", fontsize=11)

    return plots.figure(draw, WIDTH, 0.6 + (3.0 if rows == 1 else 2.2 * rows), rows, columns)


def _render(template: str, content: dict[str, Any], finalize: Any) -> bytes:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=finalize,
    )
    environment.filters["indented"] = lambda text: Markup(" ".join(text.split()))
    text = environment.get_template(template).render(content)
    # Macros leave blank lines behind; one is enough for Markdown.
    return re.sub(r"\n{3,}", "\n\n", text).encode()


def markdown(value: object) -> Markup:
    """Returns a value so that Markdown shows it as it is, in a table's cell too."""
    if isinstance(value, Markup):
        return value
    text = " ".join(str(value).split()).replace("&", "&amp;").replace("<", "&lt;")
    text = re.sub(r"([\\`*\[\]|~$]|^#)", r"\\\1", text)
    # An underscore inside a word is no emphasis, and names read better without a backslash.
    return Markup(re.sub(r"(?<![^\W_])_|_(?![^\W_])", r"\\_", text))
