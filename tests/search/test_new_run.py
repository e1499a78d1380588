"""A run directory for what was asked for."""

import contextlib
import time

from search.data.datasets import load_dataset
from search.new_run import by_budget, new_run
from search.options import experiment_of, make_parser
from tests.support.invented import InventedWorkers

NAMES = ("lines", "cnn_control")


def made(tmp_path, *arguments):
    """Returns a run that was made for these options, its dataset, and what was said."""
    options = make_parser().parse_args(
        ["--strategies", ",".join(NAMES), "--out", str(tmp_path / "run"), *arguments]
    )
    experiment, said = experiment_of(options, NAMES, ["digits"]), []
    dataset = load_dataset(experiment)
    if experiment.budget:

        def workers():
            return contextlib.nullcontext(InventedWorkers(2))

        ends = time.monotonic() + 60 * experiment.budget
        experiment = by_budget(options, experiment, dataset, workers, ends, said.append)
    store, oracle = new_run(options, experiment, dataset, arguments, said.append)
    store.close()
    return store, oracle, said


def test_what_was_left_to_the_data_is_chosen_and_recorded(tmp_path):
    store, oracle, said = made(tmp_path, "--max-epochs", "9")
    asked = store.experiment
    assert (asked.max_epochs, asked.min_epochs, asked.iterations, asked.final_seeds) == (9, 1, 5, 2)
    assert oracle.arms == [*NAMES] and said == []


def test_a_budget_chooses_and_what_was_given_stays(tmp_path):
    store, _, said = made(tmp_path, "--budget", "2", "--final-seeds", "2")
    asked = store.experiment
    assert asked.budget == 2 and asked.final_seeds == 2
    assert asked.iterations >= 1 and asked.most_iterations >= asked.iterations
    assert said[0].startswith("choosing what fits") and said[1].startswith("plan: ")
