"""Do verdicts repeat? Recorded searches, drawn again and again, and judged as a report judges.

    python run_search.py --iterations 40 --most-iterations 40 --out runs/pool
    python -m benchmarks.pools runs/pool [--draws 1000]
    python -m benchmarks.pools runs/pool --record pool.npz
    python -m benchmarks.pools pool.npz runs/other [--plans]

Any run will do whose strategies were searched often, each time on its own: those are the pool. A
record holds what is drawn from, and stands for its run. Runs of one plan on the same test images,
which differ in their seed, are one pool: so a long measurement can be made in parts.

**A strategy against itself.** A draw takes searches of one strategy, none twice, and as many others
for a copy of it under another name; the verdict should not tell them apart. With three each, as
where trainings are costly, with five, and as a search does by default: with up to ten while both
may be the best by validation.

**Coverage.** A draw takes three searches, five, or ten, of one strategy and as many test images as
there are, with replacement. The interval for the strategy's mean should hold the mean of the whole
pool over all images in 95 of 100 draws.

**Plans.** Of several runs, which differ in how long their trainings are: how far one search differs
from the next, and what a search costs.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

from analysis import Run, load_run
from analysis.statistics import intervals, samples
from benchmarks.looks import FIRST, MOST, searched, told_from_best
from search import looks
from search.metric import ACCURACY
from search.plan import COSTLY_SEARCHES
from search.ranking import finalists_of_iterations
from search.store import Store

COPY = "copy"
FEWEST = COSTLY_SEARCHES


class Pool(NamedTuple):
    """What is known of a strategy's searches.

    Attributes:
        test: of each search's finalist, the share of its trainings that classify a test image
            correctly, (searches, test images).
        validation: the finalist's validation score, (searches,).
        seconds: what its search took, finals without, (searches,).
    """

    test: np.ndarray
    validation: np.ndarray
    seconds: np.ndarray


@dataclasses.dataclass(frozen=True)
class Record:
    """Searches of one plan.

    Attributes:
        plan: what every search of it shares: the data set, the epochs, and so on.
        seeds: of the runs that it comes from.
        labels: the test images' classes, (test images,).
        pools: of each strategy.
    """

    plan: dict[str, Any]
    seeds: tuple[int, ...]
    labels: np.ndarray
    pools: dict[str, Pool]


PLAN = (
    *("dataset_name", "train_limit", "batch_size", "min_epochs", "max_epochs", "factor"),
    "configurations",
    "epochs_of_finals",
    "final_seeds",
)


def recorded(run: Run) -> Record:
    """Returns what is drawn from, of a run."""
    asked = run.experiment
    names = asked.strategies
    test = samples.samples(run.finals, run.test_labels, names, ACCURACY)
    best = finalists_of_iterations(Store(run.path).trials(), ACCURACY)
    tested = samples.completed(run.finals)
    seconds = (run.trials.train_seconds + run.trials.setup_seconds).groupby(
        [run.trials.strategy, run.trials.iteration]
    )
    found = {}
    for name in names:
        iterations = np.unique(tested.iteration[tested.strategy == name])
        scores = [best[name, int(iteration)].score for iteration in iterations]
        found[name] = Pool(
            test[name],
            np.array(scores, dtype=float),
            seconds.sum()[name][iterations].to_numpy(dtype=float),
        )
    assert run.test_labels is not None
    plan = {part: getattr(asked, part) for part in PLAN}
    return Record(plan, (asked.seed,), run.test_labels, found)


def save(record: Record, path: Path) -> None:
    """Writes a record. A share of trainings is kept as how many of them."""
    arrays: dict[str, Any] = {
        "plan": np.array(json.dumps(record.plan)),
        "seeds": np.array(record.seeds),
        "labels": record.labels,
    }
    for name, pool in record.pools.items():
        right = np.rint(pool.test * record.plan["final_seeds"]).astype(np.uint8)
        arrays |= {f"{name}.right": right}
        arrays |= {f"{name}.validation": pool.validation, f"{name}.seconds": pool.seconds}
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays)


def load(path: Path) -> Record:
    """Reads a record, or makes that of a run."""
    if path.is_dir():
        return recorded(load_run(path))
    with np.load(path, allow_pickle=False) as arrays:
        plan = json.loads(str(arrays["plan"]))
        names = [key.removesuffix(".right") for key in arrays if key.endswith(".right")]
        pools = {
            name: Pool(
                arrays[f"{name}.right"] / plan["final_seeds"],
                arrays[f"{name}.validation"],
                arrays[f"{name}.seconds"],
            )
            for name in names
        }
        return Record(plan, tuple(arrays["seeds"].tolist()), arrays["labels"], pools)


def together(records: Sequence[Record]) -> list[Record]:
    """Puts the searches of one plan on the same test images into one pool."""
    merged: list[Record] = []
    for record in records:
        for number, other in enumerate(merged):
            if record.plan == other.plan and np.array_equal(record.labels, other.labels):
                if {*record.seeds} & {*other.seeds}:
                    raise SystemExit(f"the same searches twice: seeds {record.seeds}")
                pools = {
                    name: Pool(*map(np.concatenate, zip(pool, record.pools[name], strict=True)))
                    for name, pool in other.pools.items()
                }
                merged[number] = Record(other.plan, other.seeds + record.seeds, other.labels, pools)
                break
        else:
            merged.append(record)
    return merged


def told_apart(one: Pool, other: Pool | None, most: int, generator: np.random.Generator) -> bool:
    """Returns whether a draw of two strategies, or of one and its copy, is told apart."""
    order = generator.permutation(len(one.test))
    if other is None:
        pair = {"one": (one, order[:most]), COPY: (one, order[most : 2 * most])}
    else:
        pair = {
            "one": (one, order[:most]),
            "other": (other, generator.permutation(len(other.test))),
        }
    level = looks.level(FIRST, most)
    validation = {name: pool.validation[mine] for name, (pool, mine) in pair.items()}
    granted = searched(validation, most, level)
    drawn = {name: pool.test[mine[: granted[name]]] for name, (pool, mine) in pair.items()}
    return bool(told_from_best(drawn, level).any())


def covered(pool: Pool, count: int, generator: np.random.Generator) -> bool:
    """Returns whether the interval from a draw of so many searches holds the pool's mean."""
    searches = generator.permutation(len(pool.test))[:count]
    images = generator.integers(0, pool.test.shape[1], pool.test.shape[1])
    drawn = intervals.bootstrap([pool.test[np.ix_(searches, images)]], generator, 1000)
    low, high = intervals.percentiles(drawn)[:, 0]
    return bool(low <= pool.test.mean() <= high)


def share(hits: int, draws: int) -> str:
    """Returns a share in percent with its exact 95 % interval."""
    found = stats.binomtest(hits, draws).proportion_ci(method="exact")
    return f"{100 * hits / draws:.1f} ({100 * found.low:.1f} to {100 * found.high:.1f})"


def table(found: Mapping[str, Pool], draws: int, seed: int = 0) -> str:
    """Returns as Markdown what the draws come to."""
    lines = [
        "| strategy | searches | accuracy, % (± SD over searches) "
        f"| against itself, {FEWEST} searches: told apart, % | {FIRST} searches "
        f"| {FIRST} to {MOST} | coverage, {FEWEST} searches, % | {FIRST} | {MOST} |",
        "| :--- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, pool in found.items():
        generator = np.random.default_rng([seed, *map(ord, name)])
        means = 100 * pool.test.mean(axis=1)
        cells = [f"{len(means)}", f"{means.mean():.2f} ± {means.std(ddof=1):.2f}"]
        for most in (FEWEST, FIRST, MOST):
            told = sum(told_apart(pool, None, most, generator) for _ in range(draws))
            cells.append(share(told, draws))
        for count in (FEWEST, FIRST, MOST):
            cells.append(share(sum(covered(pool, count, generator) for _ in range(draws)), draws))
        lines.append(f"| `{name}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def plans(records: Sequence[Record]) -> str:
    """Returns as Markdown what searches of several plans come to, and what one takes."""
    lines = [
        "| data set | epochs | strategy | searches | accuracy, % (± SD over searches) "
        "| worst to best | seconds a search, finals without |",
        "| :--- | ---: | :--- | ---: | ---: | ---: | ---: |",
    ]
    for record in records:
        asked = record.plan
        for name, pool in record.pools.items():
            means = 100 * pool.test.mean(axis=1)
            lines.append(
                f"| {asked['dataset_name']} | {asked['min_epochs']} to {asked['max_epochs']} "
                f"| `{name}` | {len(means)} | {means.mean():.2f} ± {means.std(ddof=1):.2f} "
                f"| {means.min():.1f} to {means.max():.1f} | {pool.seconds.mean():.0f} |"
            )
    return "\n".join(lines)


def main() -> None:
    """Prints the table of each pool, or of their plans."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("runs", nargs="+", type=Path, help="runs or records of many searches each")
    parser.add_argument("--draws", type=int, default=1000)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--plans", action="store_true", help="compare the plans")
    what.add_argument("--record", type=Path, metavar="FILE", help="write the record of a run")
    options = parser.parse_args()
    records = together([load(path) for path in options.runs])
    if options.record:
        (record,) = records
        save(record, options.record)
    elif options.plans:
        print(plans(records))
    else:
        for record in records:
            fewest = min(len(pool.test) for pool in record.pools.values())
            if fewest < 2 * MOST:
                raise SystemExit(f"{record.plan}: a strategy has fewer than {2 * MOST} searches")
            print(table(record.pools, options.draws))


if __name__ == "__main__":
    main()
