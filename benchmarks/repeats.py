"""Do runs contradict each other that differ in their seed, or in how long they train?

    python -m benchmarks.repeats RUN [RUN ...] [--longer RUN ...]

A claim is a pair of strategies that a run's verdict tells apart, by the comparison of the best with
each other, or by that of every two (both corrected for the number of comparisons, and for the
looks). Two runs contradict each other where one puts A above B and the other B above A. Of runs
that train longer, each is held against that of its seed: which claims stay, go, come or turn round.
"""

from __future__ import annotations

import argparse
import collections
import itertools
from collections.abc import Iterable, Sequence

import pandas as pd

from analysis import Run, load_run
from analysis.statistics.comparisons import Comparisons, compare, pairwise
from analysis.statistics.decision import decide

Claims = frozenset[tuple[str, str]]
"""(better, worse) pairs."""


def claims(run: Run) -> Claims:
    """Returns which strategies a run puts above which.

    >>> from analysis.example import example
    >>> sorted(claims(example(lines=0.9, patches=0.5)))
    [('lines', 'patches')]
    """
    return claims_of(run, compare(run))


def claims_of(run: Run, compared: Comparisons) -> Claims:
    """Returns the same, of a run that has been compared: that draws thousands of samples."""
    asked = run.experiment
    pairs = pairwise(run.finals, run.test_labels, compared.judged, asked.metric, asked.level)
    told = pairs[pairs.significant]
    found = {*zip(told.strategy, told.other, strict=True)}
    against = compared.against_best
    found |= {(compared.judged[0], str(name)) for name in against.index[against.significant]}
    return frozenset(found)


def contradictions(found: Iterable[Claims]) -> Claims:
    """Returns the pairs that one puts one way round and another the other, better by name first.

    >>> sorted(contradictions([frozenset({("a", "b")}), frozenset({("b", "a"), ("a", "c")})]))
    [('a', 'b')]
    """
    every = frozenset(itertools.chain(*found))
    return frozenset((one, other) for one, other in every if (other, one) in every and one < other)


def held_against(before: Claims, after: Claims) -> dict[str, int]:
    """Returns what became of claims.

    >>> held_against(frozenset({("a", "b"), ("a", "c")}), frozenset({("b", "a"), ("b", "c")}))
    {'kept': 0, 'withdrawn': 1, 'added': 1, 'turned round': 1}
    """
    turned = {pair for pair in before if pair[::-1] in after}
    return {
        "kept": len(before & after),
        "withdrawn": len(before - after - turned),
        "added": len(after - before - {pair[::-1] for pair in turned}),
        "turned round": len(turned),
    }


def leaders(compared: Iterable[Comparisons]) -> collections.Counter[str]:
    """Counts who has the highest mean."""
    return collections.Counter(each.judged[0] for each in compared)


def row(run: Run, compared: Comparisons, claimed: Claims) -> list[str]:
    """What one run says: its seed, verdict, who may be the best, the claims, the accuracies."""
    found = decide(run, compared)
    means: pd.Series = compared.summary["mean"]
    may_be = [found.best, *found.group] if found.group else [found.best]
    return [
        str(run.experiment.seed),
        found.kind,
        ", ".join(dict.fromkeys(filter(None, may_be))),
        str(len(claimed)),
        ", ".join(f"{name} {100 * means[name]:.1f}" for name in compared.judged),
    ]


def table(runs: Sequence[Run]) -> str:
    """Returns the runs as a table in Markdown, and how they agree."""
    compared = [compare(run) for run in runs]
    claimed = [claims_of(run, each) for run, each in zip(runs, compared, strict=True)]
    lines = [
        "| seed | verdict | may be the best | pairs told apart | test accuracy, % |",
        "| ---: | :--- | :--- | ---: | :--- |",
        *(f"| {' | '.join(row(*each))} |" for each in zip(runs, compared, claimed, strict=True)),
    ]
    against = sorted(contradictions(claimed))
    led = ", ".join(f"{name} {count}" for name, count in leaders(compared).most_common())
    said = ", ".join(f"{one} and {other}" for one, other in against) or "none"
    return "\n".join([*lines, "", f"Leads: {led}. Pairs put both ways round: {said}."])


def main() -> None:
    """Prints the tables in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", metavar="RUN", nargs="+")
    parser.add_argument("--longer", metavar="RUN", nargs="+", default=[])
    options = parser.parse_args()
    runs, longer = ([load_run(path) for path in paths] for paths in (options.run, options.longer))
    print(table(runs))
    if not longer:
        return
    print("\n" + table(longer))
    before = {run.experiment.seed: claims(run) for run in runs}
    total = collections.Counter[str]()
    for run in longer:
        total.update(held_against(before[run.experiment.seed], claims(run)))
    print("\nOf the claims: " + ", ".join(f"{count} {what}" for what, count in total.items()))


if __name__ == "__main__":
    main()
