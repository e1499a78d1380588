"""What the run answers, in words, with its uncertainty."""

from __future__ import annotations

import dataclasses
import math

import pandas as pd

from analysis.formatting import amount, clean, label, listing, percent, plural, points, probability
from analysis.run import CONTROLS, Run, pending_finals, representatives
from analysis.statistics.intervals import MOST_SEEDS

NOT_SHOWN = "it is not shown that an LSTM earns its place here."


@dataclasses.dataclass(frozen=True)
class Verdict:
    """The answer.

    Attributes:
        kind: `wins`, `ties`, `too_close` (more seeds, of a number that can be had, would be
            expected to tell), `too_few_seeds` (one), `single` (nothing to compare with), `interim`
            (not finished) or `failed`.
        best: the strategy with the highest mean test accuracy (validation accuracy where interim),
            or None. It has won only where kind is `wins`.
        group: every strategy that may be the best as far as the test shows; one name for `wins`.
        headline: the answer in one line.
        sentences: what it rests on.
    """

    kind: str
    best: str | None
    group: tuple[str, ...]
    headline: str
    sentences: tuple[str, ...]


def judge(run: Run, summary: pd.DataFrame, comparison: pd.DataFrame) -> Verdict:
    """Returns the verdict of a run.

    Args:
        run: the run, of one data set.
        summary: what `statistics.by_strategy` says of its finals.
        comparison: what `statistics.against_best` says of them.
    """
    tested = summary[summary.seeds > 0]
    completed = int((run.trials.status == "completed").sum())
    running = int((run.trials.status == "running").sum())
    if not completed and not running and len(run.trials):
        return _all_failed(run, run.trials, "trial")
    if not completed or pending_finals(run).any() or run.experiment.final_seeds < 1:
        return _interim(run)
    if tested.empty:
        return _all_failed(run, run.finals, "final training")
    if len(tested) == 1:
        return _single(run, summary)
    if comparison.p.isna().any():
        return _too_few_seeds(run, summary, comparison)
    return _ranked(run, summary, comparison)


def _ranked(run: Run, summary: pd.DataFrame, comparison: pd.DataFrame) -> Verdict:
    data = clean(run.experiment.dataset_name)
    best = str(comparison.best.iloc[0])
    lead = -comparison.difference
    tied = [name for name in comparison.index if not comparison.apart[name]]
    second = tied[0] if tied else comparison.index[0]
    interval = f"{points(-comparison.high[second])} to {points(-comparison.low[second])}"
    seeds = _seed_range(summary)
    first = (
        f"{label(best)} names {percent(summary['mean'][best])} of the test images correctly "
        f"(95 % interval {percent(summary.low[best])} to {percent(summary.high[best])}; {seeds})."
    )
    gap = f"{points(lead[second])} percentage points (95 % interval {interval})"
    sentences = [first]
    needed = 0.0
    if not tied:
        sentences.append(
            f"That is {gap} more than the runner-up, {label(second)}. Against every other strategy "
            "the lead is more than chance explains (largest p: "
            f"{probability(comparison.p.max())})."
        )
        headline = f"{label(best)} wins on {data}"
    else:
        needed = float(comparison.more_seeds[tied].max())
        headline = _undecided(data, best, tied, needed, int(summary.seeds[[best, *tied]].min()))
        sentences.append(
            f"Its lead over {label(second)} is {gap}, which chance explains: other seeds or other "
            "test images could turn the order."
        )
        sentences.append(_seeds_needed(comparison.more_seeds[tied]))
        worse = [label(name) for name in comparison.index if comparison.apart[name]]
        if worse:
            sentences.append(
                f"Less accurate than {label(best)}, beyond what chance explains (p < 0.05): "
                f"{listing(worse)}."
            )
        sentences.extend(_cheapest(run, [best, *tied]))
    sentences.extend(_chance(summary, best, tied))
    sentences.extend(_control(best, tied))
    sentences.extend(_untested(run, summary))
    kind = "wins" if not tied else "ties" if math.isinf(needed) else "too_close"
    return Verdict(kind, best, (best, *tied), headline, tuple(sentences))


def _undecided(data: str, best: str, tied: list[str], needed: float, seeds: int) -> str:
    """Returns the headline where the best cannot be told from others.

    Where a number of seeds that can be had would settle it, the question is open; where none would,
    the strategies are as good as each other for all that anyone can afford to find out.
    """
    if math.isinf(needed):
        return f"{label(best)} ties with {listing([label(name) for name in tied])} on {data}"
    names = listing([label(name) for name in (best, *tied)])
    return (
        f"{names} are too close to call on {data} with {plural(seeds, 'seed')}: "
        f"{int(needed)} more would be needed"
    )


def _seeds_needed(more: pd.Series) -> str:
    """Returns what it would take to tell the tied from the best, by `more_seeds`."""
    parts = [
        f"for {label(str(name))} "
        + (f"more than {MOST_SEEDS}" if math.isinf(number) else f"{int(number)}")
        for name, number in more.items()
    ]
    return (
        "More seeds of each that would tell it apart in four experiments of five, if the gap is "
        f"what it seems: {listing(parts)}."
    )


def _chance(summary: pd.DataFrame, best: str, tied: list[str]) -> list[str]:
    if math.isnan(summary.p_best[best]):
        return []
    shares = [f"{label(name)} {_share(summary.p_best[name])}" for name in (best, *tied)]
    return [
        f"The probability of being the most accurate, over seeds and images: {listing(shares)}."
    ]


def _share(p: float) -> str:
    return "over 99 %" if p > 0.99 else "under 1 %" if p < 0.01 else percent(p, 0)


def _too_few_seeds(run: Run, summary: pd.DataFrame, comparison: pd.DataFrame) -> Verdict:
    best = str(comparison.best.iloc[0])
    unsure = [name for name in comparison.index if not comparison.apart[name]]
    lone = [label(name) for name in summary.index if summary.seeds[name] == 1]
    if lone:
        reason = (
            f"Tested with a single seed: {listing(lone)}. One seed says nothing about how far the "
            "next would differ, so no difference from it can be called more than chance."
        )
    else:
        reason = "Predictions of the test images are missing, so no difference can be judged."
    sentences = [
        f"{label(best)} has the highest test accuracy, {percent(summary['mean'][best])}, followed "
        f"by {label(comparison.index[0])} with {percent(summary['mean'][comparison.index[0]])}.",
        reason,
        "Search again with --final-seeds 3 or more to learn which is better.",
        *_untested(run, summary),
    ]
    headline = f"No winner on {clean(run.experiment.dataset_name)}: too few seeds to tell"
    return Verdict("too_few_seeds", best, (best, *unsure), headline, tuple(sentences))


def _single(run: Run, summary: pd.DataFrame) -> Verdict:
    best = str(summary.index[0])
    data = clean(run.experiment.dataset_name)
    spread = (
        f" (95 % interval {percent(summary.low[best])} to {percent(summary.high[best])})"
        if not math.isnan(summary.low[best])
        else ""
    )
    only = "was searched" if len(summary) == 1 else "has a test result"
    sentences = [
        f"It names {percent(summary['mean'][best])} of the test images correctly{spread}, "
        f"{_seed_range(summary)}.",
        *_untested(run, summary),
    ]
    headline = f"Nothing to compare with: only {label(best)} {only} on {data}"
    return Verdict("single", best, (best,), headline, tuple(sentences))


def _interim(run: Run) -> Verdict:
    data = clean(run.experiment.dataset_name)
    standing = representatives(run)
    pending = pending_finals(run)
    wanted = run.experiment.final_seeds * len(pending)
    if standing.empty:
        why = "no trial has finished, so there is nothing to compare."
    elif wanted == 0:
        why = "this search asked for no final seeds, so nothing was tested."
    elif run.finals.empty:
        why = "the finals have not been run, so nothing was tested."
    else:
        done = wanted - int(pending.sum())
        why = f"{done} of {plural(wanted, 'final training')} are done, so the test is not over."
    sentences = [f"This is an interim report: {why}"]
    best = None
    if len(standing):
        best = str(standing.score.idxmax())
        sentences.append(
            f"By validation accuracy {label(best)} leads so far, with "
            f"{percent(standing.score[best])} after "
            f"{plural(int(standing.last_epoch[best]), 'epoch')}. Validation chose the best of many "
            "configurations, on one seed each, so these scores flatter and cannot name a winner."
        )
    untried = [n for n in run.experiment.strategies if n not in set(run.trials.strategy)]
    if untried and len(run.trials):
        sentences.append(f"Not tried yet: {listing([label(name) for name in untried])}.")
    headline = f"No winner on {data} yet: the search is not finished"
    if wanted == 0 and len(standing):
        headline = f"No winner on {data}: nothing was tested"
    return Verdict("interim", best, (), headline, tuple(sentences))


def _all_failed(run: Run, rows: pd.DataFrame, what: str) -> Verdict:
    reasons = rows.message.fillna("no reason recorded").map(clean_first_line)
    sentences = (
        f"{plural(len(rows), what)} failed and none ended well.",
        f"The most frequent reason: {reasons.value_counts().index[0]}",
    )
    headline = f"No answer for {clean(run.experiment.dataset_name)}: every {what} failed"
    return Verdict("failed", None, (), headline, sentences)


def clean_first_line(message: object) -> str:
    """Returns the first line of a failure's message that holds anything, cut to 160 characters."""
    lines = [line for line in str(message).splitlines() if line.strip()]
    return clean(lines[0], 160) if lines else "no reason recorded"


def _cheapest(run: Run, names: list[str]) -> list[str]:
    costs = representatives(run).multiply_adds.reindex(names).dropna()
    if len(costs) < 2 or costs.min() == costs.max():
        return []
    low, high = str(costs.idxmin()), str(costs.idxmax())
    return [
        f"Of these, {label(low)} is the cheapest: {amount(costs[low])} multiply-adds for one "
        f"image, against {amount(costs[high])} for {label(high)}."
    ]


def _control(best: str, tied: list[str]) -> list[str]:
    if best in CONTROLS:
        unsure = any(name not in CONTROLS for name in tied)
        place = NOT_SHOWN if unsure else "here an LSTM does not earn its place."
        return [f"The most accurate has no recurrence: {place}"]
    return [f"{label(name)} is among those: {NOT_SHOWN}" for name in tied if name in CONTROLS]


def _untested(run: Run, summary: pd.DataFrame) -> list[str]:
    names = [label(name) for name in run.experiment.strategies if summary.seeds[name] == 0]
    return [f"Without a test result, so not compared: {listing(names)}."] if names else []


def _seed_range(summary: pd.DataFrame) -> str:
    seeds = summary.seeds[summary.seeds > 0]
    if seeds.min() == seeds.max():
        return f"mean of {plural(int(seeds.min()), 'seed')}"
    return f"mean of {seeds.min()} to {seeds.max()} seeds"
