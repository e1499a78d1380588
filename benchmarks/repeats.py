"""Do runs contradict each other that differ in their seed, or in how long they train?

    python -m benchmarks.repeats RUN [RUN ...] [--longer RUN ...]
    python -m benchmarks.repeats RUN [RUN ...] --record verdicts.jsonl
    python -m benchmarks.repeats verdicts.jsonl [--longer RUN ...]

A claim is a pair of strategies that a run's verdict tells apart, by the comparison of the best with
each other, or by that of every two (both corrected for the number of comparisons, and for the
looks). Two runs contradict each other where one puts A above B and the other B above A. Of runs
that train longer, each is held against that of its seed: which claims stay, go, come or turn round.

A record holds a line a run: what its verdict says. It stands for its runs, so a long measurement
can be made in parts.
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import itertools
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from analysis import Run, load_run
from analysis.statistics.comparisons import Comparisons, compare, pairwise
from analysis.statistics.decision import decide

Claims = frozenset[tuple[str, str]]
"""(better, worse) pairs."""


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What a run says.

    Attributes:
        dataset: its name.
        seed: of the run.
        kind: of the decision.
        may_be_best: those that may be, the leader first.
        claims: who is put above whom.
        means: strategy to its test accuracy, the highest first.
    """

    dataset: str
    seed: int
    kind: str
    may_be_best: tuple[str, ...]
    claims: Claims
    means: dict[str, float]

    @property
    def leader(self) -> str:
        """Who has the highest mean."""
        return next(iter(self.means))


def verdict(run: Run) -> Verdict:
    """Returns what a run says.

    >>> from analysis.example import example
    >>> sorted(verdict(example(lines=0.9, patches=0.5)).claims)
    [('lines', 'patches')]
    """
    compared = compare(run)
    found = decide(run, compared)
    may_be = [found.best, *found.group] if found.group else [found.best]
    means = compared.summary["mean"]
    return Verdict(
        run.experiment.dataset_name,
        run.experiment.seed,
        found.kind,
        tuple(dict.fromkeys(name for name in may_be if name)),
        claims(run, compared),
        {name: round(float(means[name]), 6) for name in compared.judged},
    )


def claims(run: Run, compared: Comparisons) -> Claims:
    """Returns which strategies a run puts above which."""
    asked = run.experiment
    pairs = pairwise(run.finals, run.test_labels, compared.judged, asked.objective, asked.level)
    told = pairs[pairs.significant]
    found = {*zip(told.strategy, told.other, strict=True)}
    against = compared.against_best
    found |= {(compared.judged[0], str(name)) for name in against.index[against.significant]}
    return frozenset(found)


def load(path: Path) -> list[Verdict]:
    """Returns what a run says, or every run of a record."""
    if path.is_dir():
        return [verdict(load_run(path))]
    rows = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return [
        Verdict(
            **row
            | {
                "may_be_best": tuple(row["may_be_best"]),
                "claims": frozenset(map(tuple, row["claims"])),
            }
        )
        for row in rows
    ]


def save(verdicts: Iterable[Verdict], path: Path) -> None:
    """Writes a record."""
    rows = (vars(each) | {"claims": sorted(each.claims)} for each in verdicts)
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")


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


def row(found: Verdict) -> str:
    """What one run says: its seed, verdict, who may be the best, the claims, the accuracies."""
    cells = [
        str(found.seed),
        found.kind,
        ", ".join(found.may_be_best),
        str(len(found.claims)),
        ", ".join(f"{name} {100 * mean:.1f}" for name, mean in found.means.items()),
    ]
    return f"| {' | '.join(cells)} |"


def table(verdicts: Sequence[Verdict]) -> str:
    """Returns the runs as a table in Markdown, and how they agree."""
    lines = [
        "| seed | verdict | may be the best | pairs told apart | test accuracy, % |",
        "| ---: | :--- | :--- | ---: | :--- |",
        *map(row, verdicts),
    ]
    against = sorted(contradictions(each.claims for each in verdicts))
    leaders = collections.Counter(each.leader for each in verdicts)
    led = ", ".join(f"{name} {count}" for name, count in leaders.most_common())
    said = ", ".join(f"{one} and {other}" for one, other in against) or "none"
    return "\n".join([*lines, "", f"Leads: {led}. Pairs put both ways round: {said}."])


def main() -> None:
    """Prints the tables in Markdown, or writes a record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", metavar="RUN", nargs="+", type=Path, help="a run, or a record")
    parser.add_argument("--longer", metavar="RUN", nargs="+", type=Path, default=[])
    parser.add_argument("--record", type=Path, metavar="FILE", help="write the record of the runs")
    options = parser.parse_args()
    runs, longer = (
        [verdict for path in paths for verdict in load(path)]
        for paths in (options.run, options.longer)
    )
    if options.record:
        save(runs, options.record)
        return
    print(table(runs))
    if not longer:
        return
    print("\n" + table(longer))
    before = {(each.dataset, each.seed): each.claims for each in runs}
    total = collections.Counter[str]()
    for each in longer:
        total.update(held_against(before[each.dataset, each.seed], each.claims))
    print("\nOf the claims: " + ", ".join(f"{count} {what}" for what, count in total.items()))


if __name__ == "__main__":
    main()
