"""The designs of a run: chosen by nothing but the validation, whole, loadable, safely named."""

import ast
import dataclasses
import json
import shutil

import keras
import numpy as np
import pytest

from search.designs import description, design_source, export_designs, file_name, weights_seed
from search.rows import FinalRow
from search.store import Store
from spaces import build_design
from tests.support import exported

HOSTILE = [
    *("../../etc/passwd", "a b", "a_b", "-rf", ".hidden", "con/aux", "x" * 10_000, ""),
    *("数字", "\u202egpj", "\ud800", 'q"""\nimport os\n"""'),
]


@pytest.fixture(scope="module")
def run(finished_run, tmp_path_factory):
    """The small run with its designs; read it, do not write."""
    path = tmp_path_factory.mktemp("designs") / "run"
    shutil.copytree(finished_run.path, path)
    exported.export(path)
    return Store(path)


def load(file):
    return json.loads(file.read_text(encoding="utf-8"))


def test_each_strategy_has_its_three_files_and_nothing_else_is_left(run):
    names = {file.name for file in run.designs_directory.iterdir()}
    assert names == {
        f"digits-{strategy}.{ending}"
        for strategy in ("lines", "line_cnn")
        for ending in ("json", "py", "keras")
    }
    assert not list((run.path / "checkpoints").iterdir())


def test_the_json_says_what_the_tables_say(run):
    trials = {row["trial_id"]: row for row in run.rows("trials")}
    finals = {row["strategy"]: row for row in run.rows("finals")}
    for file in run.design_files():
        design = load(file)
        row, final = trials[design["trial_id"]], finals[design["strategy"]]
        assert final["trial_id"] == row["trial_id"]
        assert design["values"] == json.loads(row["hyperparameters"])
        assert design["scores"]["validation_accuracy"] == row["score"]
        assert design["scores"]["test_accuracy"] == pytest.approx(final["test_accuracy"])
        assert design["size"]["multiply_adds"] == row["multiply_adds"]
        assert design["image_shape"] == [8, 8, 1] and design["classes"] == 10
        assert design["class_names"] == [str(digit) for digit in range(10)]
        # 100 images in batches of 64, in both epochs.
        assert design["training"]["images"] == 100 and design["training"]["decay_steps"] == 4
        assert design["versions"] == run.about["versions"]
        assert design["command"] == run.about["command"]


def test_json_source_and_weights_are_one_model(run):
    images = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 1))
    for file in run.design_files():
        trained = keras.models.load_model(file.with_suffix(".keras"), safe_mode=True)
        space: dict = {}
        exec(file.with_suffix(".py").read_text(encoding="utf-8"), space)
        for model in (space["build"](), build_design(load(file))):
            model.load_weights(file.with_suffix(".keras"))
            np.testing.assert_allclose(model(images), trained(images), atol=1e-6)
        assert space["CLASS_NAMES"] == load(file)["class_names"]
        assert max(map(len, file.with_suffix(".py").read_text().splitlines())) <= 100


def test_exported_again_they_are_the_same(run, tmp_path):
    shutil.copytree(run.path, tmp_path / "run")
    before = {file.name: file.read_bytes() for file in run.designs_directory.iterdir()}
    with Store.resume(tmp_path / "run") as store:
        export_designs(store)
        assert {f.name: f.read_bytes() for f in store.designs_directory.iterdir()} == before
        for file in store.designs_directory.iterdir():
            file.unlink()
        export_designs(store)  # without the models, all but the weights
        assert len(list(store.designs_directory.iterdir())) == 4
        for file in store.design_files():
            assert load(file)["weights"] is None
            assert "load_weights" not in file.with_suffix(".py").read_text()


def finals(*rows):
    return [FinalRow("digits", "lines", "lines-0-0-0-0", *row) for row in rows]


def test_the_weights_are_not_chosen_by_the_test_split():
    assert weights_seed(finals((5, "completed", 0.9), (4, "completed", 0.1))) == 4
    assert weights_seed(finals((4, "failed", None), (6, "completed", 1.0))) == 6
    assert weights_seed(finals((4, "failed", None))) is None


def test_the_lowest_seed_that_went_well_is_kept(run, tmp_path):
    shutil.copytree(run.path, tmp_path / "run")
    with Store.resume(tmp_path / "run") as store:
        shutil.rmtree(store.designs_directory)
        (first, second) = store.finals()
        infinite = {"test_accuracy": 1.0, "test_loss": float("inf")}
        for changed in (
            dataclasses.replace(first, status="failed", test_accuracy=None),
            dataclasses.replace(first, seed=2, **infinite),
            dataclasses.replace(first, seed=1, test_accuracy=0.0),
            dataclasses.replace(second, status="failed", test_accuracy=None),
        ):
            store.record_final(changed)
        exported.keep_models(store)
        (file,) = export_designs(store)  # the other strategy failed throughout
        design = load(file)
        assert design["strategy"] == first.strategy
        assert design["weights"]["seed"] == 1 and design["training"]["seed"] == 1
        assert [row["seed"] for row in design["scores"]["finals"]] == [1, 2]
        assert design["scores"]["finals"][1]["test_loss"] is None  # JSON has no infinity
        assert design["scores"]["test_accuracy"] == 0.5


def test_before_the_finals_there_is_no_design(run, tmp_path):
    shutil.copytree(run.path, tmp_path / "run")
    with Store.resume(tmp_path / "run") as store, store.connect() as database:
        database.execute("DELETE FROM finals")
        database.commit()
        assert export_designs(store) == []


# Names from outside


@pytest.mark.parametrize("name", HOSTILE, ids=lambda name: ascii(name[:20]))
def test_a_file_name_is_safe(name):
    stem = file_name(name, "lines")
    assert stem.endswith("-lines") and stem.isascii() and len(stem) < 100
    assert not stem.startswith((".", "-")) and not set(stem) & set('/\\:*?"<>| \n')


def test_file_names_are_plain_where_they_can_be_and_differ():
    assert file_name("cifar10", "sweeps") == "cifar10-sweeps"
    assert len({file_name(name, "lines") for name in HOSTILE}) == len(HOSTILE)


@pytest.mark.parametrize("name", HOSTILE, ids=lambda name: ascii(name[:20]))
def test_names_stay_within_strings(run, name):
    design = load(run.design_files()[0])
    plain = ast.parse(design_source(design))
    design |= {"dataset": name, "class_names": [name, *design["class_names"][1:]]}
    text = design_source({**design, "weights": {"file": file_name(name, "lines"), "seed": 0}})
    tree = ast.parse(text)
    assert [ast.dump(node) for node in tree.body[4:]] == [ast.dump(n) for n in plain.body[4:]]
    assert ast.literal_eval(tree.body[3].value) == design["class_names"]
    assert all(character == "\n" or character.isprintable() for character in text)
    assert len(description(design)) < 5_000


def test_a_run_with_a_hostile_name_exports(run, tmp_path):
    shutil.copytree(run.path, tmp_path / "run")
    name = '../a \u202e"""/\''
    with Store.resume(tmp_path / "run") as store:
        shutil.rmtree(store.designs_directory)
        with store.connect() as database:
            for table in ("datasets", "trials", "finals"):
                database.execute(f"UPDATE {table} SET dataset = ?", (name,))
        exported.keep_models(store)
        files = export_designs(store)
        assert len(files) == 2 and len(list(store.designs_directory.iterdir())) == 6
        assert {file.parent for file in files} == {store.designs_directory}
        for file in files:
            assert load(file)["dataset"] == name
            ast.parse(file.with_suffix(".py").read_text(encoding="utf-8"))
            assert (file.parent / load(file)["weights"]["file"]).exists()
