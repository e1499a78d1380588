"""The examples of docs/library.md run as they stand, on a small real run."""

import re
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest

from search.designs import describe
from search.experiment import Experiment
from search.rows import TrialRow
from tests.support import exported

PAGE = (Path(__file__).parents[2] / "docs" / "library.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```", PAGE, re.M | re.S)


@pytest.fixture(scope="module")
def project(finished_run, tmp_path_factory):
    """A directory with the small run as `runs/digits`."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copytree(finished_run.path, folder / "runs" / "digits")
    exported.export(folder / "runs" / "digits")
    return folder


def execute(number, folder, monkeypatch):
    """Runs an example and returns the names that it leaves."""
    monkeypatch.chdir(folder)
    names: dict = {}
    exec(compile(EXAMPLES[number], f"example {number}", "exec"), names)
    return names


def test_there_are_three():
    assert len(EXAMPLES) == 3


def test_frames(project, monkeypatch, capsys):
    names = execute(0, project, monkeypatch)
    assert set(names["best"].index) == {"lines", "line_cnn"}
    assert names["curves"].notna().any().all() and list(names["curves"].index) == [1, 2]
    assert "multiply_adds" in capsys.readouterr().out


def test_a_design_is_built(project, monkeypatch):
    names = execute(1, project, monkeypatch)
    assert names["design"]["values"]["lstm_units"] == 128
    assert names["model"].input_shape == (None, 32, 32, 3)
    assert names["model"].output_shape == (None, 5)


def test_a_design_is_used_elsewhere(project, monkeypatch):
    names = execute(2, project, monkeypatch)
    trained = keras.models.load_model(
        project / "runs" / "digits" / "designs" / "digits-line_cnn.keras", safe_mode=True
    )
    logits = names["model"].predict(names["images"], verbose=0)
    np.testing.assert_allclose(logits, trained.predict(names["images"], verbose=0), atol=1e-6)
    assert names["own"].output_shape == (None, 3)


def test_every_key_is_explained():
    experiment = Experiment("digits", ("lines",))
    dataset = {"dataset": "digits", "height": 8, "width": 8, "channels": 1, "mirror": 0}
    dataset |= {"class_names": "[]", "train_images": 1, "validation_images": 1}
    trial = TrialRow(
        trial_id="lines-0-0-0-0", dataset="digits", strategy="lines", iteration=0, bracket=0,
        rung=0, slot=0, seed=0, hyperparameters="{}", first_epoch=0, last_epoch=1,
        status="completed",
    )  # fmt: skip
    design = describe(experiment, {}, dataset, trial, [])
    table = PAGE[PAGE.index("| key |") : PAGE.index("Files are named")]
    said = set(re.findall(r"`(\w+)`", table))
    assert said >= design.keys() | design["training"].keys() | design["scores"].keys()
    assert said >= design["size"].keys()
