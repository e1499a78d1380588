"""The best hyperparameters of each strategy."""

from __future__ import annotations

from analysis import formatting
from analysis.report.elements import Section, Table
from analysis.report.findings import Findings
from analysis.run import hyperparameters


def section(found: Findings) -> Section:
    """Returns a row a hyperparameter, a column a strategy, or says that there are none."""
    title = "The best configuration of each strategy"
    standing = found.standing
    if standing.empty:
        return Section("configurations", title, ["No trial has ended well."])
    values = hyperparameters(standing.reset_index()).set_axis(standing.index)
    rows = [
        [formatting.clean(name), *(formatting.value(value) for value in values[name])]
        for name in values.columns
    ]
    head = ["hyperparameter", *(found.label(str(name)) for name in standing.index)]
    table = Table("best-configurations", head, rows)
    return Section("configurations", title, parts=[table])
