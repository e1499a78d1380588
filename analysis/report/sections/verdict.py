"""Decision -> the verdict: what the run answers, in words, with its uncertainty."""

from __future__ import annotations

import dataclasses
import math

from analysis.formatting import clean_first_line, plural, probability
from analysis.report import evidence
from analysis.run import Run
from analysis.statistics.decision import Decision, Evidence, Failed, Unfinished


@dataclasses.dataclass(frozen=True)
class Verdict:
    """The answer in words.

    Attributes:
        headline: the answer in one line.
        sentences: what it rests on.
        decision: what they say; None where they compare several runs.
    """

    headline: str
    sentences: tuple[str, ...]
    decision: Decision | None = None

    @property
    def kind(self) -> str:
        """The decision's kind, or `comparison`."""
        return self.decision.kind if self.decision else "comparison"

    @property
    def best(self) -> str | None:
        """The decision's best strategy."""
        return self.decision.best if self.decision else None

    @property
    def group(self) -> tuple[str, ...]:
        """Every strategy that may be the best, as far as the test shows."""
        return self.decision.group if self.decision else ()


def in_words(decision: Decision, run: Run) -> Verdict:
    """Returns a decision in words.

    Args:
        decision: the decision.
        run: the run that it is of, for its names.
    """
    why = decision.why
    if isinstance(why, Failed):
        headline, sentences = _failed(why, run)
    elif isinstance(why, Unfinished):
        headline, sentences = _interim(decision.best, why, run)
    elif decision.kind == "single":
        headline, sentences = _single(str(decision.best), why, run)
    elif decision.kind == "too_few":
        headline, sentences = _too_few(why, run)
    elif decision.kind == "wins":
        headline, sentences = _wins(str(decision.best), why, run)
    else:
        headline, sentences = _undecided(decision, why, run)
    before = [*evidence.copies(run), *evidence.uneven_classes(run)]
    return Verdict(headline, (*before, *sentences), decision)


def _wins(best: str, why: Evidence, run: Run) -> tuple[str, list[str]]:
    assert why.lead is not None
    sentences = [
        *_of_the_best(best, why, run),
        f"That is {evidence.gap(why, run)} more than the runner-up, {run.label(why.lead.over)}. "
        "Against every other strategy the lead is more than chance explains (largest p: "
        f"{probability(why.lead.largest_p)}).",
        *evidence.recurrence(best, (best,), why, run),
        *evidence.not_compared(why, run),
    ]
    return _first(why, f"{run.label(best)} wins on {evidence.data(run)}"), sentences


def _of_the_best(best: str, why: Evidence, run: Run) -> list[str]:
    """Says how good the best is by itself, and what that is worth."""
    return [
        evidence.accuracy(best, why, run),
        *evidence.baselines(best, why, run),
        *evidence.speed(best, why, run),
        *evidence.moves(best, why, run),
    ]


def _first(why: Evidence, headline: str) -> str:
    """Says first what it is about: designs, where each is one search's; speed, where some rise."""
    if why.still_rising:
        headline = f"Still learning, so far: {headline}"
    if why.searches == 1:
        headline = f"Of one design each: {headline}"
    return f"The budget ended first: {headline}" if why.limited else headline


def _undecided(decision: Decision, why: Evidence, run: Run) -> tuple[str, list[str]]:
    assert why.lead is not None
    best, *tied = decision.group
    if decision.kind == "ties":
        headline = f"{run.label(best)} ties with {evidence.few(tied, run)} on {evidence.data(run)}"
    else:
        headline = _open(decision.group, why, run)
    sentences = [
        *_of_the_best(best, why, run),
        f"Its lead over {run.label(why.lead.over)} is {evidence.gap(why, run)}, which chance "
        f"explains: other {evidence.replicates(why)} or other test images could turn the order.",
        evidence.replicates_needed(why, run),
    ]
    if why.worse:
        sentences.append(
            f"{evidence.in_terms_of(run, 'Less accurate', 'Worse')} than {run.label(best)}, beyond "
            f"what chance explains: {evidence.names(why.worse, run)}."
        )
    sentences += evidence.cheapest(why.multiply_adds, run)
    sentences += evidence.recurrence(best, decision.group, why, run)
    return _first(why, headline), sentences + evidence.not_compared(why, run)


def _open(group: tuple[str, ...], why: Evidence, run: Run) -> str:
    """Says who may be the best, where as many more would tell; they may be far apart, too."""
    count = min(why.scores[name].replicates for name in group)
    had = plural(count, why.replicate, evidence.replicates(why))
    never = [name for name, number in why.more_replicates.items() if math.isinf(number)]
    return (
        f"{'Either' if len(group) == 2 else 'Any'} of {evidence.few(group, run)} may be the best "
        f"on {evidence.data(run)}: {had} do not tell, {int(why.needed)} more of each would"
        + (f", but for {evidence.few(never, run)}" if never else "")
    )


def _too_few(why: Evidence, run: Run) -> tuple[str, list[str]]:
    first, *_, last = why.scores
    said = run.experiment.objective.in_words
    sentences = [
        f"The means lie between {said(why.scores[last].mean)} ({run.label(last)}) and "
        f"{said(why.scores[first].mean)} ({run.label(first)}). Two "
        f"{evidence.replicates(why)} or fewer say next to nothing about how far the next would "
        "differ, so there is no winner and no tie.",
        *evidence.not_compared(why, run),
    ]
    if why.limited:
        reason = "the budget ended before two strategies had been searched and tested three times"
        if why.searches == 1:
            reason = "the budget ended before two strategies had their share"
    else:
        reason = f"too few {evidence.replicates(why)} to tell"
    return f"No winner on {evidence.data(run)}: {reason}", sentences


def _single(best: str, why: Evidence, run: Run) -> tuple[str, list[str]]:
    score = why.scores[best]
    spread = "" if math.isnan(score.low) else f" (95 % interval {evidence.interval(score, run)})"
    only = "has a test result" if why.untested else "was searched"
    sentences = [
        f"It {evidence.does(score, run)}{spread}, {evidence.seeds(best, why)}.",
        *evidence.not_compared(why, run),
    ]
    return (
        f"Nothing to compare with: only {run.label(best)} {only} on {evidence.data(run)}",
        sentences,
    )


def _interim(best: str | None, why: Unfinished, run: Run) -> tuple[str, list[str]]:
    if best is None:
        reason = "no trial has finished, so there is nothing to compare."
    elif why.wanted == 0:
        reason = "this search asked for no final seeds, so nothing was tested."
    elif why.done == 0:
        reason = "the finals have not been run, so nothing was tested."
    else:
        wanted = plural(why.wanted, "final training")
        reason = f"{why.done} of {wanted} are done, so the test is not over."
    sentences = [f"This is an interim report: {reason}"]
    if best is not None:
        metric = run.experiment.objective
        sentences.append(
            f"By validation {metric.label} {run.label(best)} leads so far, with "
            f"{metric.in_words(why.score)} after {plural(why.epoch, 'epoch')}. Validation chose "
            "the best of many configurations, on one seed each, so these scores flatter and cannot "
            "name a winner."
        )
    if why.untried:
        sentences.append(f"Not tried yet: {evidence.names(why.untried, run)}.")
    if best is not None and why.wanted == 0:
        return f"No winner on {evidence.data(run)}: nothing was tested", sentences
    return f"No winner on {evidence.data(run)} yet: the search is not finished", sentences


def _failed(why: Failed, run: Run) -> tuple[str, list[str]]:
    sentences = [
        f"{plural(why.count, why.what)} failed and none ended well.",
        f"The most frequent reason: {clean_first_line(why.reason)}",
    ]
    return f"No answer for {evidence.data(run)}: every {why.what} failed", sentences
