"""A control that is one file and one line of the registry is a control everywhere."""

import csv

import pytest
from keras import layers

import run_search
from search.store import Store
from spaces import STRATEGIES, Strategy
from spaces.blocks import dropout_choice
from tests.support import small_run


def build(images, hp):
    """(batch, height, width, channels) -> (batch, features): all pixels at once."""
    flat = layers.Flatten(name="readout")(images)
    wide = layers.Dense(hp.Choice("units", [16, 32, 64]), activation="relu", name="dense")(flat)
    return layers.Dropout(dropout_choice(hp), name="dropout")(wide)


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """A small search of one strategy and two controls, one of which nobody has heard of."""
    second = Strategy("dense_control", "a second control: no recurrence", "this test", build, False)
    path = tmp_path_factory.mktemp("controls") / "run"
    # One trial each is enough.
    changes = ["--strategies", "lines,dense_control,cnn_control", "--max-epochs", "1"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(STRATEGIES, "dense_control", second)
        code = run_search.main([*small_run.ARGUMENTS, *changes, "--out", str(path), "--mirror"])
    assert code == 0
    return path


def test_the_run_knows_it(searched):
    store = Store(searched)
    rows = {row["strategy"]: row for row in store.rows("strategies")}
    assert {name: row["recurrent"] for name, row in rows.items()} == {
        "lines": 1, "dense_control": 0, "cnn_control": 0
    }  # fmt: skip
    assert rows["dense_control"]["position"] == len(STRATEGIES)
    assert {row["strategy"] for row in store.rows("sequences")} == {"lines"}
    assert len(store.design_files()) == 3


def test_the_report_judges_it_as_one(searched):
    page = (searched / "report" / "report.md").read_text(encoding="utf-8")
    assert "dense_control (control)" in page
    assert "cnn_control (control)" in page
    with (searched / "report" / "tables" / "against-control.csv").open(encoding="utf-8") as file:
        compared = [row["strategy"] for row in csv.DictReader(file)]
    assert compared == ["lines"], "no control is judged as recurrence"
