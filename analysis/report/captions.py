"""Under the two figures whose sections are still to move: they go with them."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.formatting import clean, label, listing, points
from analysis.statistics.importance import Importance


def critical_difference(cliques: Sequence[Sequence[str]], needed: float) -> str:
    """Describes the diagram of mean ranks."""
    text = (
        "A mark is a strategy's mean rank, 1 if it is the most accurate everywhere. Two differ, "
        "beyond what chance explains (Nemenyi's test at 5 % over all pairs), where they lie "
        f"further apart than {needed:.2f}."
    )
    if not cliques:
        return f"{text} All do."
    groups = [listing([label(name) for name in group]) for group in cliques]
    return f"{text} A thick bar below joins those that do not: {'; '.join(groups)}."


def dependence(result: Importance) -> str:
    """Describes partial dependence by the hyperparameter that matters most."""
    name = str(result.main.hyperparameter.iloc[0])
    along = result.dependence[result.dependence.hyperparameter == name]
    best = along.value.iloc[int(along.score.argmax())]
    value = f"{best:.2g}" if isinstance(best, float) else str(best)
    rise = points(along.score.max() - along.score.min())
    return (
        f"{label(result.strategy)}: what the surrogate foretells with each value, at the other "
        f"values of the trials. Along {clean(name, 30)} it differs by {rise} points; best is "
        f"at {clean(value, 30)}."
    )
