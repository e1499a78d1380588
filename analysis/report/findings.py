"""A run -> everything that the report's sections are written from, computed once."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd

from analysis import formatting
from analysis.report.style import Style, styles
from analysis.run import Run, best_first, representatives
from analysis.statistics import comparisons
from analysis.statistics.decision import Decision, decide
from search.store import Metric


@dataclasses.dataclass(frozen=True, eq=False)
class Findings:
    """What a run says.

    Attributes:
        run: the run.
        labels: the test images' classes, (test images,), or None before the finals.
        summary: `comparisons.by_strategy` of its finals.
        comparison: `comparisons.against_best` of them.
        judged: the strategies that are compared, the best first.
        standing: `run.representatives` of it.
        decision: the answer.
        look: each strategy's colour and marker.
        unfinished: whether the search is still running, so that the report must be quick.
    """

    run: Run
    labels: np.ndarray | None
    summary: pd.DataFrame
    comparison: pd.DataFrame
    judged: tuple[str, ...]
    standing: pd.DataFrame
    decision: Decision
    look: dict[str, Style]
    unfinished: bool = False

    @property
    def class_names(self) -> list[str]:
        """The classes' names, in the order of the labels."""
        return self.run.class_names

    @property
    def tested(self) -> pd.DataFrame:
        """The summary of those that have a test result."""
        return self.summary.dropna(subset="mean")

    @property
    def baselines(self) -> pd.DataFrame:
        """The simple classifiers of `run.baselines`, the best first; none before the test."""
        rows = self.run.baselines if len(self.tested) else self.run.baselines.iloc[:0]
        if rows.empty:
            return pd.DataFrame(columns=["label", "test_score"])
        ascending = self.run.experiment.objective.lowest_is_best
        return rows.sort_values("test_score", ascending=ascending, kind="stable")

    @property
    def objective(self) -> Metric:
        """What the search judged by."""
        return self.run.experiment.objective

    @property
    def metric(self) -> str:
        """The same, in words."""
        return self.objective.label

    @property
    def order(self) -> list[str]:
        """All strategies: by test result, or by validation score, the untried last."""
        ranked = best_first(self.standing, self.run.experiment.objective).index
        order = list(self.summary.index if self.summary.seeds.sum() else ranked)
        return order + [name for name in self.run.experiment.strategies if name not in order]

    def label(self, strategy: str) -> str:
        """Returns a strategy's name, marked where it is a control."""
        return self.run.label(strategy)

    def class_name(self, label: int, limit: int = 40) -> str:
        """Returns a class's name in at most `limit` characters, or its number if it has none."""
        known = label < len(self.class_names)
        return formatting.clean(self.class_names[label] if known else label, limit)

    def images(self, split: str) -> list[dict[Any, Any]]:
        """Returns the images of a split that the run keeps, a row of `run.images` each."""
        return [row for row in self.run.images.to_dict("records") if row["split"] == split]


def find(run: Run, unfinished: bool = False) -> Findings:
    """Computes the findings of a run; the arguments are the attributes."""
    compared = comparisons.compare(run)
    return Findings(
        run=run,
        labels=run.test_labels,
        summary=compared.summary,
        comparison=compared.against_best,
        judged=compared.judged,
        standing=representatives(run),
        decision=decide(run, compared),
        look=styles(dict(run.strategies.position)),
        unfinished=unfinished,
    )
