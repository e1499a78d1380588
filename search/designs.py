"""Winner -> design: its values as `.json`, its source as `.py`, its trained weights as `.keras`.

All of it follows from the run's tables and the models that the finals kept, so it can be made
again. docs/library.md says what the keys of the `.json` mean.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import re
import statistics
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras

from search.experiment import Experiment, ExperimentError
from search.metric import ACCURACY, METRICS
from search.ranking import cut_short, finalists
from search.rows import FinalRow, TrialRow
from search.store import Store
from search.trainings import final_id
from spaces import STRATEGIES, build_design
from spaces.cost import Cost
from spaces.design import FORMAT
from spaces.python_code import quoted
from spaces.source import source


def export_designs(store: Store) -> list[Path]:
    """Writes the design of every strategy whose final training went well at least once.

    Called after the finals, which keep each seed's model as the checkpoint `final_id`; those are
    deleted. Called again, it writes the same.

    Returns:
        The `.json` files.

    Raises:
        ExperimentError: a configuration cannot be built by this version.
    """
    trials = {row.trial_id: row for row in store.trials()}
    datasets = {row["dataset"]: row for row in store.rows("datasets")}
    finals, cut = store.finals(), cut_short(store.rows("searches"))
    best = finalists(trials.values(), store.experiment.objective, cut)
    written = []
    for strategy in dict.fromkeys(row.strategy for row in finals):
        # Of several finalists, one an iteration, the best by validation: no test has a say.
        mine = [row for row in finals if row.strategy == strategy]
        rows = [row for row in mine if row.trial_id == best[strategy].trial_id]
        seed = weights_seed(rows)
        name = file_name(mine[0].dataset, strategy)
        file = store.designs_directory / f"{name}.json"
        if seed is None:
            store.delete_design(file)  # of an extended run, where another configuration was best
            continue
        model = store.load_checkpoint(final_id(strategy, seed))
        if model is not None:
            file.unlink(missing_ok=True)  # or it might promise what these weights are not
            store.save_design(f"{name}.keras", model)
        design = describe(
            store.experiment, store.about, datasets[rows[0].dataset],
            trials[rows[0].trial_id], rows,
        )  # fmt: skip
        if file.with_suffix(".keras").exists():
            design["weights"] = {"file": f"{name}.keras", "seed": seed}
        try:
            text = design_source(design)
        except ValueError as error:
            raise ExperimentError(f"no design can be made of {strategy}: {error}") from error
        store.save_design(f"{name}.py", text.encode())
        design["source"] = f"{name}.py"
        # Last: it promises the other two.
        content = json.dumps(design, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        # A lone surrogate, which a file name on disk may hold, is no text.
        written.append(store.save_design(f"{name}.json", content.encode(errors="replace")))
    store.delete_checkpoints_except([])
    return written


def weights_seed(finals: Iterable[FinalRow]) -> int | None:
    """The seed whose weights a design keeps: the lowest one on which the training went well.

    Not the one with the highest test accuracy: chosen by the test split, its accuracy there would
    say too much of it.
    """
    return min((row.seed for row in finals if row.status == "completed"), default=None)


def file_name(dataset: str, strategy: str) -> str:
    """The name of a design's files without their endings: `<dataset>-<strategy>`.

    What not every file system takes becomes `_`; then a hash keeps two such names apart.
    """
    safe = re.sub(r"[^A-Za-z0-9_.-]", "_", dataset).lstrip(".-")[:60]
    if safe != dataset or not safe:
        digest = hashlib.sha256(dataset.encode(errors="surrogatepass")).hexdigest()[:6]
        safe = f"{safe}-{digest}" if safe else digest
    return f"{safe}-{strategy}"


def describe(
    experiment: Experiment,
    about: Mapping[str, Any],
    dataset: Mapping[str, Any],
    trial: TrialRow,
    finals: Sequence[FinalRow],
) -> dict[str, Any]:
    """Returns a trial's design, without files.

    Args:
        experiment: the search.
        about: command, versions and hardware of the run.
        dataset: its row of the table `datasets`.
        trial: its row of the table `trials`.
        finals: the strategy's rows of the table `finals`; none before they ran.
    """
    class_names = json.loads(dataset["class_names"])
    images = dataset["train_images"] + dataset["validation_images"]
    completed = [row for row in finals if row.status == "completed"]
    accuracies = [row.test_accuracy for row in completed if row.test_accuracy is not None]
    scores = [row.score for row in completed if row.score is not None]
    tested = [
        {
            "seed": row.seed,
            "test_score": row.score,
            "test_accuracy": row.test_accuracy,
            "test_loss": _finite(row.test_loss),
            "latency_ms": row.latency_ms,
        }
        for row in sorted(completed, key=lambda row: row.seed)
    ]
    return {
        "scanline_design": FORMAT,
        "dataset": dataset["dataset"],
        "strategy": trial.strategy,
        "image_shape": [dataset["height"], dataset["width"], dataset["channels"]],
        "classes": len(class_names),
        "class_names": class_names,
        "values": trial.values,
        "training": {
            "epochs": experiment.epochs_of_finals,
            "batch_size": experiment.batch_size,
            "images": images,
            "steps_per_epoch": experiment.steps_per_epoch,
            "decay_steps": experiment.epochs_of_finals
            * math.ceil(experiment.images_of_epoch(images) / experiment.batch_size),
            "mirror": bool(dataset["mirror"]),
            "class_weight": experiment.class_weight,
            "seed": weights_seed(finals) or 0,
        },
        "scores": {
            "metric": experiment.objective.name,
            "validation_score": trial.score,
            "validation_accuracy": trial.score if experiment.objective is ACCURACY else None,
            "validation_loss": trial.val_loss,
            "validation_epochs": trial.last_epoch,
            "test_accuracy": statistics.fmean(accuracies) if accuracies else None,
            "test_score": statistics.fmean(scores) if scores else None,
            "finals": tested,
        },
        "size": {each.name: getattr(trial, each.name) for each in dataclasses.fields(Cost)},
        "trial_id": trial.trial_id,
        "search_seed": experiment.seed,
        "versions": dict(about.get("versions") or {}),
        "command": about.get("command"),
        "weights": None,
        "source": None,
    }


def _finite(number: float | None) -> float | None:
    """Returns a number that JSON can hold; it has no infinity."""
    return number if number is not None and math.isfinite(number) else None


def design_source(design: Mapping[str, Any]) -> str:
    """Returns the source of a design's model, which imports Keras alone.

    Raises:
        ValueError: the design's model cannot be built.
    """
    # Or layers without a name of their own would be numbered on from those built before.
    keras.backend.clear_session(free_memory=False)
    constants = {"CLASS_NAMES": design["class_names"]}
    return source(build_design(design), description(design), constants)


def description(design: Mapping[str, Any]) -> str:
    """Returns the text at the head of a design's source."""
    height, width, channels = design["image_shape"]
    scores, training, weights = design["scores"], design["training"], design["weights"]
    strategy = STRATEGIES[design["strategy"]]
    label = METRICS[scores["metric"]].label
    name = design["dataset"]
    data = quoted(name if len(name) <= 60 else f"{name[:60]}…")
    version = design["versions"].get("scanline")
    searched = scores["validation_epochs"]
    paragraphs = [
        f"{strategy.name} for {data}: {strategy.summary}.",
        f"The best of its strategy that Scanline{f' {version}' if version else ''} found. It takes "
        f"images (batch, {height}, {width}, {channels}) with values from 0 to 255 and returns "
        f"logits (batch, {design['classes']}), a class each, in the order of CLASS_NAMES.",
        f"Validation {label} {scores['validation_score']:.4f} after "
        f"{searched} epoch{'s' if searched > 1 else ''} in the search, of "
        f"{training['epochs']} in a whole training.",
    ]
    tested = [row["test_score"] for row in scores["finals"]]
    if tested:
        paragraphs[-1] += (
            f" Test {label} {scores['test_score']:.4f}, the mean of {len(tested)} trainings "
            f"of {training['epochs']} epochs from scratch: "
            f"{', '.join(f'{accuracy:.4f}' for accuracy in tested)}."
        )
    text = "\n\n".join(
        textwrap.fill(paragraph, 96, break_long_words=False, break_on_hyphens=False)
        for paragraph in paragraphs
    )
    if weights:
        text += (
            f"\n\nThe weights of seed {weights['seed']}, the first:\n\n"
            f"    model = build()\n    model.load_weights({quoted(weights['file'])})\n"
            "    classes = model.predict(images).argmax(axis=1)"
        )
    # Every digit: who types the design again needs them.
    values = "".join(f"\n    {name} = {value!r}" for name, value in design["values"].items())
    return f"{text}\n\nIts hyperparameters:\n{values}"
