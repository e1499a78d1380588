"""Do a search's best designs learn what a linear classifier knows, if they are given the time?

    python -m benchmarks.longer RUN [--epochs 15] [--seeds 3] [--strategies A,B]

A small search stops most strategies long before they have learned what they can. This takes the
best configuration that each strategy has in a run, finished or not, trains it from scratch for
more epochs on all of the run's training images, as the finals do, and tests it; beside it, scikit-
learn's logistic regression on the same images. It asks whether a strategy is broken, and not which
one wins: the test split serves here a second time, so nothing may be chosen by it.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics

from search.environment import start_backend

start_backend()

from sklearn.linear_model import LogisticRegression  # noqa: E402

from search.data.datasets import Images, load_dataset  # noqa: E402
from search.finals import everything  # noqa: E402
from search.ranking import finalists  # noqa: E402
from search.store import Store  # noqa: E402
from search.training.final import run_final  # noqa: E402
from search.trainings import make_spec  # noqa: E402


def main() -> None:
    """Prints a table in Markdown, a row a strategy as it is tested."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run")
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--strategies", help="names with commas between them (default: all)")
    options = parser.parse_args()
    store = Store(options.run)
    dataset = load_dataset(store.experiment)
    train = everything(dataset)
    test = dataset.open_test()
    best = finalists(store.trials(), store.experiment.objective)
    wanted = options.strategies.split(",") if options.strategies else list(best)
    print(f"{len(train.y)} training images, {options.epochs} epochs, {options.seeds} seeds\n")
    print("| strategy | test accuracy, mean ± SD, % | seconds an epoch | multiply-adds |")
    print("| :--- | ---: | ---: | ---: |")
    print(f"| linear classifier | {100 * linear(train, test):.1f} | | |", flush=True)
    for strategy in wanted:
        row = best[strategy]
        accuracies, seconds = [], []
        cached: dict = {}
        for seed in range(options.seeds):
            spec = dataclasses.replace(
                make_spec(store.experiment, dataset, row, seed),
                last_epoch=options.epochs,
                max_epochs=options.epochs,
            )
            result = run_final(spec, train, test, cached=cached)
            if result.columns["status"] != "completed":
                raise SystemExit(f"{strategy}, seed {seed}: {result.columns['message']}")
            accuracies.append(100 * result.columns["test_accuracy"])
            seconds += [epoch["seconds"] for epoch in result.epochs]
        spread = f" ± {statistics.stdev(accuracies):.1f}" if len(accuracies) > 1 else " (one seed)"
        print(
            f"| {strategy} | {statistics.fmean(accuracies):.1f}{spread} "
            f"| {statistics.median(seconds):.1f} | {row.multiply_adds:,} |",
            flush=True,
        )


def linear(train: Images, test: Images) -> float:
    """Returns the test accuracy of the best of a few strengths of regularization.

    The best by the test split itself, which favours it: the bar is as high as can be.
    """
    flat, flat_test = (images.x.reshape(len(images.x), -1) / 255.0 for images in (train, test))
    return max(
        LogisticRegression(C=strength, max_iter=300).fit(flat, train.y).score(flat_test, test.y)
        for strength in (0.01, 0.1, 1.0)
    )


if __name__ == "__main__":
    main()
