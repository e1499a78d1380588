"""Is a strategy declared different from its own copy? And a strategy that is worse from a better?

    python -m benchmarks.a_against_a [--repetitions 200] [--out runs/a-against-a]

First a run is recorded: a small search of the digits with two strategies, each of whose finalists
is trained on 48 seeds and tested, by the program itself. Everything after that resamples what these
trainings named, and the report's own verdict judges it.

A repetition draws six of a strategy's 48 seeds without replacement. Three are the strategy's, three
are those of its copy under another name: trainings of the same design that share nothing but the
images, as a copy in a search would be. The verdict should call them a tie; to name a winner is a
mistake, of which 5 in 100 are allowed. The repetitions draw from the same 48 trainings, so they
are less independent than 200 searches would be.

A test that never names a winner would pass. So the copy is also made worse, by a gap that is known:
each image that one of its three seeds classifies correctly is spoilt with such a probability that
the accuracy falls by the gap in expectation. And the two strategies, whose gap is known from 48
seeds each, compete as they are.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from analysis import Run, load_run
from analysis.formatting import plural
from analysis.run import pending_finals
from analysis.statistics.comparisons import compare
from analysis.statistics.decision import Decision, decide
from benchmarks.searches import complete_all
from search.experiment import Experiment

RECORDED = Experiment(
    "digits", ("lines", "cnn_lines"), max_epochs=3, factor=4, final_seeds=48, seed=0
)
SEEDS = 3
"""A side, as many as a search's finals have unless told otherwise."""
GAPS = (0.01, 0.02, 0.04, 0.08)
COPY = "copy"


class Contest(NamedTuple):
    """Two sides of which one is at least as good.

    Attributes:
        better: a strategy of the recorded run.
        other: another, or None for a copy of the same.
        gap: by how much accuracy the copy is made worse.
    """

    better: str
    other: str | None = None
    gap: float = 0.0


def recorded(finals: pd.DataFrame, strategy: str) -> np.ndarray:
    """Returns the classes that a strategy's trainings named, shape (seeds, test images)."""
    return np.stack(list(finals.predictions[finals.strategy == strategy]))


def spoilt(
    named: np.ndarray, labels: np.ndarray, gap: float, rng: np.random.Generator
) -> np.ndarray:
    """Spoils what is classified correctly, each with the same probability: in expectation `gap`."""
    correct = named == labels
    spoil = correct & (rng.random(named.shape) < gap / correct.mean())
    return np.where(spoil, (labels + 1) % (labels.max() + 1), named)


def repetition(run: Run, contest: Contest, rng: np.random.Generator) -> Run:
    """Returns the run as if three seeds of each side were all that was tested."""
    labels = run.test_labels
    assert labels is not None
    first = recorded(run.finals, contest.better)
    if contest.other:
        second = recorded(run.finals, contest.other)
        sides = {
            contest.better: first[rng.permutation(len(first))[:SEEDS]],
            contest.other: second[rng.permutation(len(second))[:SEEDS]],
        }
    else:
        drawn = rng.permutation(len(first))[: 2 * SEEDS]
        worse = spoilt(first[drawn[SEEDS:]], labels, contest.gap, rng)
        sides = {contest.better: first[drawn[:SEEDS]], COPY: worse}
    order = list(sides) if rng.random() < 0.5 else list(sides)[::-1]  # no side is always first
    finals = [
        {
            "dataset": run.experiment.dataset_name, "strategy": name, "trial_id": contest.better,
            "seed": seed, "status": "completed", "test_score": np.mean(classes == labels),
            "predictions": classes, "iteration": 0,
        }
        for name in order
        for seed, classes in enumerate(sides[name])
    ]  # fmt: skip
    trials = run.trials[run.trials.strategy == contest.better]
    trials = pd.concat([trials.assign(strategy=name) for name in order], ignore_index=True)
    experiment = dataclasses.replace(run.experiment, strategies=tuple(order), final_seeds=SEEDS)
    return dataclasses.replace(
        run, experiment=experiment, trials=trials, finals=pd.DataFrame(finals)
    )


def decision(run: Run) -> Decision:
    """Returns what the report would decide; few draws, since its kind does not come from them."""
    return decide(run, compare(run, draws=100))


def declared(run: Run, contest: Contest, repetitions: int, seed: int = 0) -> list[str | None]:
    """Returns whom the verdict names the winner in each repetition; None where nobody wins."""
    rng = np.random.default_rng([seed, *map(ord, "".join(map(str, contest)))])
    decisions = (decision(repetition(run, contest, rng)) for _ in range(repetitions))
    return [found.best if found.kind == "wins" else None for found in decisions]


def contests(run: Run) -> dict[str, Contest]:
    """Returns what is tried on a recorded run, by what is said of it in the table."""
    means = run.finals.groupby("strategy").test_score.mean().sort_values(ascending=False)
    found = {f"{name} against its copy": Contest(name) for name in means.index}
    best, *others = means.index
    for gap in GAPS:
        points = plural(round(100 * gap), "point")
        found[f"{best} against a copy made {points} worse"] = Contest(best, None, gap)
    for other in others:
        gap = 100 * (means[best] - means[other])
        found[f"{best} against {other}, {gap:.1f} points worse over 48 seeds"] = Contest(
            best, other
        )
    return found


def table(run: Run, repetitions: int) -> str:
    """Returns as Markdown how often each side of each contest was named the winner."""
    lines = [
        "| contest | declared different | 95 % interval | the better named | the worse named |",
        "| :--- | ---: | ---: | ---: | ---: |",
    ]
    for title, contest in contests(run).items():
        named = declared(run, contest, repetitions)
        different = sum(name is not None for name in named)
        better = sum(name == contest.better for name in named)
        interval = stats.binomtest(different, repetitions).proportion_ci(method="exact")
        lines.append(
            f"| {title} | {different} of {repetitions} | {100 * interval.low:.1f} to "
            f"{100 * interval.high:.1f} % | {better} | {different - better} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Records the run, unless it is there, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repetitions", type=int, default=200)
    parser.add_argument("--out", type=Path, default=Path("runs/a-against-a"))
    options = parser.parse_args()
    if not options.out.exists() or pending_finals(load_run(options.out)).any():
        options.out.parent.mkdir(parents=True, exist_ok=True)
        list(complete_all([(options.out, RECORDED)]))
    run = load_run(options.out)
    labels = run.test_labels
    assert labels is not None  # its finals are done
    for name, of in run.finals.groupby("strategy").test_score:
        print(
            f"{name}: {100 * of.mean():.1f} ± {100 * of.std():.1f} % over {len(of)} seeds, "
            f"{len(labels)} test images"
        )
    print(table(run, options.repetitions))


if __name__ == "__main__":
    main()
