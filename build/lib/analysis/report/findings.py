"""A run -> everything that the report's sections are written from, computed once."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from analysis.report import plots
from analysis.run import Run, representatives
from analysis.statistics import comparisons
from analysis.statistics.decision import Verdict, judge


@dataclasses.dataclass(frozen=True, eq=False)
class Findings:
    """What a run says.

    Attributes:
        run: the run.
        labels: the test images' classes, (test images,), or None before the finals.
        summary: `comparisons.by_strategy` of its finals.
        pairs: `comparisons.pairwise` of its finals.
        comparison: `comparisons.against_best` of them.
        standing: `tables.representatives` of it.
        verdict: the answer.
        look: each strategy's colour and marker.
        unfinished: whether the search is still running, so that the report must be quick.
    """

    run: Run
    labels: np.ndarray | None
    summary: pd.DataFrame
    pairs: pd.DataFrame
    comparison: pd.DataFrame
    standing: pd.DataFrame
    verdict: Verdict
    look: dict[str, plots.Style]
    unfinished: bool = False

    @property
    def class_names(self) -> list[str]:
        """The classes' names, in the order of the labels."""
        return next((names for names in self.run.datasets.class_names if names), [])

    @property
    def tested(self) -> pd.DataFrame:
        """The summary of those that have a test result."""
        return self.summary.dropna(subset="mean")


def find(run: Run, unfinished: bool = False) -> Findings:
    """Computes the findings of a run; the arguments are the attributes."""
    names = run.experiment.strategies
    summary = comparisons.by_strategy(run.finals, run.test_labels, names)
    pairs = comparisons.pairwise(run.finals, run.test_labels, names)
    comparison = comparisons.against_best(pairs)
    return Findings(
        run=run,
        labels=run.test_labels,
        summary=summary,
        pairs=pairs,
        comparison=comparison,
        standing=representatives(run),
        verdict=judge(run, summary, comparison),
        look=plots.styles(names),
        unfinished=unfinished,
    )
