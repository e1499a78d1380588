"""The report's sections, in their order. A new one is a file and a line.

A section is a file with a function `section`: findings -> its prose, figures and tables, or None
where there is nothing to say. It imports what lies below (elements, style, formatting, statistics,
findings) and no other section.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from analysis.report.elements import Picture, Section
from analysis.report.findings import Findings
from analysis.report.sections import (
    again,
    class_accuracy,
    configurations,
    cost,
    early_stopping,
    equal_budgets,
    failures,
    importance,
    learning_curves,
    limits,
    measures,
    mistakes,
    recurrence,
    samples,
    sequences,
    trials,
    warm_start,
    wins,
)

Maker = Callable[[Findings], Section | None]


def _with(section: Maker, picture: Callable[[Findings], Picture | None]) -> Maker:
    """Puts a figure that has its own file at the end of a section."""

    def make(found: Findings) -> Section | None:
        made, more = section(found), picture(found)
        return dataclasses.replace(made, parts=[*made.parts, more]) if made and more else made

    return make


SECTIONS: Sequence[Maker] = (
    _with(wins.section, class_accuracy.picture),
    limits.section,
    measures.section,
    cost.section,
    recurrence.section,
    equal_budgets.section,
    learning_curves.section,
    importance.section,
    early_stopping.section,
    warm_start.section,
    configurations.section,
    trials.section,
    failures.section,
    samples.section,
    sequences.section,
    mistakes.section,
    again.section,
)
"""The whole report, top to bottom."""

QUICK: Sequence[Maker] = (trials.section, failures.section, again.section)
"""While the search runs: what changes, and is cheap."""


def make(found: Findings) -> list[Section]:
    """Returns the sections that there is something to say in."""
    made = (section(found) for section in (QUICK if found.unfinished else SECTIONS))
    return [section for section in made if section]
