"""How often equal strategies are told apart, when a search looks several times: a simulation.

    python -m benchmarks.looks [--experiments 1000] [--seed 0]

Strategies that are equally good are searched 3 times each, then those that may be the best (as
`search.contenders` decides by validation scores) 3 times more, and again, up to 9. At the end the
finals are judged as in a report (`analysis.statistics.comparisons.against_best`), at Pocock's
level for three looks, and at 5 % as if there had been one. A search's finalist has an accuracy of
its own, and validation sees it with an error: the closer the two go together, the more stopping at
the right moment would flatter. Some strategies vary more than others from search to search.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from analysis.statistics import comparisons
from search import looks
from search.contenders import contenders
from search.metric import ACCURACY
from search.plan import LOOKS, SEARCHES

MEAN, IMAGES = 0.9, 500
FIRST, MOST = SEARCHES, LOOKS * SEARCHES
SPREADS = {
    "all 1 point": (0.01,),
    "all 5 points": (0.05,),
    "one 5 points, the others 0.5": (0.05, 0.005, 0.005, 0.005, 0.005),
}


def searched(validation: Mapping[str, np.ndarray], most: int, level: float) -> dict[str, int]:
    """Returns how many searches each strategy is given, from the validation scores of all."""
    granted, going = dict.fromkeys(validation, FIRST), tuple(validation)
    for number in looks.rounds(FIRST, most)[1:]:
        going = contenders(
            {name: validation[name][: granted[name]].tolist() for name in going}, level
        )
        if len(going) < 2:
            break
        granted.update(dict.fromkeys(going, number))
    return granted


def told_from_best(evidence: Mapping[str, np.ndarray], level: float) -> pd.Series:
    """Returns which of the strategies but the best the verdict tells from it."""
    best_first = sorted(evidence, key=lambda name: -float(evidence[name].mean()))
    judged = {name: evidence[name] for name in best_first}
    return comparisons.against_best(judged, ACCURACY, level).significant


def experiment(
    spreads: np.ndarray, agreement: float, level: float, generator: np.random.Generator
) -> tuple[bool, bool, int]:
    """Makes one experiment with strategies that are equal.

    Args:
        spreads: standard deviation of each strategy's finalists over searches, (strategies,).
        agreement: the correlation of a finalist's validation score with its true accuracy.
        level: of each look.
        generator: where randomness comes from.

    Returns:
        Whether one was told from the best, whether a winner was named, and the searches made.
    """
    names = [f"s{number}" for number in range(len(spreads))]
    own, other = generator.normal(size=(2, len(spreads), MOST))
    truth = dict(zip(names, MEAN + spreads[:, None] * own, strict=True))
    seen = MEAN + spreads[:, None] * (agreement * own + np.sqrt(1 - agreement**2) * other)
    validation = dict(zip(names, seen, strict=True))
    granted = searched(validation, MOST, level)
    difficulty = generator.random(IMAGES)
    evidence = {
        name: np.array([difficulty < accuracy for accuracy in truth[name][: granted[name]]])
        for name in names
    }
    told = told_from_best(evidence, level)
    return bool(told.any()), bool(told.all()), sum(granted.values())


def simulate(count: int, seed: int) -> list[list[Any]]:
    """Returns a row a kind of experiment: what it is, and what it comes to."""
    rows = []
    for strategies in (2, 5):
        for name, spreads in SPREADS.items():
            spread = np.resize(spreads, strategies)
            for agreement in (1.0, 0.5):
                cells: list[Any] = [strategies, name, agreement]
                for level in (looks.level(FIRST, MOST), 0.05):
                    generator = np.random.default_rng(seed)
                    found = [experiment(spread, agreement, level, generator) for _ in range(count)]
                    told, won, searches = np.mean(np.array(found, dtype=float), axis=0)
                    cells += [told, won, searches / strategies]
                rows.append(cells)
    return rows


def main() -> None:
    """Prints a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--experiments", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print(
        "| strategies, all equal | SD over searches | agreement of validation | told apart, % | "
        "winner named, % | searches each | told apart at 5 % a look, % | winner, % |\n"
        "| ---: | :--- | ---: | ---: | ---: | ---: | ---: | ---: |"
    )
    for strategies, name, agreement, *found in simulate(options.experiments, options.seed):
        told, won, searches, told_plain, won_plain, _ = found
        print(
            f"| {strategies} | {name} | {agreement:g} | {100 * told:.1f} | {100 * won:.1f} | "
            f"{searches:.1f} | {100 * told_plain:.1f} | {100 * won_plain:.1f} |"
        )


if __name__ == "__main__":
    main()
