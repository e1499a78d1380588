"""What searches by other plans come to, on recorded curves: how good, how alike, how dear.

    python -m benchmarks.plans benchmarks/records/curves_*.npz [--draws 600]

A search draws recorded configurations, none twice where there are enough, and runs through the
brackets of a plan. Measured are, by strategy and then averaged over strategies: how much less its
finalist is worth than the best there is, and how far one search differs from the next; for all
strategies together what a search takes with one final of each; and how often the strategy of the
highest mean over five searches is a right one, whose best is within a point of the best of all.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.curves import Curves
from benchmarks.replay import FIVE, POINT, the_world
from benchmarks.simulated import World
from search.hyperband import brackets
from search.hyperband.brackets import Rung
from search.plan import SEARCHES

Plan = Mapping[int, tuple[Rung, ...]]
FACTOR = 3


def compared(epochs: int) -> dict[str, Plan]:
    """Returns the plans that are compared, where a full training has so many epochs."""
    ninth, least = max(1, epochs // 9), max(1, epochs // 27)
    found: dict[str, Plan] = {}
    for longest, shortest in ((epochs, ninth), (epochs, least), (epochs // 9, least)):
        for size in (None, 9, 12, 18, 27):
            plan = brackets.plan(longest, FACTOR, shortest, size)
            tried = sum(rungs[0].size for rungs in plan.values())
            said = f"{tried}" if size else f"all brackets: {tried}"
            found[f"{said}, {shortest} to {longest}"] = plan
    return found


def search(curves: Curves, plan: Plan, generator: np.random.Generator) -> tuple[int, float]:
    """Searches a strategy once.

    Args:
        curves: the strategy's.
        plan: bracket to its rungs.
        generator: draws the configurations.

    Returns:
        Which configuration is the finalist, and the seconds of all set-ups and epochs.
    """
    sizes = [rungs[0].size for rungs in plan.values()]
    known = len(curves.accuracy)
    drawn = generator.choice(known, sum(sizes), replace=sum(sizes) > known)
    latest: dict[int, float] = {}
    seconds = 0.0
    for rungs, going in zip(plan.values(), np.split(drawn, np.cumsum(sizes)[:-1]), strict=True):
        for rung in rungs:
            going = going[: rung.size]
            scores = curves.accuracy[going, rung.last_epoch - 1]
            latest.update(zip(going.tolist(), scores.tolist(), strict=True))
            took = curves.setup_seconds[going] + rung.epochs * curves.epoch_seconds[going]
            seconds += float(took.sum())
            going = going[np.argsort(-scores, kind="stable")]
    return max(latest, key=lambda place: latest[place]), seconds


def measure(world: World, plan: Plan, draws: int, seed: int = 0) -> tuple[float, ...]:
    """Returns what searches by a plan come to.

    Returns:
        In points how far behind the best a finalist is and the deviation over searches, mean over
        strategies; the seconds of a search of all, a final of each included; the share of right
        strategies named.
    """
    generator = np.random.default_rng(seed)
    worth, seconds = {}, 0.0
    for name, curves in world.curves.items():
        found = [search(curves, plan, generator) for _ in range(draws)]
        places = [place for place, _ in found]
        finals = curves.setup_seconds[places] + world.epochs * curves.epoch_seconds[places]
        seconds += float(np.mean([took for _, took in found]) + finals.mean())
        worth[name] = world.truth(name)[places]
    best = {name: float(world.truth(name).max()) for name in worth}
    means = {name: generator.choice(worth[name], (draws, SEARCHES)).mean(axis=1) for name in worth}
    right = np.array([best[name] >= world.best - POINT for name in worth])
    named = np.array([*means.values()]).argmax(axis=0)
    behind = np.mean([100 * (best[name] - worth[name].mean()) for name in worth])
    spread = np.mean([100 * worth[name].std(ddof=1) for name in worth])
    return float(behind), float(spread), seconds, float(right[named].mean())


def table(world: World, draws: int) -> str:
    """Returns the plans' figures in Markdown."""
    lines = [
        "| configurations, epochs | behind the best, points | SD over searches | seconds a search "
        f"| the right strategy named by {SEARCHES} searches, % |",
        "| :--- | ---: | ---: | ---: | ---: |",
    ]
    for name, plan in compared(world.epochs).items():
        behind, spread, seconds, right = measure(world, plan, draws)
        cells = f"{behind:.2f} | {spread:.2f} | {seconds:.0f} | {100 * right:.0f}"
        lines.append(f"| {name} | {cells} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints a table a record."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("records", nargs="+", type=Path)
    parser.add_argument("--draws", type=int, default=600)
    options = parser.parse_args(arguments)
    for record in options.records:
        print(f"\n## {record.stem}\n\n{table(the_world(record, FIVE), options.draws)}")


if __name__ == "__main__":
    main()
