"""What failed, and why."""

from __future__ import annotations

import pandas as pd

from analysis import formatting
from analysis.report.elements import Section, Table
from analysis.report.findings import Findings
from analysis.statistics.decision import clean_first_line

MOST_REASONS = 20


def section(found: Findings) -> Section:
    """Returns why trials and final trainings failed, the most frequent reason first."""
    rows = _rows(found)
    if not rows:
        return Section("failures", "What failed", ["Nothing failed."])
    table = Table("failures", ["reason", "how often", "strategies"], rows, numeric=False)
    return Section("failures", "What failed", parts=[table])


def _rows(found: Findings) -> list[list[str]]:
    run = found.run
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
        whose = set(group.strategy)
        names = [found.label(name) for name in run.experiment.strategies if name in whose]
        rows.append([str(reason), formatting.listing(how_often), formatting.listing(names)])
    if rest := groups[MOST_REASONS:]:
        count = sum(len(group) for _, group in rest)
        rows.append([formatting.plural(len(rest), "other reason"), f"{count} in all", ""])
    return rows
