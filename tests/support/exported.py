"""Designs of a run whose finals did not keep their models: with weights that are made up."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np

from search.designs import describe, export_designs
from search.store import Store
from search.trainings import final_id
from spaces import build_design


def model_bytes(design: dict[str, Any]) -> bytes:
    """A design's model, with biases that are not zero, as the bytes of a `.keras` file."""
    keras.backend.clear_session(free_memory=False)
    model = build_design(design)
    rng = np.random.default_rng(0)
    for variable in model.trainable_variables:
        variable.assign(variable + rng.normal(0, 0.1, variable.shape))
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "model.keras"
        model.save(file)
        return file.read_bytes()


def keep_models(store: Store) -> None:
    """Keeps a model for every finalist and seed, as the finals do."""
    trials = {row.trial_id: row for row in store.trials()}
    (dataset,) = store.rows("datasets")
    for row in store.finals():
        if row.status == "completed":
            trial = trials[row.trial_id]
            design = describe(store.experiment, store.about, dataset, trial, [])
            store.save_checkpoint(final_id(row.strategy, row.seed), model_bytes(design))


def export(path: Path) -> list[Path]:
    """Writes the designs of a run, unless its search wrote them."""
    with Store.resume(path) as store:
        if store.design_files():
            return store.design_files()
        keep_models(store)
        return export_designs(store)
