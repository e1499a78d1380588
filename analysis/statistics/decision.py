"""Run -> decision: which strategy is the best, as far as the finals show, and what that rests on.

Values alone: what is said of them is in `analysis/report/sections/verdict.py`.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Literal, NamedTuple

import pandas as pd

from analysis.run import Run, best_first, given_up, pending_finals, representatives
from analysis.statistics import comparisons, learning, samples
from analysis.statistics.baselines import Baseline, over_baselines
from analysis.statistics.comparisons import Comparisons
from analysis.statistics.samples import Spread

Kind = Literal["wins", "ties", "too_close", "too_few", "single", "interim", "failed"]
Earned = Literal["yes", "no", "not_shown", "unknown"]


class Score(NamedTuple):
    """What one strategy's finals come to.

    Attributes:
        mean: the mean test score over replicates.
        low: the lower end of its 95 % interval, NaN where nobody knows.
        high: the upper end.
        seeds: how many trainings were tested.
        replicates: how many searches they are of; where that is one, how many trainings.
    """

    mean: float
    low: float
    high: float
    seeds: int
    replicates: int


class Lead(NamedTuple):
    """How far the best is ahead of one other.

    Attributes:
        over: the first of those it cannot be told from, or else the runner-up.
        gap: the difference of the means, at least 0.
        low: the lower end of the gap's 95 % interval.
        high: the upper end.
        largest_p: the largest p of the best's comparisons with all others.
    """

    over: str
    gap: float
    low: float
    high: float
    largest_p: float


@dataclasses.dataclass(frozen=True)
class Evidence:
    """What a decision rests on where finals are done.

    Attributes:
        scores: by strategy, the best first; the untested are not among them.
        untested: who has no test result, in the experiment's order.
        cut_short: who was tested and not compared, since the budget left no whole search of it.
        too_few: who was tested and not compared for having too few replicates, or no predictions.
        lead: over whom, or None where there is nothing to compare or nobody knows how sure.
        more_replicates: by strategy of the group but the best, how many more of each would tell it
            from the best; infinite for more than 100.
        worse: who is less good than the best beyond chance, best first.
        multiply_adds: for one image, by strategy of the group where it is known.
        earned: whether recurrence earns its place: "yes" where every control that was tested is
            worse than a recurrent best beyond chance, "no" where the best is a control and
            everything recurrent is worse, "not_shown" where a control and something recurrent are
            both in the group, "unknown" where only one kind was tested or nobody knows how sure.
        searches: how many each strategy had. One search speaks of its designs alone.
        spread: how far the best moves from search to search; None for one search.
        still_rising: who of the group, or of those behind it, would reach the best by a third more
            training at the slope that its curve ended with: then who learns fastest was measured,
            and not who is best.
        baselines: the simple classifiers, the best first, and how far the best is ahead of each.
        limited: whether the budget ended before the search or the finals were done.
        given_up: by strategy, for how many final trainings it left no time.
    """

    scores: dict[str, Score]
    untested: tuple[str, ...]
    lead: Lead | None
    more_replicates: dict[str, float]
    worse: tuple[str, ...]
    multiply_adds: dict[str, float]
    earned: Earned
    searches: int = 1
    spread: Spread | None = None
    still_rising: tuple[str, ...] = ()
    baselines: tuple[Baseline, ...] = ()
    cut_short: tuple[str, ...] = ()
    too_few: tuple[str, ...] = ()
    limited: bool = False
    given_up: dict[str, int] = dataclasses.field(default_factory=dict)

    @property
    def replicate(self) -> str:
        """What the evidence is counted in.

        >>> Evidence({}, (), None, {}, (), {}, "unknown", searches=3).replicate
        'search'
        """
        return "search" if self.searches > 1 else "seed"

    @property
    def needed(self) -> float:
        """How many more replicates would tell from the best all of the group that some can tell.

        0 for a winner, infinite where no number tells any.

        >>> needed = {"lines": 4.0, "patches": 9.0, "sweeps": math.inf}
        >>> Evidence({}, (), None, needed, (), {}, "unknown").needed
        9.0
        """
        known = [number for number in self.more_replicates.values() if math.isfinite(number)]
        return max(known, default=math.inf if self.more_replicates else 0.0)


@dataclasses.dataclass(frozen=True)
class Unfinished:
    """What there is before the finals are done.

    Attributes:
        wanted: how many final trainings there will be.
        done: how many have ended.
        score: the best validation score so far, NaN before the first.
        epoch: after how many epochs it was reached; 0 before the first.
        untried: who has not begun, in the experiment's order; empty before the first trial.
    """

    wanted: int
    done: int
    score: float
    epoch: int
    untried: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Failed:
    """Why there is no answer.

    Attributes:
        what: what failed.
        count: how many.
        reason: the most frequent message's first line, as recorded; empty where none was.
    """

    what: Literal["trial", "final training"]
    count: int
    reason: str


@dataclasses.dataclass(frozen=True)
class Decision:
    """The answer.

    Attributes:
        kind: `wins`, `ties`, `too_close` (more replicates, of a number that can be had, would be
            expected to tell), `too_few` (nothing with three replicates to compare), `single`
            (nothing to compare with), `interim` (not finished) or `failed`.
        best: the strategy with the best mean test score of those compared (validation score where
            interim), or None. It has won only where kind is `wins`.
        group: every strategy that may be the best as far as the test shows, `best` first; one name
            for `wins`, none before the test.
        why: what it rests on.
    """

    kind: Kind
    best: str | None
    group: tuple[str, ...]
    why: Evidence | Unfinished | Failed


def decide(run: Run, compared: Comparisons | None = None) -> Decision:
    """Decides what a run shows.

    Args:
        run: the run, of one data set.
        compared: what `comparisons.compare` says of it, where that is known already.

    >>> from analysis.example import example
    >>> decision = decide(example(patches=0.5, lines=0.9))
    >>> decision.kind, decision.group, decision.why.worse
    ('wins', ('lines',), ('patches',))
    """
    completed = int((run.trials.status == "completed").sum())
    running = int((run.trials.status == "running").sum())
    if not completed and not running and len(run.trials):
        return _failed(run.trials, "trial")
    if not completed or pending_finals(run).any() or run.experiment.final_seeds < 1:
        return _interim(run)
    compared = compared or comparisons.compare(run)
    tested = [str(name) for name in compared.summary.index if compared.summary.seeds[name] > 0]
    if not tested:
        return _failed(run.finals, "final training")
    against = compared.against_best
    best = (*compared.judged, *tested)[0]
    group = (best, *(str(name) for name in against.index if not against.significant[name]))
    kind = _kind(against, group, tested)
    return Decision(kind, best, group, _tested(run, compared, tested, group))


def _kind(against: pd.DataFrame, group: tuple[str, ...], tested: list[str]) -> Kind:
    if against.empty:
        return "single" if len(tested) == 1 else "too_few"
    if len(group) == 1:
        return "wins"
    # Where a number of replicates that can be had would tell one from the best, the question is
    # open; where none would, they are as good as each other for all that anyone can find out.
    needed = against.more_replicates[list(group[1:])]
    return "ties" if needed.map(math.isinf).all() else "too_close"


def _tested(run: Run, compared: Comparisons, tested: list[str], group: tuple[str, ...]) -> Evidence:
    against = compared.against_best
    cut_short = [name for name in tested if name in comparisons.cut_short(run)]
    others = [name for name in tested if name not in (*compared.judged, *cut_short)]
    frame = compared.summary
    adds = representatives(run).multiply_adds.reindex(list(group)).dropna()
    return Evidence(
        scores={name: _score(frame.loc[name]) for name in tested},
        untested=tuple(n for n in run.experiment.strategies if n not in tested),
        lead=None if against.empty else _lead(against, group),
        more_replicates={name: float(against.more_replicates[name]) for name in group[1:]},
        worse=tuple(str(name) for name in against.index if name not in group),
        multiply_adds={str(name): float(number) for name, number in adds.items()},
        earned=earned(list(compared.judged), group, run.controls),
        searches=int(run.finals.iteration.nunique()),
        spread=samples.spread(run, group[0]),
        still_rising=_still_rising(run, frame["mean"], list(compared.judged)),
        baselines=tuple(over_baselines(run, group[0])),
        cut_short=tuple(cut_short),
        too_few=tuple(others) if len(tested) > 1 else (),
        limited=not run.searches.whole.all() or bool(given_up(run)),
        given_up=given_up(run),
    )


def _still_rising(run: Run, means: pd.Series, tested: list[str]) -> tuple[str, ...]:
    """Returns who would turn the order, if both went on as they ended; the best first."""
    if not tested:
        return ()
    better, rises = run.experiment.objective.better, learning.rising(run)
    best = tested[0]
    own = max(rises.rise[best], 0.0) if not math.isnan(rises.rise[best]) else 0.0
    return tuple(
        name
        for name in tested[1:]
        # Surely rising, and by more than what it is behind and the best would gain meanwhile.
        if rises.low[name] > 0
        and rises.rise[name] - own > better(means[best]) - better(means[name])
    )


def _score(row: Any) -> Score:
    return Score(
        mean=float(row["mean"]),
        low=float(row.low),
        high=float(row.high),
        seeds=int(row.seeds),
        replicates=int(row.replicates),
    )


def _lead(against: pd.DataFrame, group: tuple[str, ...]) -> Lead:
    second = group[1] if len(group) > 1 else str(against.index[0])
    row: Any = against.loc[second]
    return Lead(
        over=second,
        gap=-float(row.difference),
        low=-float(row.high),
        high=-float(row.low),
        largest_p=float(against.p.max()),
    )


def earned(tested: list[str], group: tuple[str, ...], controls: tuple[str, ...]) -> Earned:
    """Returns whether recurrence earns its place, as `Evidence.earned` says.

    Args:
        tested: who was compared.
        group: who may be the best, the most accurate first.
        controls: who has no recurrence; there may be several, and a tie with any counts.

    >>> earned(["lines", "cnn", "mlp"], ("lines", "mlp"), ("cnn", "mlp"))
    'not_shown'
    >>> earned(["lines", "cnn", "mlp"], ("cnn", "mlp"), ("cnn", "mlp"))
    'no'
    """
    if len({name in controls for name in tested}) < 2:
        return "unknown"
    kinds = {name in controls for name in group}
    return "not_shown" if len(kinds) == 2 else "no" if kinds == {True} else "yes"


def _interim(run: Run) -> Decision:
    standing = representatives(run)
    pending = pending_finals(run)
    wanted = int(pending.sum()) + len(run.finals)
    best, score, epoch = None, math.nan, 0
    if len(standing):
        best = str(best_first(standing, run.experiment.objective).index[0])
        score, epoch = float(standing.score[best]), int(standing.last_epoch[best])
    tried = set(run.trials.strategy)
    untried = tuple(n for n in run.experiment.strategies if tried and n not in tried)
    done = len(run.finals)
    return Decision("interim", best, (), Unfinished(wanted, done, score, epoch, untried))


def _failed(rows: pd.DataFrame, what: Literal["trial", "final training"]) -> Decision:
    reasons = rows.message.fillna("").map(first_line).value_counts()
    return Decision("failed", None, (), Failed(what, len(rows), str(reasons.index[0])))


def first_line(message: str) -> str:
    r"""Returns the first line of a failure's message that holds anything, or nothing.

    >>> first_line(" \nout of memory\nin detail")
    'out of memory'
    """
    return next((line.strip() for line in message.splitlines() if line.strip()), "")
