"""From a run directory to frames."""

import ast
import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

import analysis
from analysis import load_run
from analysis.run import best_first, hyperparameters, label, pending_finals, representatives
from search.metric import ACCURACY
from search.rows import FinalRow
from search.store import ExperimentError, Store
from tests.support.synthetic_runs import STRATEGIES, blob, final, make_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return load_run(make_run(tmp_path_factory.mktemp("tables") / "run", running=2))


def test_every_row_is_there(run):
    store = Store(run.path)
    for table in ("trials", "finals", "datasets", "epochs"):
        assert len(getattr(run, table)) == len(store.rows(table))
    assert run.experiment == store.experiment
    assert run.about["versions"]["keras"] == "3.15.1"


def test_a_configuration_has_one_curve_across_its_rungs(run):
    for _, curve in run.epochs.groupby("configuration"):
        assert list(curve.epoch) == list(range(1, len(curve) + 1))
        assert curve.strategy.nunique() == 1
    longest = run.epochs.groupby("configuration").size()
    assert sorted(longest[longest == 9].index) == sorted(f"{name}-0-2-0" for name in STRATEGIES)
    assert (run.epochs[run.epochs.configuration == "lines-0-2-0"].trial_id.nunique()) == 3


def test_hyperparameters_are_columns_and_unset_ones_missing(run):
    wide = hyperparameters(run.trials)
    assert list(wide.index) == list(run.trials.trial_id)
    of_lines = (run.trials.strategy == "lines").to_numpy()
    assert wide.own_0[of_lines].notna().all()
    assert wide.own_0[~of_lines].isna().all()


def test_predictions_and_labels_give_the_recorded_accuracy(run):
    labels = run.datasets.test_labels[0]
    for row in run.finals.itertuples():
        assert np.mean(row.predictions == labels) == pytest.approx(row.test_score)


def test_what_stands_for_a_strategy_is_what_was_retrained(tmp_path):
    path = make_run(tmp_path / "run", seeds=0, final_seeds=3)
    before = representatives(load_run(path))
    assert list(before.index) == list(STRATEGIES)
    trials = load_run(path).trials
    for name, row in before.iterrows():
        assert row.score == trials[trials.strategy == name].score.max()
    assert list(pending_finals(load_run(path))) == [3, 3, 3, 3]
    other = "lines-0-2-0-1"
    classes = np.zeros(300)
    with Store.resume(path) as store:
        store.record_test_labels("digits", blob(classes))
        store.record_final(FinalRow(**final("lines", 0, classes, classes) | {"trial_id": other}))
    after = load_run(path)
    assert representatives(after).trial_id["lines"] == other
    assert pending_finals(after)["lines"] == 2


def test_a_strategy_without_a_completed_trial_waits_for_no_finals(tmp_path):
    run = load_run(make_run(tmp_path / "run", broken=["lines"]))
    assert "lines" not in representatives(run).index
    assert not pending_finals(run).any()


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: (path / "experiment.json").write_text("{"),
        lambda path: (path / "results.sqlite").write_bytes(b"no database" * 500),
        lambda path: (path / "results.sqlite").unlink(),
        lambda path: sql(path, "UPDATE trials SET hyperparameters = '['"),
        lambda path: sql(path, "UPDATE datasets SET class_names = '5'"),
        lambda path: sql(path, "UPDATE finals SET predictions = x'00'"),
    ],
)
def test_a_damaged_run_is_one_line(tmp_path, damage):
    path = make_run(tmp_path / "run", strategies=["lines"], configurations=1)
    damage(path)
    with pytest.raises(ExperimentError) as error:
        load_run(path)
    assert len(str(error.value).splitlines()) == 1


def sql(path, statement):
    with Store(path).connect() as database:
        database.execute(statement)


def test_reading_leaves_the_run_as_it_was(tmp_path):
    path = make_run(tmp_path / "run", strategies=["lines"])
    before = {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}
    load_run(path)
    assert {file: file.read_bytes() for file in path.rglob("*") if file.is_file()} == before


def test_the_analysis_imports_nothing_but_the_store():
    for file in Path(analysis.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [node.module] if isinstance(node, ast.ImportFrom) else []
            names += [n.name for n in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                package = name.split(".")[0]
                assert package not in {"spaces", "keras", "tensorflow", "distributed", "dask"}
                allowed = ("search.metric", "search.store")
                assert package != "search" or name in allowed, (file.name, name)


def test_a_hyperparameter_of_any_json_type_is_kept(tmp_path):
    path = make_run(tmp_path / "run", strategies=["lines"], configurations=1, seeds=0)
    settings = {"a": None, "b": [1, 2], "c": {"d": 1}, "e": "x|y", "f": False}
    sql(path, f"UPDATE trials SET hyperparameters = '{json.dumps(settings)}'")
    assert load_run(path).trials.hyperparameters[0] == settings


def test_who_competes_is_read_from_the_run(tmp_path):
    path = make_run(tmp_path / "run", ["new", "lines", "mlp"], seeds=0, controls=["mlp"])
    run = load_run(path)
    assert list(run.strategies.index) == list(run.experiment.strategies)
    assert list(run.strategies.recurrent) == [True, True, False]
    assert run.strategies.position["lines"] == 0
    assert run.strategies.position.is_unique
    assert run.strategies.summary["new"] == "what new does"
    assert run.controls == ("mlp",)
    assert label([run], "mlp") == run.label("mlp") == "mlp (control)"
    assert label([run], "elsewhere") == "elsewhere"


def test_an_older_run_does_not_say_it_and_is_read_as_it_was_meant(tmp_path):
    path = make_run(tmp_path / "run", ["cnn_control", "later", "sweeps"], seeds=0, controls=[])
    sql(path, "DROP TABLE strategies")
    run = load_run(path)
    assert run.strategies.position.to_dict() == {"cnn_control": 10, "later": 11, "sweeps": 7}
    assert run.controls == ("cnn_control",)


def test_the_best_comes_first_whichever_way_the_metric_goes(run):
    lowest = dataclasses.replace(ACCURACY, direction="min")
    scores = best_first(run.trials, ACCURACY).score
    assert scores.is_monotonic_decreasing
    assert list(best_first(run.trials, lowest).score) == sorted(scores)


def test_statistics_hold_no_sentence_and_no_figure():
    for file in (Path(analysis.__file__).parent / "statistics").glob("*.py"):
        imported = {
            name
            for node in ast.walk(ast.parse(file.read_text("utf-8")))
            for name in (
                [f"{node.module}.{n.name}" for n in node.names]
                if isinstance(node, ast.ImportFrom)
                else [n.name for n in node.names]
                if isinstance(node, ast.Import)
                else []
            )
        }
        above = ("analysis.formatting", "analysis.report", "matplotlib", "seaborn")
        assert not [name for name in imported if name.startswith(above)], file.name
