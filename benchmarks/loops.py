"""Our training loop against Keras's `fit`: how fast, how good, and what it costs around a step.

    python -m benchmarks.loops epochs [--dataset cifar10 --data-dir DIR] [--images 4000]
    python -m benchmarks.loops scores [--seeds 10] [--epochs 9]
    python -m benchmarks.loops overhead
    python -m benchmarks.loops peak --dataset cifar10 --data-dir DIR

`epochs`: seconds of an epoch after the first, the loops taking turns, each strategy's default
configuration. `scores`: the validation accuracy that both reach on digits, over seeds, and a t test
(Welch 1947). `overhead`: a step of the smallest `lines` on digits, in the loop and in the same
compiled call with nothing around it. `peak`: of each strategy's largest design, the arithmetic a
second, as a share of what a large matrix product gets.

With KERAS_BACKEND=jax the same on JAX. One process, one thread; run it alone.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

from search.environment import start_backend

start_backend()

import keras  # noqa: E402
import keras_tuner  # noqa: E402
import numpy as np  # noqa: E402
from scipy import stats  # noqa: E402

from benchmarks.throughput import spread  # noqa: E402
from search.data.datasets import Dataset, load_dataset  # noqa: E402
from search.experiment import Experiment  # noqa: E402
from spaces import STRATEGIES, SequenceHyperModel  # noqa: E402
from spaces.cost import cost  # noqa: E402
from spaces.training import loop  # noqa: E402
from spaces.training.prediction import predict  # noqa: E402

BATCH = 64


class Timed(keras.callbacks.Callback):
    """Notes the seconds of each epoch's steps, validation aside; there is none here."""

    only_watches = True

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Starts the clock."""
        self._began = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Reads it."""
        self.seconds.append(time.perf_counter() - self._began)


class Batches(keras.utils.PyDataset):
    """What Keras's loop was fed before: a new order every epoch, from the seed."""

    def __init__(self, x: np.ndarray, y: np.ndarray, seed: int):
        super().__init__()
        self.x, self.y, self.seed, self.epoch = x, y, seed, 0
        self.on_epoch_end()

    def __len__(self) -> int:
        return -(-len(self.x) // BATCH)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        chosen = self.order[index * BATCH : (index + 1) * BATCH]
        return self.x[chosen], self.y[chosen]

    def on_epoch_end(self) -> None:
        """Draws the next epoch's order."""
        self.order = np.random.default_rng([self.seed, self.epoch]).permutation(len(self.x))
        self.epoch += 1


def ours(
    model: keras.Model, x: np.ndarray, y: np.ndarray, epochs: int, seed: int, **options: Any
) -> None:
    """Trains by our loop."""
    loop.fit(model, x, y, seed=seed, epochs=epochs, batch_size=BATCH, **options)


def keras_fit(
    model: keras.Model, x: np.ndarray, y: np.ndarray, epochs: int, seed: int, **options: Any
) -> None:
    """Trains by Keras's `fit`, over a data set object, as we did before."""
    targets = np.eye(model.output_shape[-1], dtype="float32")[y]
    model.fit(Batches(x, targets, seed), epochs=epochs, shuffle=False, verbose=0, **options)


LOOPS: dict[str, Callable[..., None]] = {"Keras's fit": keras_fit, "our loop": ours}


def dataset_of(options: argparse.Namespace) -> Dataset:
    """Returns the images that are asked for."""
    experiment = Experiment(
        options.dataset,
        tuple(STRATEGIES),
        data_dir=options.data_dir,
        train_limit=options.images if options.dataset != "digits" else None,
    )
    return load_dataset(experiment)


def hypermodel_of(dataset: Dataset, strategy: str, epochs: int, seed: int) -> SequenceHyperModel:
    """Returns what builds a strategy's models for these images."""
    return SequenceHyperModel(
        dataset.image_shape,
        len(dataset.class_names),
        [strategy],
        decay_steps=epochs * -(-len(dataset.train.x) // BATCH),
        seed=seed,
    )


def epochs(options: argparse.Namespace) -> None:
    """Prints the seconds of an epoch by both loops."""
    dataset = dataset_of(options)
    x, y = dataset.train.x, dataset.train.y
    print(f"{options.dataset}, {len(x)} images, {keras.backend.backend()}\n")
    print("| strategy | Keras's fit, s an epoch | our loop, s an epoch | times as fast |")
    print("| :--- | ---: | ---: | ---: |", flush=True)
    for strategy in options.strategies:
        hypermodel = hypermodel_of(dataset, strategy, 9, 0)
        models = {name: hypermodel.build(keras_tuner.HyperParameters()) for name in LOOPS}
        seconds: dict[str, list[float]] = {name: [] for name in LOOPS}
        for name, train in LOOPS.items():
            train(models[name], x, y, 1, 0)  # compiles; not counted
        for _ in range(options.repeats):
            for name, train in LOOPS.items():
                clock = Timed()
                train(models[name], x, y, options.epochs, 0, callbacks=[clock])
                # The first has an extra cost in either: the data are put in place.
                seconds[name].append(min(clock.seconds))
        ratios = [a / b for a, b in zip(*seconds.values(), strict=True)]
        digits = 3 if statistics.median(seconds["our loop"]) < 1 else 2
        figures = [spread(each, digits) for each in seconds.values()]
        print(f"| `{strategy}` | {' | '.join(figures)} | {spread(ratios, 1)} |", flush=True)


def scores(options: argparse.Namespace) -> None:
    """Prints the accuracy that both loops reach on digits."""
    dataset = dataset_of(options)
    x, y, validation = dataset.train.x, dataset.train.y, dataset.validation
    print(f"digits, {options.epochs} epochs, {options.seeds} seeds, {keras.backend.backend()}\n")
    print("| strategy | Keras's fit, mean ± SD, % | our loop, mean ± SD, % | p |")
    print("| :--- | ---: | ---: | ---: |", flush=True)
    for strategy in options.strategies:
        found: dict[str, list[float]] = {name: [] for name in LOOPS}
        for seed in range(options.seeds):
            for name, train in LOOPS.items():
                hypermodel = hypermodel_of(dataset, strategy, options.epochs, seed)
                model = hypermodel.build(keras_tuner.HyperParameters())
                train(model, x, y, options.epochs, seed)
                logits = predict(model, validation.x)
                found[name].append(100 * float(np.mean(logits.argmax(1) == validation.y)))
        p = stats.ttest_ind(*found.values(), equal_var=False).pvalue
        means = [f"{statistics.mean(v):.2f} ± {statistics.stdev(v):.2f}" for v in found.values()]
        print(f"| `{strategy}` | {' | '.join(means)} | {p:.2f} |", flush=True)


def overhead(options: argparse.Namespace) -> None:
    """Prints what the loop costs around a step of the smallest `lines` on digits."""
    dataset = dataset_of(options)
    x, y = dataset.train.x, dataset.train.y
    hp = keras_tuner.HyperParameters()
    hp.values.update(lstm_units=32, lstm_layers=1, direction="forward", readout="last")
    model = hypermodel_of(dataset, "lines", 9, 0).build(hp)
    ours(model, x, y, 1, 0)
    steps = -(-len(x) // BATCH)
    data, recipe = loop.Data(x, y, 10), loop.Recipe(0, BATCH, None, "none", 0.0, (1.0,) * 10)
    program = loop.program_of(model, "uint8")
    given = loop.epoch_of(model.optimizer, 0, data, recipe, 0)
    state, make = loop.state_of(model), program.steps(BATCH, augmented=False)
    all_steps = [loop.on_device(np.int32(number)) for number in (0, steps)]
    bare, whole = [], []
    for _ in range(options.repeats * 10):
        began = time.perf_counter()
        float(make(state, given, *all_steps).loss)
        bare.append(1000 * (time.perf_counter() - began) / steps)
        clock = Timed()
        ours(model, x, y, 3, 0, callbacks=[clock])
        whole.append(1000 * statistics.median(clock.seconds) / steps)
    around = [a - b for a, b in zip(whole, bare, strict=True)]
    print("| ms a step | median (least to most) |\n| :--- | ---: |")
    print(f"| in the loop | {spread(whole, 3)} |")
    print(f"| the compiled call alone | {spread(bare, 3)} |")
    print(f"| around it | {spread(around, 3)} |")


def peak(options: argparse.Namespace) -> None:
    """Prints the arithmetic a second of each strategy's largest design."""
    one = np.random.default_rng(0).normal(size=(2048, 2048)).astype("float32")
    product = keras.ops.convert_to_tensor(one)
    times = []
    for _ in range(10):
        began = time.perf_counter()
        keras.ops.convert_to_numpy(keras.ops.matmul(product, product))
        times.append(time.perf_counter() - began)
    most = 2 * 2048**3 / min(times) / 1e9
    dataset = dataset_of(options)
    x, y = dataset.train.x, dataset.train.y
    print(f"A matrix product of 2,048 x 2,048: {most:.0f} GFLOP/s\n")
    print("| strategy | multiply-adds of one image, M | GFLOP/s | share of the peak, % |")
    print("| :--- | ---: | ---: | ---: |", flush=True)
    for strategy in options.strategies:
        hypermodel = hypermodel_of(dataset, strategy, 9, 0)
        space = keras_tuner.HyperParameters()
        hypermodel.build(space)
        hp = largest(hypermodel, space)
        model = hypermodel.build(hp)
        count = cost(model).multiply_adds
        clock = Timed()
        ours(model, x, y, 2, 0, callbacks=[clock])
        # Forwards, and backwards for the weights and for what was read: three times as much.
        rate = 3 * 2 * count * len(x) / min(clock.seconds) / 1e9
        figures = f"{count / 1e6:.1f} | {rate:.1f} | {100 * rate / most:.0f}"
        print(f"| `{strategy}` | {figures} |", flush=True)


def largest(
    hypermodel: SequenceHyperModel, space: keras_tuner.HyperParameters
) -> keras_tuner.HyperParameters:
    """Returns the values with the most multiply-adds, taking one hyperparameter after another."""
    best = keras_tuner.HyperParameters()
    best.values.update(space.values)
    for hyperparameter in space.space:
        if hyperparameter.name in ("learning_rate", "weight_decay", "dropout", "schedule"):
            continue
        counts = {}
        for value in hyperparameter.values:
            hp = keras_tuner.HyperParameters()
            hp.values.update({**best.values, hyperparameter.name: value})
            counts[value] = cost(hypermodel.build(hp)).multiply_adds
        best.values[hyperparameter.name] = max(counts, key=lambda value: counts[value])
    return best


WHAT = {"epochs": epochs, "scores": scores, "overhead": overhead, "peak": peak}


def main() -> None:
    """Prints a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=WHAT)
    parser.add_argument("--dataset", default="digits")
    parser.add_argument("--data-dir")
    parser.add_argument("--images", type=int, default=5000, help="a fifth of them validate")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--strategies", default=",".join(STRATEGIES))
    options = parser.parse_args()
    options.strategies = options.strategies.split(",")
    options.epochs = options.epochs or (9 if options.what == "scores" else 3)
    WHAT[options.what](options)


if __name__ == "__main__":
    main()
