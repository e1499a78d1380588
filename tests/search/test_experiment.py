"""What was asked for: saved with a run, and read back as it was."""

import json

import pytest

from search.experiment import Experiment, ExperimentError, derive_seed
from tests.support.stores import EXPERIMENT


def test_an_experiment_survives_json():
    fields = json.loads(json.dumps(EXPERIMENT.to_json()))
    assert Experiment.from_json(fields) == EXPERIMENT
    least = Experiment(dataset="digits", strategies=("lines",))
    assert Experiment.from_json(json.loads(json.dumps(least.to_json()))) == least


def test_seeds_follow_from_their_parts_alone():
    """And from all of them: "1" and 1 are told apart by their place, not by their type."""
    parts = [(0, "digits", "lines"), (0, "digits", "patches"), (1, "digits", "lines"), (0, "lines")]
    seeds = [derive_seed(*each) for each in parts]
    assert seeds == [derive_seed(*each) for each in parts]
    assert len(set(seeds)) == len(parts) and all(0 <= seed < 2**31 for seed in seeds)


@pytest.mark.parametrize(
    ("dataset", "name"), [("digits", "digits"), ("/data/cats.npz", "cats"), ("cats/", "cats")]
)
def test_a_data_set_is_called_by_its_last_part(dataset, name):
    assert Experiment(dataset, ("lines",)).dataset_name == name


def test_a_field_of_a_later_version_is_refused_in_one_line():
    with pytest.raises(ExperimentError, match="this version does not know 'later'") as refused:
        Experiment.from_json({"dataset": "digits", "strategies": ["lines"], "later": 1})
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("dataset", "", "length >= 1, at experiment.dataset"),
        ("strategies", [], "length >= 1, at experiment.strategies"),
        ("strategies", ["lines", ""], "length >= 1, at experiment.strategies[1]"),
        ("strategies", ["lines", "rows", "lines"], "second time, at experiment.strategies[2]"),
        ("image_size", [8], "length 2, got 1, at experiment.image_size"),
        ("image_size", [8, 10**9], "int <= 9999, at experiment.image_size[1]"),
        ("max_epochs", "9", "expected int, got str, at experiment.max_epochs"),
        ("max_epochs", 9.5, "expected int, got float, at experiment.max_epochs"),
        ("iterations", True, "expected int, got bool, at experiment.iterations"),
        ("factor", 1, "int >= 2, at experiment.factor"),
        ("batch_size", 10**12, "int <= 999999999, at experiment.batch_size"),
        ("seed", -1, "int >= 0, at experiment.seed"),
        ("budget", 0, "float > 0.0, at experiment.budget"),
        ("mirror", "no", "expected bool | null, got str, at experiment.mirror"),
    ],
)
def test_a_field_that_cannot_be_is_refused_by_name(field, value, named):
    with pytest.raises(ValueError, match="experiment") as refused:
        Experiment.from_json({**EXPERIMENT.to_json(), field: value})
    assert named in str(refused.value)


def test_a_run_of_before_is_read_by_its_words():
    """A limit of time held for the search alone, and is a budget now."""
    saved = Experiment("digits", ("lines",)).to_json()
    del saved["budget"], saved["initial"], saved["steps_per_epoch"]
    found = Experiment.from_json({**saved, "time_limit": 3.0, "seeds": []})
    assert found == Experiment("digits", ("lines",), budget=3.0)
