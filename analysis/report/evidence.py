"""What a decision rests on -> the sentences of the verdict that say it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from analysis.formatting import amount, clean, listing, percent, plural, points
from analysis.run import Run
from analysis.statistics.decision import Evidence, Score
from analysis.statistics.intervals import MOST_SEEDS

NOT_SHOWN = "it is not shown that an LSTM earns its place here."


def accuracy(best: str, why: Evidence, run: Run) -> str:
    """Returns how accurate the best is."""
    score = why.scores[best]
    return (
        f"{run.label(best)} classifies {percent(score.mean)} of the test images correctly "
        f"(95 % interval {interval(score)}; {seeds(why)})."
    )


def gap(why: Evidence) -> str:
    """Returns how far the best is ahead."""
    assert why.lead is not None
    interval = f"{points(why.lead.low)} to {points(why.lead.high)}"
    return f"{points(why.lead.gap)} percentage points (95 % interval {interval})"


def seeds_needed(more: Mapping[str, float], run: Run) -> str:
    """Returns what it would take to tell the tied from the best."""
    parts = [
        f"for {run.label(name)} "
        + (f"more than {MOST_SEEDS}" if math.isinf(number) else f"{int(number)}")
        for name, number in more.items()
    ]
    return (
        "More seeds of each that would tell it apart in four experiments of five, if the gap is "
        f"what it seems: {listing(parts)}."
    )


def chances(names: Iterable[str], why: Evidence, run: Run) -> list[str]:
    """Returns how probably each is the best; nothing where nobody knows."""
    shares = {name: why.scores[name].p_best for name in names}
    if any(map(math.isnan, shares.values())):
        return []
    parts = [f"{run.label(name)} {_share(p)}" for name, p in shares.items()]
    return [f"The probability of being the most accurate, over seeds and images: {listing(parts)}."]


def _share(p: float) -> str:
    return "over 99 %" if p > 0.99 else "under 1 %" if p < 0.01 else percent(p, 0)


def cheapest(adds: Mapping[str, float], run: Run) -> list[str]:
    """Returns which of the group costs least; nothing where they cost the same."""
    if len(set(adds.values())) < 2:
        return []
    low, high = min(adds, key=lambda name: adds[name]), max(adds, key=lambda name: adds[name])
    return [
        f"Of these, {run.label(low)} is the cheapest: {amount(adds[low])} multiply-adds for one "
        f"image, against {amount(adds[high])} for {run.label(high)}."
    ]


def recurrence(best: str, group: Iterable[str], why: Evidence, run: Run) -> list[str]:
    """Returns what it means for the LSTM that a control is the best, or may be."""
    if why.earned not in ("no", "not_shown"):
        return []
    if best in run.controls:
        place = NOT_SHOWN if why.earned == "not_shown" else "here an LSTM does not earn its place."
        return [f"The most accurate has no recurrence: {place}"]
    controls = [name for name in group if name in run.controls]
    verb = "is" if len(controls) == 1 else "are"
    return [f"{names(controls, run)} {verb} among those: {NOT_SHOWN}"]


def untested(why: Evidence, run: Run) -> list[str]:
    """Returns who has no test result; nothing where all have."""
    if not why.untested:
        return []
    return [f"Without a test result, so not compared: {names(why.untested, run)}."]


def seeds(why: Evidence) -> str:
    """Returns over how many seeds the means are."""
    seeds = [score.seeds for score in why.scores.values()]
    if min(seeds) == max(seeds):
        return f"mean of {plural(seeds[0], 'seed')}"
    return f"mean of {min(seeds)} to {max(seeds)} seeds"


def interval(score: Score) -> str:
    """Returns a score's 95 % interval."""
    return f"{percent(score.low)} to {percent(score.high)}"


def names(names: Iterable[str], run: Run) -> str:
    """Returns strategies by their labels."""
    return listing([run.label(name) for name in names])


def data(run: Run) -> str:
    """Returns the data set's name."""
    return clean(run.experiment.dataset_name)
