"""A run directory's contents, small and made up; and code that another process runs on it."""

import dataclasses
import os  # noqa: F401  (that other process uses it)
import signal  # noqa: F401  (likewise)
import subprocess
import sys
import textwrap
from pathlib import Path

from search import store as store_module  # noqa: F401  (likewise)
from search.experiment import Experiment
from search.rows import TrialRow
from search.store import Store  # noqa: F401  (likewise)

EXPERIMENT = Experiment(
    dataset="/data/cats & dögs.npz",
    strategies=("lines", "cnn_lines"),
    image_size=(24, 32),
    train_limit=100,
    mirror=True,
    max_epochs=27,
    budget=1.5,
    seed=0,
)
ABOUT = {"command": "python run_search.py --dataset 'cats & dögs'", "versions": {"keras": "3"}}
RESULT = {
    "status": "completed",
    "score": 0.5,
    "val_loss": 1.25,
    "finished": 2.0,
    "train_seconds": 1.0,
}
EPOCHS = [{"epoch": n, "loss": 1.0, "accuracy": 0.5, "seconds": 0.1} for n in (1, 2)]
ROOT = Path(__file__).parents[2]


def trial(trial_id="lines-0-2-0-0", **changes):
    strategy, *place = trial_id.rsplit("-", 4)
    iteration, bracket, rung, slot = map(int, place)
    row = TrialRow(
        trial_id=trial_id, dataset=EXPERIMENT.dataset_name, strategy=strategy,
        iteration=iteration, bracket=bracket, rung=rung, slot=slot, seed=5,
        hyperparameters='{"units": 8}', first_epoch=0, last_epoch=2,
        status="running", worker="here", started=1.0,
    )  # fmt: skip
    return dataclasses.replace(row, **changes)


def in_another_process(code, *arguments, wait=True):
    """Runs code where `Store`, `EXPERIMENT` and the rest of this file's names are at hand."""
    code = "from tests.support.stores import *\n" + textwrap.dedent(code)
    process = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    if wait:
        process.communicate(timeout=60)
    return process
