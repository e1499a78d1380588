"""Findings -> report.html, report.md, the figures and the tables beside them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from analysis import formatting
from analysis.report import sections
from analysis.report.elements import Gallery, Picture, Readings, Section, Table, TrialTable
from analysis.report.findings import Findings, find
from analysis.report.render import html_page, markdown_page
from analysis.report.sections import accuracy
from analysis.report.sections.verdict import Verdict, in_words
from analysis.report.style import Style
from analysis.run import Run, load_run, pending_finals
from search.store import ExperimentError, write_atomically

RELOAD_SECONDS = 30
"""How often a page of an unfinished run looks for a newer one."""


class Report(NamedTuple):
    """What was written.

    Attributes:
        verdict: the answer that it gives.
        path: the HTML page.
    """

    verdict: Verdict
    path: Path

    def __str__(self) -> str:
        """What a terminal shows: the verdict in words, and where the rest is."""
        return "\n".join([self.verdict.headline, *self.verdict.sentences, f"report: {self.path}"])


def write_report(run_path: str | os.PathLike[str], unfinished: bool = False) -> Report:
    """Makes the report of a run from its directory alone.

    Writes `report/report.html`, which needs no other file, `report/report.md` with its figures,
    and every table as `report/tables/*.csv`.

    Args:
        run_path: the run directory.
        unfinished: the search is running and will call again: only the page is written, with what
            is quick to make, and a browser loads it again by itself.

    Raises:
        ExperimentError: the directory is not a run, its files are damaged, or the report cannot
            be written.
    """
    run = load_run(run_path)
    found = find(run, unfinished)
    content = describe(found)
    files: dict[str, bytes] = {}
    if not unfinished:
        files |= beside(content)
        files["report.md"] = markdown_page(content)
    # The page comes last: whoever sees the new one finds the files beside it new, too.
    files["report.html"] = html_page(content)
    write_files(run.report_directory, files)
    return Report(content["verdict"], run.report_directory / "report.html")


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Writes a report's files, each whole or not at all.

    Raises:
        ExperimentError: one cannot be written.
    """
    try:
        for name, written in files.items():
            write_atomically(folder / name, written)
    except OSError as error:
        reason = error.strerror or error
        raise ExperimentError(f"cannot write {folder}: {reason}") from error


def describe(found: Findings) -> dict[str, Any]:
    """Returns everything that the report says of a run; the templates only arrange it."""
    run = found.run
    verdict = in_words(found.decision, run)
    return {
        "title": verdict.headline,
        "verdict": verdict,
        "run": formatting.clean(run.path.resolve().name),
        "sentences": verdict.sentences,
        "counts": _counts(run),
        "picture_part": accuracy.picture(found),
        "brief": accuracy.brief(found),
        "sections": sections.make(found),
        "look": named_styles(found.look, found.label),
        "reload": RELOAD_SECONDS if found.unfinished else None,
        "done": _done(found) if found.unfinished else None,
        "prefix": "",
        "again": "python -m analysis RUN",
        "after_again": ", with the run directory in place of RUN, makes this report again.",
    }


def named_styles(look: Mapping[str, Style], label: Callable[[str], str]) -> dict[str, Style]:
    """Returns the styles by what the cells say: a strategy's name, and its label.

    Args:
        look: each strategy's style.
        label: strategy -> what it is called.
    """
    return {
        text: style
        for name, style in look.items()
        for text in (formatting.clean(name, 40), label(name))
    }


def beside(content: Mapping[str, Any]) -> dict[str, bytes]:
    """Returns the files beside the page: what Markdown shows, and every table as CSV."""
    files, prefix = {}, content["prefix"]
    made: Sequence[Section] = content["sections"]
    first = [part for part in (content["picture_part"], content["brief"]) if part]
    for part in [*first, *(part for section in made for part in section.parts)]:
        if isinstance(part, (Picture, Gallery, Readings)):
            files[f"{prefix}{part.name}.png"] = part.png
        elif isinstance(part, (Table, TrialTable)):
            files[f"tables/{prefix}{part.name}.csv"] = part.csv()
    return files


def _counts(run: Run) -> str:
    finals = int((run.finals.status == "completed").sum())
    parts = [
        formatting.plural(len(run.experiment.strategies), "strategy", "strategies"),
        formatting.plural(run.trials.configuration.nunique(), "configuration"),
        formatting.plural(len(run.epochs), "epoch"),
        formatting.plural(finals, "tested model"),
    ]
    pending = int(pending_finals(run).sum())
    return ", ".join(parts) + (f" ({pending} to come)" if pending else "")


def _done(found: Findings) -> dict[str, Any]:
    """Returns how far an unfinished run is: a sentence, and a share of the search or None."""
    run = found.run
    ended = run.trials.status.isin(["completed", "failed"])
    epochs = len(run.epochs)
    running = int((~ended).sum())
    count = formatting.plural(int(ended.sum()), "trial")
    text = f"{count} ended, {running} running; {epochs:,} epochs"
    share = None
    if planned := int(run.plans.epochs.sum()):
        # A failed trial leaves out epochs that were planned, so the share is a lower bound.
        share = min(1.0, epochs / planned)
        text += f" of about {planned:,} ({100 * share:.0f} %)"
    searches = run.trials.groupby("strategy").iteration.nunique()
    searches = searches.reindex(run.experiment.strategies).fillna(0).clip(run.experiment.iterations)
    wanted = int(run.experiment.final_seeds * searches.sum())
    # A search that was killed leaves its page behind: the time tells.
    moment = time.strftime("%Y-%m-%d %H:%M:%S")
    text += f"; {len(run.finals)} of {wanted} final trainings. So it stood at {moment}."
    return {"text": text, "share": share}
