"""How fast one list of trials is trained: by stock KerasTuner, by Scanline with 1 worker and 2.

    python -m benchmarks.throughput [--repeats 3] [--strategies lines,cnn_lines,line_cnn]

The list, (configuration, epochs, promoted from), is what a search of Scanline's trains. Its workers
train it by searching again: the same seed gives the same list, which is checked. Stock KerasTuner
is given it as it stands: its own `Hyperband` tuner, with its checkpoints and its way of promotion,
under an oracle that reads the list out; the models are the same and compiled as Keras's guides
compile them, on as many threads as TensorFlow takes. It trains without augmentation, since there
plain `fit` has none, which is less work.

Each contender is a process of its own, timed as a whole, imports and start of the workers included.
They take turns, so that a machine whose speed drifts is fair to all.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

CONTENDERS = {
    "stock KerasTuner": ("stock",),
    "Scanline, 1 worker": ("scanline", "1"),
    "Scanline, 2 workers": ("scanline", "2"),
}


def main() -> None:
    """Times every contender so many times and prints a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--strategies", default="lines,cnn_lines,line_cnn")
    parser.add_argument("--max-epochs", type=int, default=9)
    parser.add_argument("--factor", type=int, default=3)
    parser.add_argument("--contender", nargs="+", help="(how this program calls itself)")
    parser.add_argument("--folder", type=Path, help="(likewise)")
    options = parser.parse_args()
    if options.contender:
        kind, *workers = options.contender
        if kind == "stock":
            stock(options.folder)
        else:
            scanline(options, int(workers[0]))
        return
    with tempfile.TemporaryDirectory() as folder:
        seconds = measure(options, Path(folder))
        trials = read_list(Path(folder))
    epochs = sum(trial["last_epoch"] - trial["first_epoch"] for trial in trials)
    print(
        f"{len(trials)} trials, {epochs} epochs, {options.repeats} repeats, {os.cpu_count()} cores"
    )
    print("\n| contender | seconds, median (least to most) | times as fast as stock |")
    print("| :--- | ---: | ---: |")
    for name, times in seconds.items():
        ratios = [one / own for one, own in zip(seconds["stock KerasTuner"], times, strict=True)]
        print(f"| {name} | {spread(times, 0)} | {spread(ratios, 2)} |")


def spread(values: list[float], digits: int) -> str:
    """Returns the median, and the least and the most."""
    least, middle, most = min(values), statistics.median(values), max(values)
    return f"{middle:.{digits}f} ({least:.{digits}f} to {most:.{digits}f})"


def measure(options: argparse.Namespace, folder: Path) -> dict[str, list[float]]:
    """Returns the seconds of every contender's runs, in the order of the rounds."""
    call(options, ("scanline", "1"), folder)  # makes the list; not counted
    seconds: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    for round_ in range(options.repeats):
        for name, contender in CONTENDERS.items():
            took = call(options, contender, folder)
            seconds[name].append(took)
            print(f"round {round_ + 1}: {name}: {took:.1f} s", file=sys.stderr, flush=True)
    return seconds


def call(options: argparse.Namespace, contender: tuple[str, ...], folder: Path) -> float:
    """Runs a contender in a process of its own and returns its seconds."""
    command = [
        *(
            sys.executable,
            "-m",
            "benchmarks.throughput",
            "--contender",
            *contender,
            "--folder",
            str(folder),
        ),
        *("--strategies", options.strategies),
        *("--max-epochs", str(options.max_epochs), "--factor", str(options.factor)),
    ]
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def list_file(folder: Path) -> Path:
    """Where the list of trials lies."""
    return folder / "trials.json"


def read_list(folder: Path) -> list[dict[str, Any]]:
    """Returns the list of trials."""
    trials: list[dict[str, Any]] = json.loads(list_file(folder).read_text())
    return trials


# Scanline


def scanline(options: argparse.Namespace, workers: int) -> None:
    """Searches, and leaves the list of trials behind, or compares it with the one that is there."""
    from search.devices import find_devices
    from search.environment import start_backend
    from search.execution import Execution
    from search.experiment import Experiment
    from search.workers.choice import make_workers, plan_workers
    from search.workers.forkserver import begin_imports

    execution = Execution(workers=workers)
    environments = plan_workers(execution, find_devices())
    if workers > 1:
        begin_imports(environments)
    start_backend(cpu_only=workers > 1)

    from search.data.datasets import load_dataset
    from search.store import Store
    from search.terminal.display import Display
    from search.terminal.progress import Progress
    from search.tuner import SequenceTuner, make_oracle

    experiment = Experiment(
        "digits",
        tuple(options.strategies.split(",")),
        max_epochs=options.max_epochs,
        factor=options.factor,
    )
    dataset = load_dataset(experiment)
    with (
        tempfile.TemporaryDirectory() as folder,
        Store.create(Path(folder) / "run", experiment, {}) as store,
        make_workers(execution, environments, print) as hands,
    ):
        oracle = make_oracle(experiment, dataset)
        display = Display(Progress(experiment, {}))
        SequenceTuner(oracle, store, dataset, hands, display, execution).search()
        rows = store.rows("trials")
    names = ("trial_id", "parent_id", "strategy", "hyperparameters", "first_epoch", "last_epoch")
    trials = [{name: row[name] for name in names} for row in rows]
    if not list_file(options.folder).exists():
        list_file(options.folder).write_text(json.dumps(trials))
    by_name = {trial["trial_id"]: trial for trial in read_list(options.folder)}
    if by_name != {trial["trial_id"]: trial for trial in trials}:
        raise SystemExit("the same search has trained other trials")


# Stock KerasTuner


def stock(folder: Path) -> None:
    """Trains the list by KerasTuner's own Hyperband tuner."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import keras
    import keras_tuner
    from keras import layers

    from search.data.datasets import load_dataset
    from search.experiment import Experiment
    from spaces import STRATEGIES

    trials = read_list(folder)
    dataset = load_dataset(Experiment("digits", ("lines",)))
    classes = len(dataset.class_names)
    steps = -(-len(dataset.train.x) // 64)

    def build(hp: keras_tuner.HyperParameters) -> keras.Model:
        name = hp.values.get("strategy", trials[0]["strategy"])
        images = keras.Input(dataset.image_shape)
        features = STRATEGIES[name].build(layers.Rescaling(1 / 127.5, offset=-1.0)(images), hp)
        model = keras.Model(images, layers.Dense(classes)(features))
        rate: Any = hp.Float("learning_rate", 3e-4, 1e-2, sampling="log")
        if hp.Choice("schedule", ["constant", "cosine"]) == "cosine":
            rate = keras.optimizers.schedules.CosineDecay(rate, steps * trials[-1]["last_epoch"])
        decay = hp.Float("weight_decay", 1e-4, 1e-1, sampling="log")
        model.compile(
            keras.optimizers.AdamW(rate, weight_decay=decay, global_clipnorm=1.0),
            keras.losses.CategoricalCrossentropy(
                from_logits=True, label_smoothing=hp.Choice("label_smoothing", [0.0, 0.1])
            ),
            metrics=["accuracy"],
            jit_compile=False,  # by default Keras tries, and is several times slower here
        )
        return model

    class ReadsAList(keras_tuner.Oracle):
        """Gives out the list, one trial after the other."""

        def populate_space(self, trial_id: str) -> dict[str, Any]:
            number = len(self.start_order)
            if number == len(trials):
                return {"status": keras_tuner.engine.trial.TrialStatus.STOPPED, "values": None}
            trial = trials[number]
            values = {
                **json.loads(trial["hyperparameters"]),
                "strategy": trial["strategy"],
                "tuner/epochs": trial["last_epoch"],
                "tuner/initial_epoch": trial["first_epoch"],
            }
            if trial["parent_id"]:
                names = [other["trial_id"] for other in trials]
                values["tuner/trial_id"] = self.start_order[names.index(trial["parent_id"])]
            return {"status": keras_tuner.engine.trial.TrialStatus.RUNNING, "values": values}

    with tempfile.TemporaryDirectory() as directory:
        tuner = keras_tuner.Hyperband(
            build, objective="val_accuracy", directory=directory, project_name="stock"
        )
        tuner.oracle = ReadsAList(objective=keras_tuner.Objective("val_accuracy", "max"))
        tuner.oracle._set_project_dir(tuner.directory, tuner.project_name)
        tuner.search(
            dataset.train.x,
            keras.utils.to_categorical(dataset.train.y, classes),
            batch_size=64,
            validation_data=(
                dataset.validation.x,
                keras.utils.to_categorical(dataset.validation.y, classes),
            ),
            verbose=0,
        )
        ended = [trial.status for trial in tuner.oracle.trials.values()]
    if ended != ["COMPLETED"] * len(trials):
        raise SystemExit(f"stock KerasTuner has completed {ended.count('COMPLETED')} trials")


if __name__ == "__main__":
    main()
