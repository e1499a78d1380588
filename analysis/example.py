"""A run that never was, for the examples in docstrings: frames alone, and no file."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.run import Run
from search.store import Experiment, FinalRow, InitialConfiguration, TrialRow

CONTROLS = ("cnn_control",)
CONFIGURATIONS, SEEDS, IMAGES, CLASSES = 4, 3, 300, 10
DATASET = "digits"


def example(given: Mapping[str, Sequence[int]] | None = None, **accuracies: float) -> Run:
    """Returns the run of a search of these strategies, each about so accurate.

    Args:
        given: strategy to the slots whose configurations came from designs.
        **accuracies: strategy to its test accuracy.

    >>> run = example(lines=0.9, patches=0.5)
    >>> len(run.trials), len(run.finals), run.controls
    (12, 6, ())
    """
    names = tuple(accuracies)
    labels = np.arange(IMAGES) % CLASSES
    initial = tuple(
        InitialConfiguration(name, _values(slot), f"designs/{name}.json")
        for name, slots in (given or {}).items()
        for slot in slots
    )
    trials = pd.DataFrame(
        trial for name in names for slot in range(CONFIGURATIONS)
        for trial in _trials(name, slot, accuracies[name] - 0.05 * slot)
    )  # fmt: skip
    strategies = pd.DataFrame(
        {
            "position": range(len(names)),
            "recurrent": [name not in CONTROLS for name in names],
            "summary": "",
        },
        index=pd.Index(names, name="strategy"),
    )
    return Run(
        path=Path(DATASET),
        experiment=Experiment(DATASET, names, final_seeds=SEEDS, initial=initial),
        about={},
        trials=trials,
        epochs=pd.DataFrame({"configuration": trials.configuration, "seconds": 0.25}),
        finals=pd.DataFrame(
            _final(name, seed, accuracies[name], labels) for name in names for seed in range(SEEDS)
        ),
        datasets=pd.DataFrame(
            {"dataset": [DATASET], "class_names": [[]], "test_labels": [labels], "test_copies": [0]}
        ),
        images=pd.DataFrame(),
        sequences=pd.DataFrame(),
        plans=pd.DataFrame(),
        strategies=strategies,
        report_directory=Path(DATASET, "report"),
    )


def _values(slot: int) -> dict[str, Any]:
    return {"units": 32 + slot}


def _trials(strategy: str, slot: int, score: float) -> list[dict[str, Any]]:
    """Returns a configuration's trials; the first alone is promoted to the end."""
    ends = (0, 1, 3, 9) if slot == 0 else (0, 1)
    rows = [
        TrialRow(
            f"{strategy}-0-2-{rung}-{slot}", DATASET, strategy, 0, 2, rung, slot, slot, "", first,
            last, "completed", score=score, val_loss=1 - score, parameters=1000,
            multiply_adds=30_000, timesteps=8, features=16, train_seconds=2.0, setup_seconds=1.0,
        )
        for rung, (first, last) in enumerate(itertools.pairwise(ends))
    ]  # fmt: skip
    own = {"hyperparameters": _values(slot), "configuration": f"{strategy}-0-2-{slot}"}
    return [dataclasses.asdict(row) | own for row in rows]


def _final(strategy: str, seed: int, accuracy: float, labels: np.ndarray) -> dict[str, Any]:
    """Returns a final that classifies so many images correctly, another seed others."""
    share = accuracy + 0.01 * (seed - 1)
    correct = (np.arange(IMAGES) + 7 * seed) % IMAGES < round(share * IMAGES)
    predicted = np.where(correct, labels, (labels + 1) % CLASSES)
    row = FinalRow(
        DATASET, strategy, f"{strategy}-0-2-2-0", seed, "completed", float(correct.mean()),
        test_loss=0.4, train_seconds=5.0, latency_ms=1.0, test_score=float(correct.mean()),
    )  # fmt: skip
    return dataclasses.asdict(row) | {"predictions": predicted}
