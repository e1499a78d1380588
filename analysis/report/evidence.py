"""What a decision rests on -> the sentences of the verdict that say it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from analysis.formatting import amount, clean, listing, plural
from analysis.run import Run
from analysis.statistics.decision import Evidence, Score
from analysis.statistics.intervals import MOST_REPLICATES
from search.store import ACCURACY, advice

NOT_SHOWN = "it is not shown that an LSTM earns its place here."


def copies(run: Run) -> list[str]:
    """Says that test images were seen before; nothing where none was.

    >>> from analysis.example import example
    >>> copies(example(lines=0.9))
    []
    """
    if not run.test_copies:
        return []
    images = int(run.datasets.test_images.sum())
    return [
        f"{run.test_copies:,} of the {images:,} test images are exact copies of images that were "
        "trained or validated on: on new images all may do worse than here."
    ]


def uneven_classes(run: Run) -> list[str]:
    """Says that accuracy hides how rare classes fare; nothing where they are not rare.

    >>> from analysis.example import example
    >>> uneven_classes(example(lines=0.9))
    []
    """
    names = [clean(name, 24) for name in run.class_names]
    if run.test_labels is None or not names:
        return []
    counts = np.bincount(run.test_labels, minlength=len(names)).tolist()
    found = advice(run.experiment.metric, names, counts)
    return [f"{found[0].upper()}{found[1:]}."] if found else []


def accuracy(best: str, why: Evidence, run: Run) -> str:
    """Returns how accurate the best is."""
    score = why.scores[best]
    return (
        f"{run.label(best)} {does(score, run)} (95 % interval {interval(score, run)}; "
        f"{seeds(best, why)})."
    )


def does(score: Score, run: Run) -> str:
    """Returns how well a strategy does, as a verb and its object."""
    metric = run.experiment.objective
    value = metric.in_words(score.mean)
    of_others = f"has a test {metric.label} of {value}"
    return in_terms_of(run, f"classifies {value} of the test images correctly", of_others)


def in_terms_of(run: Run, accuracy: str, others: str) -> str:
    """Returns words for a run that is judged by accuracy, or those for any other metric."""
    return accuracy if run.experiment.objective.name == ACCURACY.name else others


def gap(why: Evidence, run: Run) -> str:
    """Returns how far the best is ahead."""
    assert why.lead is not None
    metric = run.experiment.objective
    interval = f"{metric.gap(why.lead.low)} to {metric.gap(why.lead.high)}"
    return f"{metric.gap_in_words(why.lead.gap)} (95 % interval {interval})"


def replicates_needed(why: Evidence, run: Run) -> str:
    """Returns what it would take to tell the tied from the best."""
    parts = [
        f"for {run.label(name)} "
        + (f"more than {MOST_REPLICATES}" if math.isinf(number) else f"{int(number)}")
        for name, number in why.more_replicates.items()
    ]
    return (
        f"More {replicates(why)} of each that would tell it apart in four experiments of five, if "
        f"the gap is what it seems: {listing(parts)}."
    )


def cheapest(adds: Mapping[str, float], run: Run) -> list[str]:
    """Returns which of the group costs least; nothing where they cost the same."""
    if len(set(adds.values())) < 2:
        return []
    low, high = min(adds, key=lambda name: adds[name]), max(adds, key=lambda name: adds[name])
    return [
        f"Of those that may be the best, {run.label(low)} is the cheapest: {amount(adds[low])} "
        f"multiply-adds for one image, against {amount(adds[high])} for {run.label(high)}."
    ]


def recurrence(best: str, group: Iterable[str], why: Evidence, run: Run) -> list[str]:
    """Returns what it means for the LSTM that a control is the best, or may be."""
    if why.earned not in ("no", "not_shown"):
        return []
    if best in run.controls:
        place = NOT_SHOWN if why.earned == "not_shown" else "here an LSTM does not earn its place."
        first = in_terms_of(run, "The most accurate", "The best")
        return [f"{first} has no recurrence: {place}"]
    controls = [name for name in group if name in run.controls]
    verb = "is" if len(controls) == 1 else "are"
    return [f"{names(controls, run)} {verb} among those: {NOT_SHOWN}"]


def not_compared(why: Evidence, run: Run) -> list[str]:
    """Returns who is not compared, and why; nothing where all are."""
    said = []
    if why.given_up:
        listed = [f"{run.label(name)} ({count})" for name, count in why.given_up.items()]
        said.append(f"Final trainings given up, since the budget ended: of {listing(listed)}.")
    if why.untested:
        said.append(f"Without a test result, so not compared: {names(why.untested, run)}.")
    if why.cut_short:
        said.append(
            "Too little tried before the budget ended, so not compared: "
            f"{listing(with_means(why.cut_short, why, run))}."
        )
    if why.too_few:
        said.append(
            f"With fewer than three {replicates(why)} or without predictions, so not compared: "
            f"{listing(with_means(why.too_few, why, run))}."
        )
    return said


def with_means(of: Iterable[str], why: Evidence, run: Run) -> list[str]:
    """Returns strategies by their labels, each with how accurate it was."""
    metric = run.experiment.objective
    return [f"{run.label(name)} ({metric.in_words(why.scores[name].mean)})" for name in of]


def seeds(strategy: str, why: Evidence) -> str:
    """Returns over how many trainings, and searches, a strategy's mean is."""
    score = why.scores[strategy]
    if why.searches > 1:
        searches = plural(score.replicates, "search", "searches")
        return f"mean over {searches} with {plural(score.seeds, 'final training')} in all"
    return f"mean of {plural(score.seeds, 'seed')}"


def replicates(why: Evidence) -> str:
    """Returns what the evidence is counted in, in the plural."""
    return {"search": "searches", "seed": "seeds"}[why.replicate]


def baselines(best: str, why: Evidence, run: Run) -> list[str]:
    """Returns whether the best is better than what anyone would try first."""
    if not why.baselines:
        return []
    metric = run.experiment.objective
    said = [f"{each.label} ({metric.in_words(each.score)})" for each in why.baselines]
    # Beaten is a baseline that chance does not explain; `not low > 0` holds where nobody knows.
    unbeaten = [place for place, each in enumerate(why.baselines) if not each.lead.low > 0]
    if not unbeaten:
        return [f"It beats what anyone would try first: {listing(said)}."]
    ahead = [place for place in unbeaten if why.baselines[place].lead.high < 0]
    if ahead:
        better = listing([said[place] for place in ahead])
        return [
            f"{run.label(best)} is not worth its while here: "
            + in_terms_of(
                run,
                f"with {better} more images are classified correctly.",
                f"{better} {'is' if len(ahead) == 1 else 'are'} better.",
            )
        ]
    return [
        f"It is not shown that {run.label(best)} beats "
        f"{listing([said[place] for place in unbeaten])}: chance explains the difference."
    ]


def speed(best: str, why: Evidence, run: Run) -> list[str]:
    """Returns who was still learning, where that leaves open who is best."""
    if not why.still_rising:
        return []
    return [
        f"After {plural(run.experiment.max_epochs, 'epoch')} "
        f"{names(why.still_rising, run)} still improved faster than {run.label(best)}: with a "
        "third more training the order could turn."
    ]


def moves(best: str, why: Evidence, run: Run) -> list[str]:
    """Returns how far the best moves, and with what; for one search, what that leaves open."""
    if why.searches == 1:
        return [
            "Each strategy was searched once, so this is about the designs that were found: "
            "another search may find a better one of any strategy."
        ]
    if why.spread is None:
        return []
    metric, seed = run.experiment.objective, why.spread.seed
    other = "" if math.isnan(seed) else f", another seed by {metric.gap(seed)}"
    return [
        f"Another search would move {run.label(best)} by "
        f"{metric.gap_in_words(why.spread.search)}{other}, other test images by "
        f"{metric.gap(why.spread.images)} (standard deviations)."
    ]


def interval(score: Score, run: Run) -> str:
    """Returns a score's 95 % interval."""
    metric = run.experiment.objective
    return f"{metric.in_words(score.low)} to {metric.in_words(score.high)}"


def names(names: Iterable[str], run: Run) -> str:
    """Returns strategies by their labels."""
    return listing([run.label(name) for name in names])


def few(names_: Sequence[str], run: Run) -> str:
    """Returns strategies by their labels for a headline: of more than four the first three."""
    if len(names_) <= 4:
        return names(names_, run)
    return listing([*map(run.label, names_[:3]), f"{len(names_) - 3} others"])


def data(run: Run) -> str:
    """Returns the data set's name."""
    return clean(run.experiment.dataset_name)
