"""What a verdict does not show, whatever it says."""

from __future__ import annotations

from analysis.formatting import plural
from analysis.report.elements import Section
from analysis.report.findings import Findings


def section(found: Findings) -> Section | None:
    """Returns what was held fixed; nothing before the test."""
    if found.tested.empty or found.unfinished:
        return None
    run = found.run
    asked = run.experiment
    tried = run.trials.groupby("strategy").configuration.nunique()
    searches = plural(asked.iterations, "search", "searches")
    few, many = int(tried.min()), int(tried.max())
    count = f"{few}" if few == many else f"{few} to {many}"
    prose = [
        "One data set: on other images another strategy may be the best.",
        "One space: each strategy was searched within its own choices (docs/strategies.md), and "
        "what lies outside was not tried.",
        f"This budget: {searches} of each strategy, {count} configurations in all, trained for at "
        f"most {plural(asked.max_epochs, 'epoch')}.",
        "One test split: the intervals count that it has few images, and not that it may differ "
        "from the images that the model will meet.",
    ]
    return Section("limits", "What this does not show", prose)
